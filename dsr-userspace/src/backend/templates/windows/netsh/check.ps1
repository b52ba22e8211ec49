# {{ title }}
# {{ usage }}
{% include "windows/begin.ps1" %}
{% include "windows/netsh/find.ps1" %}

# A finding: the check's name, what is wrong, what fixes it.
$script:faults = 0
function Write-Fault($Check, $What, $Remedy) {
    $script:faults++
    Write-Output "fault: ${Check}: ${What}: ${Remedy}"
}

if (-not (Get-Loopback)) {
    Write-Fault 'adapter' 'there is no adapter {{ adapter }}' 'run the set-up again'
    exit 1
}
# netsh speaks the language of the system, and only English is understood here.
function Test-Enabled($Text, $Setting) { ($Text -match "^$Setting\s*:\s*enabled") -or -not ($Text -match "^$Setting") }
{% for family in ["ipv4", "ipv6"] if (family == "ipv4" and v4) or (family == "ipv6" and v6) %}

{% if named %}
$lanIp = netsh interface {{ family }} show interface "{{ interface }}"
{% else %}
$lanIp = netsh interface {{ family }} show interface $lan
{% endif %}
$loopbackIp = netsh interface {{ family }} show interface "{{ adapter }}"
if (-not ($lanIp -match '^Weak Host')) { Write-Output 'note: this system does not speak English: its {{ family }} weak host settings were not read' }
if (-not (Test-Enabled $lanIp 'Weak Host Receives')) {
    Write-Fault 'weak-host-receive' "$lan does not accept {{ family }} packets for the VIP" "netsh interface {{ family }} set interface $lan weakhostreceive=enabled"
}
if (-not (Test-Enabled $loopbackIp 'Weak Host Receives')) {
    Write-Fault 'weak-host-receive' '{{ adapter }} does not accept {{ family }} packets from other adapters' 'netsh interface {{ family }} set interface {{ adapter }} weakhostreceive=enabled'
}
if (-not (Test-Enabled $loopbackIp 'Weak Host Sends')) {
    Write-Fault 'weak-host-send' '{{ family }} answers from the VIP may not leave by another adapter' 'netsh interface {{ family }} set interface {{ adapter }} weakhostsend=enabled'
}
{% endfor %}
{% for vip in vips %}

$held = @(Get-Holder '{{ vip.address }}')
if ($held.Count -eq 0) {
    Write-Fault 'vip-held' '{{ vip.address }} is not an address of this host' 'run the set-up again'
}
foreach ($holder in $held) {
    if ($holder.ServiceName -ne 'msloop') {
        Write-Fault 'vip-elsewhere' "{{ vip.address }} is on $($holder.Description), which announces it" 'remove it there'
    }
}
if (@([Net.Dns]::GetHostAddresses([Net.Dns]::GetHostName()) | Where-Object { -not $held -and $_.IPAddressToString -eq '{{ vip.address }}' }).Count -ne 0) {
    Write-Fault 'dns-name' 'the name of this server resolves to {{ vip.address }}' 'remove the record from DNS'
}
{% for protocol, list in [("tcp", tcp_ports), ("udp", udp_ports)] if list %}
netsh advfirewall firewall show rule name="dsr-{{ vip.slug }}-{{ protocol }}" | Out-Null
if ($LASTEXITCODE -ne 0) { Write-Fault 'firewall' 'no rule lets {{ protocol }} {{ list }} through at {{ vip.address }}' 'run the set-up again' }
{% endfor %}
{% endfor %}

if ($script:faults -ne 0) { exit 1 }
Write-Output 'good: {{ list }}'
