# {{ title }}
# {{ usage }}
{% include "windows/begin.ps1" %}
{% include "windows/find.ps1" %}

if (-not (Test-Path -Path $state)) {
    Write-Output "nothing to undo: no set-up is recorded in $state"
    exit 0
}
{% for vip in vips %}

{% for protocol in ["tcp", "udp"] %}
Remove-NetFirewallRule -Name 'dsr-{{ vip.slug }}-{{ protocol }}' -ErrorAction SilentlyContinue
{% endfor %}
$record = Join-Path $state 'vip-{{ vip.slug }}'
if (Test-Path -Path $record) {
    Remove-NetIPAddress -InterfaceAlias '{{ adapter }}' -IPAddress '{{ vip.address }}' -Confirm:$false -ErrorAction SilentlyContinue
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
foreach ($family in 'IPv4', 'IPv6') {
    $was = Join-Path $state "weak-host-receive-$family"
    if (Test-Path -Path $was) {
        Set-NetIPInterface -InterfaceIndex $lan -AddressFamily $family -WeakHostReceive (Get-Content -Path $was)
        Remove-Item -Path $was
    }
}
# Only an adapter that the set-up added.
$record = Join-Path $state 'adapter'
if (Test-Path -Path $record) {
{% include "windows/adapter.ps1" %}
    [DsrLoopback]::Remove((Get-Content -Path $record))
    Remove-Item -Path $record
}
Remove-Item -Path $state
Write-Output 'undone: {{ list }}'
