#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
faults=0

{% include "shell/fault.sh" %}

[ "$(uname -s)" = SunOS ] || {
    echo "dsr: this is not {% if illumos %}illumos{% else %}Solaris{% endif %}" >&2
    exit 1
}
{% for vip in vips %}

# Colons in what ipadm prints for programs are escaped.
objects=$(ipadm show-addr -p -o addrobj,addr | sed -e 's|\\:|;|g' | awk -F: -v vip='{{ vip.address }}' '
    { gsub(/;/, ":", $2); sub(/\/.*/, "", $2); if ($2 == vip) print $1 }
')
[ -n "$objects" ] || fault vip-held "{{ vip.address }} is not an address of this host" "ipadm create-addr -T static -a local={{ vip.cidr }} lo0/{{ vip.object }}"
for object in $objects; do
    case $object in
        lo0/*) ;;
        *) fault vip-elsewhere "{{ vip.address }} is $object, and its interface announces it" "ipadm delete-addr $object" ;;
    esac
done
[ "$(ipadm show-prop -c -p hostmodel -o current ipv{{ vip.family }})" != strong ] ||
    fault strong-host "the host model of IPv{{ vip.family }} is strong, and drops packets for the VIP" "ipadm set-prop -p hostmodel=weak ipv{{ vip.family }}"
{% endfor %}

[ "$faults" = 0 ] || exit 1
echo "good: {{ list }}"
