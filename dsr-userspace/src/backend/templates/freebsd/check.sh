#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
faults=0

# A finding: the check's name, what is wrong, what fixes it.
fault() {
    faults=$((faults + 1))
    echo "fault: $1: $2: $3"
}

# The interfaces that have an address.
holders() {
    ifconfig -a | awk -v address="$1" '
        /^[^ \t]/ { name = $1; sub(/:$/, "", name) }
        ($1 == "inet" || $1 == "inet6") && $2 == address { print name }
    '
}

[ "$(uname -s)" = FreeBSD ] || {
    echo "dsr: this is not FreeBSD" >&2
    exit 1
}
{% for vip in vips %}

held=no
for interface in $(holders {{ vip.address }}); do
    held=yes
    [ "$interface" = lo0 ] || fault vip-elsewhere "{{ vip.address }} is on $interface, which announces it" "ifconfig $interface {% if vip.family == 4 %}inet{% else %}inet6{% endif %} {{ vip.address }} -alias"
done
[ $held = yes ] || fault vip-held "{{ vip.address }} is not an address of this host" "run the set-up again"
[ -e /etc/rc.conf.d/netif/dsr-{{ vip.slug }} ] || fault persisted "{{ vip.address }} does not outlast a restart" "run the set-up again"
{% endfor %}

for setting in net.inet.ip.check_interface net.inet.ip.rfc1122_strong_es; do
    [ "$(sysctl -n $setting 2>/dev/null || echo 0)" = 0 ] ||
        fault strong-host "$setting is on, and drops packets for the VIP" "sysctl $setting=0"
done

[ "$faults" = 0 ] || exit 1
echo "good: {{ list }}"
