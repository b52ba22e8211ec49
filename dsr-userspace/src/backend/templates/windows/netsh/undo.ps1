# {{ title }}
# {{ usage }}
{% include "windows/begin.ps1" %}
{% include "windows/netsh/find.ps1" %}

if (-not (Test-Path -Path $state)) {
    Write-Output "nothing to undo: no set-up is recorded in $state"
    exit 0
}
{% for vip in vips %}

# These fail where no rule is there.
{% for protocol in ["tcp", "udp"] %}
netsh advfirewall firewall delete rule name="dsr-{{ vip.slug }}-{{ protocol }}" | Out-Null
{% endfor %}
$record = Join-Path $state 'vip-{{ vip.slug }}'
if (Test-Path -Path $record) {
    netsh interface ipv{{ vip.family }} delete address "{{ adapter }}" address={{ vip.address }}
    Remove-Item -Path $record
} else {
    Write-Output '{{ vip.address }} was not added by the set-up, and stays'
}
{% endfor %}

# Another VIP of this host still needs the adapter and the settings.
if (Test-Path -Path (Join-Path $state 'vip-*')) {
    Write-Output 'undone: {{ list }}; the settings stay for the VIPs that are left'
    exit 0
}
# What Windows comes with: netsh does not tell programs what was set before.
{% for family in ["ipv4", "ipv6"] if (family == "ipv4" and v4) or (family == "ipv6" and v6) %}
{% if named %}
netsh interface {{ family }} set interface "{{ interface }}" weakhostreceive=disabled
{% else %}
netsh interface {{ family }} set interface $lan weakhostreceive=disabled
{% endif %}
{% endfor %}
# Only an adapter that the set-up added.
$record = Join-Path $state 'adapter'
if (Test-Path -Path $record) {
{% include "windows/adapter.ps1" %}
    [DsrLoopback]::Remove((Get-Content -Path $record))
    Remove-Item -Path $record
}
Remove-Item -Path $state
Write-Output 'undone: {{ list }}'
