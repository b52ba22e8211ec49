#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
faults=0

{% include "linux/begin.sh" %}

{% include "shell/fault.sh" %}

# What the kernel goes by is the greater of `all` and the interface.
in_force() {
    all=$(cat "/proc/sys/net/ipv4/conf/all/$2")
    own=$(cat "/proc/sys/net/ipv4/conf/$1/$2")
    if [ "$own" -gt "$all" ]; then echo "$own"; else echo "$all"; fi
}

# Where a VIP is, and how.
held() {
    where=$(ip -o "-$2" address show to "$1" | awk '{ print $2, $4 }')
    [ -n "$where" ] || {
        fault vip-held "$1 is not an address of this host, which drops its packets or sends them back" "$4"
        return
    }
    echo "$where" | while read -r device prefix; do
        case $device in
            "$3") ;;
            *) echo "fault: vip-elsewhere: $1 is on $device, which announces it: ip address del $prefix dev $device" ;;
        esac
        [ "$prefix" = "$1/$5" ] || [ "$prefix" = "$1" ] ||
            echo "fault: vip-prefix: $1 is on $device as $prefix, which makes all of it local: ip address change $1/$5 dev $device; ip address del $prefix dev $device"
    done >"$found"
    faults=$((faults + $(wc -l <"$found")))
    cat "$found"
}

# The interfaces that ARP is spoken on{% if named %}: the one that was named{% endif %}.
interfaces() {
{% if named %}
    echo {{ interface }}
{% else %}
    ip -o link show up | awk -F': ' '$3 !~ /[<,](LOOPBACK|NOARP)[,>]/ { sub(/@.*/, "", $2); print $2 }'
{% endif %}
}

found=$(mktemp)
trap 'rm -f "$found"' EXIT

{% for vip in vips %}
held {{ vip.address }} {{ vip.family }} {{ vip.device }} "{{ remedy("vip-held", vip.cidr) }}" {{ vip.prefix }}
{% endfor %}
{% if v4 %}

for interface in $(interfaces); do
    [ -d "/proc/sys/net/ipv4/conf/$interface" ] || continue
    value=$(in_force "$interface" arp_ignore)
    case $value in
        1 | 2 | 8) ;;
        *) fault arp-ignore "$interface answers ARP for addresses of other interfaces (arp_ignore is $value), so for the VIP" "{{ remedy("arp-ignore", "$interface") }}" ;;
    esac
    value=$(in_force "$interface" arp_announce)
    [ "$value" = 2 ] ||
        fault arp-announce "$interface may send ARP requests from the VIP, which announces it (arp_announce is $value)" "{{ remedy("arp-announce", "$interface") }}"
    # Strict: a packet whose answer would leave by another interface is dropped. Clients come in here and are
    # answered by the default route.
    way=$(ip -4 -o route show default | awk '{ for (i = 1; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }')
    if [ "$(in_force "$interface" rp_filter)" = 1 ] && [ -n "$way" ] && [ "$way" != "$interface" ]; then
        fault rp-filter "$interface drops clients that are answered by $way (rp_filter is strict)" "{{ remedy("rp-filter", "$interface") }}"
    fi
done
{% endif %}
{% if v6 %}

if [ ! -e /proc/sys/net/ipv6/conf/lo/disable_ipv6 ]; then
    fault ipv6-enabled "this kernel has no IPv6" "start it without ipv6.disable=1"
elif [ "$(cat /proc/sys/net/ipv6/conf/lo/disable_ipv6)" != 0 ]; then
    fault ipv6-enabled "IPv6 is off on lo" "{{ remedy("ipv6-enabled", "lo") }}"
fi
# proxy_ndp together with an entry answers solicitations for addresses of other interfaces.
{% for vip in vips if vip.family == 6 %}
[ -z "$(ip -6 neighbour show proxy {{ vip.address }} 2>/dev/null)" ] ||
    fault ndp-proxy "{{ vip.address }} is answered for by proxy" "{{ remedy("ndp-proxy", vip.address) }}"
{% endfor %}
{% endif %}
{% if ports %}

# Something that listens on a port at a VIP, or at every address.
listens() {
    ss -H -l -n "-$2" "sport = :$3" | awk -v vip="$4" '
        { place = $4; sub(/:[0-9]+$/, "", place); sub(/%.*/, "", place) }
        place == vip || place == "*" || place == "[::]" || (place == "0.0.0.0" && vip !~ /:/) { found = 1 }
        END { exit !found }
    ' || fault port-listening "nothing listens on port $3/$1 at $4" "start the service, and let it listen on $4 or on all addresses"
}
{% for port in ports %}
{% for vip in vips %}
listens {{ port.protocol }} {{ port.protocol[0] }} {{ port.number }} {% if vip.family == 6 %}'[{{ vip.address }}]'{% else %}{{ vip.address }}{% endif %}

{% endfor %}
{% endfor %}
{% endif %}
{% include "linux/forward/check.sh" %}
{% for file in files %}

cmp -s {{ file.path }} - <<'END' || fault persisted "{{ file.path }} is not as the set-up writes it: it does not outlast a restart" "run the set-up again"
{{ file.content }}
END
{% endfor %}

[ "$faults" = 0 ] || exit 1
echo "good: {{ list }}"
