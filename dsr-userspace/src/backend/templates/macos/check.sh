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

[ "$(uname -s)" = Darwin ] || {
    echo "dsr: this is not macOS" >&2
    exit 1
}
{% for vip in vips %}

held=no
for interface in $(holders {{ vip.address }}); do
    held=yes
    [ "$interface" = lo0 ] || fault vip-elsewhere "{{ vip.address }} is on $interface, which announces it" "ifconfig $interface {% if vip.family == 4 %}inet{% else %}inet6{% endif %} {{ vip.address }} -alias"
done
[ $held = yes ] || fault vip-held "{{ vip.address }} is not an address of this host" "run the set-up again"
[ -e /Library/LaunchDaemons/dsr.backend.{{ vip.slug }}.plist ] || fault persisted "{{ vip.address }} does not outlast a restart" "run the set-up again"
{% endfor %}

[ "$(sysctl -n net.inet.ip.check_interface 2>/dev/null || echo 0)" != 2 ] ||
    fault strong-host "net.inet.ip.check_interface is 2, and drops packets for the VIP" "sysctl -w net.inet.ip.check_interface=0"

[ "$faults" = 0 ] || exit 1
echo "good: {{ list }}"
