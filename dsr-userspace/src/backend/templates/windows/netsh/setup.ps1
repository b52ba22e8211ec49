# {{ title }}
# {{ usage }}
# The lines that begin with netsh can be written at any prompt as they are.
{% include "windows/begin.ps1" %}
{% include "windows/netsh/find.ps1" %}
New-Item -ItemType Directory -Path $state -Force | Out-Null
function Assert-Done { if ($LASTEXITCODE -ne 0) { throw 'netsh failed: its message is above' } }

# The VIP is on an adapter without a wire: nobody on the network can ask it by ARP.
$loopback = Get-Loopback
if ($null -eq $loopback) {
{% include "windows/adapter.ps1" %}
    $id = [DsrLoopback]::Add((Join-Path $env:windir 'inf\netloop.inf'))
    Set-Content -Path (Join-Path $state 'adapter') -Value $id
    # The driver starts in the background.
    $name = $null
    for ($try = 0; $try -lt 60 -and -not $name; $try++) {
        Start-Sleep -Seconds 1
        $name = Get-WmiObject -Class Win32_NetworkAdapter | Where-Object { $_.PNPDeviceID -eq $id } | ForEach-Object { $_.NetConnectionID }
    }
    if (-not $name) { throw 'the loopback adapter was added and does not appear: look into the device manager' }
    netsh interface set interface name="$name" newname="{{ adapter }}"
    Assert-Done
    $loopback = Get-Loopback
} elseif ($loopback.ServiceName -ne 'msloop') {
    throw 'an adapter named {{ adapter }} exists and is not a loopback adapter: rename it'
}
{% for family in ["ipv4", "ipv6"] if (family == "ipv4" and v4) or (family == "ipv6" and v6) %}

# Windows takes packets only for addresses of the adapter that they came in by, unless that adapter is a weak host.
{% if named %}
netsh interface {{ family }} set interface "{{ interface }}" weakhostreceive=enabled
{% else %}
netsh interface {{ family }} set interface $lan weakhostreceive=enabled
{% endif %}
Assert-Done
# Answers from the VIP leave by the other adapter: weak host send, on the adapter that has the VIP.
netsh interface {{ family }} set interface "{{ adapter }}" weakhostreceive=enabled
Assert-Done
netsh interface {{ family }} set interface "{{ adapter }}" weakhostsend=enabled
Assert-Done
# Nobody is asked whether the VIP is taken; it is, by design.
netsh interface {{ family }} set interface "{{ adapter }}" dadtransmits=0
Assert-Done
# No route leads through it before another.
netsh interface {{ family }} set interface "{{ adapter }}" metric=254
Assert-Done
{% endfor %}

# The VIP must not become this server's address in DNS: dhcp is where the server takes its DNS servers from, none is
# that nothing is registered.
netsh interface ipv4 set dnsservers "{{ adapter }}" source=dhcp register=none
Assert-Done
{% for vip in vips %}

# This one address alone: no other becomes local. No connection of this server's own starts from it.
if (-not (Get-Holder '{{ vip.address }}')) {
    Set-Content -Path (Join-Path $state 'vip-{{ vip.slug }}') -Value '{{ vip.address }}'
{% if vip.family == 4 %}
    netsh interface ipv4 add address "{{ adapter }}" address={{ vip.address }} mask=255.255.255.255 skipassource=true
{% else %}
    netsh interface ipv6 add address "{{ adapter }}" address={{ vip.cidr }} skipassource=true
{% endif %}
    Assert-Done
}
{% for protocol, list in [("tcp", tcp_ports), ("udp", udp_ports)] if list %}
# The ports of the services, at the VIP alone. The firewall stays on. The first line fails where no rule is there yet.
netsh advfirewall firewall delete rule name="dsr-{{ vip.slug }}-{{ protocol }}" | Out-Null
netsh advfirewall firewall add rule name="dsr-{{ vip.slug }}-{{ protocol }}" dir=in action=allow profile=any protocol={{ protocol }} localip={{ vip.address }} localport="{{ list }}"
Assert-Done
{% endfor %}
{% endfor %}

Write-Output 'done: {{ list }}'
Write-Output 'By hand: in the properties of the adapter {{ adapter }} remove the client for Microsoft networks and file sharing.'
Write-Output 'IIS: a site whose binding names an address answers at no other: the VIP needs a binding of its own, or one for all addresses.'
