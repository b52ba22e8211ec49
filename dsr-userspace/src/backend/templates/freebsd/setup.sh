#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
state=/var/db/dsr-backend

{% include "shell/die.sh" %}

{% include "bsd/has.sh" %}

[ "$(uname -s)" = FreeBSD ] || die "this is not FreeBSD"
[ "$(id -u)" = 0 ] || die "run this as root"
{% if address %}
has -a {{ address }} || die "this host does not have {{ address }}: run this on the backend that has it"
{% endif %}
# ARP and neighbour solicitations are answered for the addresses of the interface that the question came in by, and
# the loopback has no wire: nothing has to be set to keep silent. Only a host that was told to take packets for the
# receiving interface's addresses alone (RFC 1122's strong end system model) has to be told otherwise.
for setting in net.inet.ip.check_interface net.inet.ip.rfc1122_strong_es; do
    [ "$(sysctl -n $setting 2>/dev/null || echo 0)" = 0 ] || die "$setting is on, and drops packets for the VIP: sysctl $setting=0"
done
[ ! -f /etc/rc.conf.d/netif ] || die "/etc/rc.conf.d/netif is a file: make it a directory, with that file in it"

mkdir -p "$state" /etc/rc.conf.d/netif
{% for vip in vips %}

if ! has lo0 {{ vip.address }}; then
    ! has -a {{ vip.address }} || die "{{ vip.address }} is on another interface, which announces it"
    : >"$state/{{ vip.slug }}"
    # This one address alone: no other becomes local.
{% if vip.family == 4 %}
    ifconfig lo0 inet {{ vip.cidr }} alias
{% else %}
    # no_dad: nobody is asked whether the VIP is taken; it is, by design.
    ifconfig lo0 inet6 {{ vip.address }} prefixlen 128 no_dad alias
{% endif %}
fi
# The same at every start of the host; after whatever rc.conf says of lo0.
cat >/etc/rc.conf.d/netif/dsr-{{ vip.slug }} <<'END'
# Written by dsr backend setup. Undone by its --undo.
{% if vip.family == 4 %}
ifconfig_lo0_aliases="${ifconfig_lo0_aliases} inet {{ vip.cidr }}"
{% else %}
ifconfig_lo0_aliases="${ifconfig_lo0_aliases} inet6 {{ vip.address }} prefixlen 128 no_dad"
{% endif %}
END
{% endfor %}

echo "done: {{ list }}"
