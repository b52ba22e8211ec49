# {{ title }}
# {{ usage }}
{% include "windows/begin.ps1" %}
{% include "windows/find.ps1" %}

# A finding: the check's name, what is wrong, what fixes it.
$script:faults = 0
function Write-Fault($Check, $What, $Remedy) {
    $script:faults++
    Write-Output "fault: ${Check}: ${What}: ${Remedy}"
}

if (-not (Get-NetAdapter -Name '{{ adapter }}' -ErrorAction SilentlyContinue)) {
    Write-Fault 'adapter' 'there is no adapter {{ adapter }}' 'run the set-up again'
    exit 1
}
{% for family in ["IPv4", "IPv6"] if (family == "IPv4" and v4) or (family == "IPv6" and v6) %}

$lanIp = Get-NetIPInterface -InterfaceIndex $lan -AddressFamily {{ family }}
$loopbackIp = Get-NetIPInterface -InterfaceAlias '{{ adapter }}' -AddressFamily {{ family }}
if ($lanIp.WeakHostReceive -ne 'Enabled') {
    Write-Fault 'weak-host-receive' "$($lanIp.InterfaceAlias) does not accept {{ family }} packets for the VIP" "Set-NetIPInterface -InterfaceIndex $lan -AddressFamily {{ family }} -WeakHostReceive Enabled"
}
if ($loopbackIp.WeakHostReceive -ne 'Enabled') {
    Write-Fault 'weak-host-receive' '{{ adapter }} does not accept {{ family }} packets from other adapters' 'Set-NetIPInterface -InterfaceAlias {{ adapter }} -AddressFamily {{ family }} -WeakHostReceive Enabled'
}
if ($loopbackIp.WeakHostSend -ne 'Enabled') {
    Write-Fault 'weak-host-send' '{{ family }} answers from the VIP may not leave by another adapter' 'Set-NetIPInterface -InterfaceAlias {{ adapter }} -AddressFamily {{ family }} -WeakHostSend Enabled'
}
if ($loopbackIp.DadTransmits -ne 0) {
    Write-Fault 'duplicate-detection' '{{ adapter }} asks whether an {{ family }} VIP is taken' 'Set-NetIPInterface -InterfaceAlias {{ adapter }} -AddressFamily {{ family }} -DadTransmits 0'
}
{% endfor %}

foreach ($component in 'ms_msclient', 'ms_server') {
    $binding = Get-NetAdapterBinding -Name '{{ adapter }}' -ComponentID $component -ErrorAction SilentlyContinue
    if ($binding -and $binding.Enabled) {
        Write-Fault 'bindings' "$component is bound to {{ adapter }}" "Disable-NetAdapterBinding -Name {{ adapter }} -ComponentID $component"
    }
}
if ((Get-DnsClient -InterfaceAlias '{{ adapter }}').RegisterThisConnectionsAddress) {
    Write-Fault 'dns-registration' '{{ adapter }} registers its addresses in DNS' 'Set-DnsClient -InterfaceAlias {{ adapter }} -RegisterThisConnectionsAddress $false'
}
$names = @(Resolve-DnsName -Name ([Net.Dns]::GetHostName()) -DnsOnly -ErrorAction SilentlyContinue | Where-Object { $_.QueryType -eq 'A' -or $_.QueryType -eq 'AAAA' } | ForEach-Object { $_.IPAddress })
{% for vip in vips %}

$held = @(Get-NetIPAddress -IPAddress '{{ vip.address }}' -ErrorAction SilentlyContinue)
if ($held.Count -eq 0) {
    Write-Fault 'vip-held' '{{ vip.address }} is not an address of this host' 'New-NetIPAddress -InterfaceAlias {{ adapter }} -IPAddress {{ vip.address }} -PrefixLength {{ vip.prefix }} -SkipAsSource $true'
}
foreach ($address in $held) {
    if ($address.InterfaceAlias -ne '{{ adapter }}') {
        Write-Fault 'vip-elsewhere' "{{ vip.address }} is on $($address.InterfaceAlias), which announces it" "Remove-NetIPAddress -InterfaceIndex $($address.InterfaceIndex) -IPAddress {{ vip.address }}"
    }
    if ($address.PrefixLength -ne {{ vip.prefix }}) {
        Write-Fault 'vip-prefix' "{{ vip.address }} has the prefix length $($address.PrefixLength), which makes other addresses local" 'Set-NetIPAddress -IPAddress {{ vip.address }} -PrefixLength {{ vip.prefix }}'
    }
}
if ($names -contains '{{ vip.address }}') {
    Write-Fault 'dns-name' "the name of this server resolves to {{ vip.address }}" 'remove the record from DNS, and keep {{ adapter }} from registering'
}
{% for protocol, list in [("tcp", tcp_ports), ("udp", udp_ports)] if list %}
$rule = Get-NetFirewallRule -Name 'dsr-{{ vip.slug }}-{{ protocol }}' -ErrorAction SilentlyContinue
if (-not $rule -or $rule.Enabled -ne 'True' -or (@({{ list }}) | Where-Object { ($rule | Get-NetFirewallPortFilter).LocalPort -notcontains $_ })) {
    Write-Fault 'firewall' 'no rule lets {{ protocol }} {{ list }} through at {{ vip.address }}' 'run the set-up again'
}
{% endfor %}
{% endfor %}

if ($script:faults -ne 0) { exit 1 }
Write-Output 'good: {{ list }}'
