#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
state=/var/db/dsr-backend
daemons=/Library/LaunchDaemons

{% include "shell/die.sh" %}

{% include "bsd/has.sh" %}

[ "$(uname -s)" = Darwin ] || die "this is not macOS"
[ "$(id -u)" = 0 ] || die "run this as root"
{% if address %}
has -a {{ address }} || die "this host does not have {{ address }}: run this on the backend that has it"
{% endif %}
# ARP and neighbour solicitations are answered for the addresses of the interface that the question came in by: nothing
# has to be set to keep silent. Only a strong end system drops packets for an address of the loopback.
[ "$(sysctl -n net.inet.ip.check_interface 2>/dev/null || echo 0)" != 2 ] ||
    die "net.inet.ip.check_interface is 2, and drops packets for the VIP: sysctl -w net.inet.ip.check_interface=0"

mkdir -p "$state"
{% for vip in vips %}

if ! has lo0 {{ vip.address }}; then
    ! has -a {{ vip.address }} || die "{{ vip.address }} is on another interface, which announces it"
    : >"$state/{{ vip.slug }}"
    # This one address alone: no other becomes local.
{% if vip.family == 4 %}
    ifconfig lo0 inet {{ vip.address }} netmask 255.255.255.255 alias
{% else %}
    ifconfig lo0 inet6 {{ vip.address }} prefixlen 128 alias
{% endif %}
fi
# The same at every start of the host.
cat >"$daemons/dsr.backend.{{ vip.slug }}.plist" <<'END'
{% include "macos/vip.plist" %}
END
chmod 644 "$daemons/dsr.backend.{{ vip.slug }}.plist"
launchctl print system/dsr.backend.{{ vip.slug }} >/dev/null 2>&1 ||
    launchctl bootstrap system "$daemons/dsr.backend.{{ vip.slug }}.plist"
{% endfor %}

echo "done: {{ list }}"
