# {{ title }}
# {{ usage }}
{% include "windows/begin.ps1" %}
{% include "windows/find.ps1" %}
New-Item -ItemType Directory -Path $state -Force | Out-Null
{% for vip in vips %}
Get-NetIPAddress -IPAddress '{{ vip.address }}' -ErrorAction SilentlyContinue | ForEach-Object {
    if ($_.InterfaceAlias -ne '{{ adapter }}') { throw "{{ vip.address }} is on $($_.InterfaceAlias), which announces it: remove it there" }
}
{% endfor %}

# The VIP is on an adapter without a wire: nobody on the network can ask it by ARP.
$loopback = Get-NetAdapter -Name '{{ adapter }}' -ErrorAction SilentlyContinue
if ($null -eq $loopback) {
{% include "windows/adapter.ps1" %}
    $id = [DsrLoopback]::Add((Join-Path $env:windir 'inf\netloop.inf'))
    Set-Content -Path (Join-Path $state 'adapter') -Value $id
    # The driver starts in the background.
    for ($try = 0; $try -lt 60 -and $null -eq $loopback; $try++) {
        Start-Sleep -Seconds 1
        $loopback = Get-NetAdapter | Where-Object { $_.PnPDeviceID -eq $id }
    }
    if ($null -eq $loopback) { throw 'the loopback adapter was added and does not appear: look into the device manager' }
    Rename-NetAdapter -InputObject $loopback -NewName '{{ adapter }}'
} elseif ($loopback.InterfaceDescription -notlike '*Loopback*') {
    throw 'an adapter named {{ adapter }} exists and is not a loopback adapter: rename it'
}
{% for family in ["IPv4", "IPv6"] if (family == "IPv4" and v4) or (family == "IPv6" and v6) %}

for ($try = 0; $try -lt 60; $try++) {
    if (Get-NetIPInterface -InterfaceAlias '{{ adapter }}' -AddressFamily {{ family }} -ErrorAction SilentlyContinue) { break }
    Start-Sleep -Seconds 1
}
# Windows takes packets only for addresses of the adapter that they came in by, unless that adapter is a weak host.
$was = Join-Path $state 'weak-host-receive-{{ family }}'
if (-not (Test-Path -Path $was)) {
    Set-Content -Path $was -Value (Get-NetIPInterface -InterfaceIndex $lan -AddressFamily {{ family }}).WeakHostReceive
}
Set-NetIPInterface -InterfaceIndex $lan -AddressFamily {{ family }} -WeakHostReceive Enabled
# Answers from the VIP leave by the other adapter: weak host send, on the adapter that has the VIP.
Set-NetIPInterface -InterfaceAlias '{{ adapter }}' -AddressFamily {{ family }} -WeakHostReceive Enabled -WeakHostSend Enabled
# Nobody is asked whether the VIP is taken; it is, by design.
Set-NetIPInterface -InterfaceAlias '{{ adapter }}' -AddressFamily {{ family }} -DadTransmits 0
# No route leads through it before another.
Set-NetIPInterface -InterfaceAlias '{{ adapter }}' -AddressFamily {{ family }} -AutomaticMetric Disabled -InterfaceMetric 254
{% endfor %}

# No names are announced and no files are shared under the VIP.
Disable-NetAdapterBinding -Name '{{ adapter }}' -ComponentID ms_msclient
Disable-NetAdapterBinding -Name '{{ adapter }}' -ComponentID ms_server
# The VIP must not become this server's address in DNS.
Set-DnsClient -InterfaceAlias '{{ adapter }}' -RegisterThisConnectionsAddress $false
{% for vip in vips %}

# This one address alone: no other becomes local. No connection of this server's own starts from it.
if (-not (Get-NetIPAddress -IPAddress '{{ vip.address }}' -ErrorAction SilentlyContinue)) {
    Set-Content -Path (Join-Path $state 'vip-{{ vip.slug }}') -Value '{{ vip.address }}'
    New-NetIPAddress -InterfaceAlias '{{ adapter }}' -IPAddress '{{ vip.address }}' -PrefixLength {{ vip.prefix }} -SkipAsSource $true | Out-Null
}
{% for protocol, list in [("tcp", tcp_ports), ("udp", udp_ports)] if list %}
# The ports of the services, at the VIP alone. The firewall stays on.
Remove-NetFirewallRule -Name 'dsr-{{ vip.slug }}-{{ protocol }}' -ErrorAction SilentlyContinue
New-NetFirewallRule -Name 'dsr-{{ vip.slug }}-{{ protocol }}' -DisplayName 'dsr backend {{ vip.address }} {{ protocol }}' -Direction Inbound -Action Allow -Profile Any -Protocol {{ protocol | upper }} -LocalAddress '{{ vip.address }}' -LocalPort {{ list }} | Out-Null
{% endfor %}
{% endfor %}

Write-Output 'done: {{ list }}'
Write-Output 'IIS: a site whose binding names an address answers at no other. Get-WebBinding shows them; the VIP needs one of its own, or one for all addresses:'
{% for vip in vips %}
Write-Output '    New-WebBinding -Name "Default Web Site" -Protocol http -Port 80 -IPAddress "{{ vip.address }}"'
{% endfor %}
