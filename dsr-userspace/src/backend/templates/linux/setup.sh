#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
state={{ state }}

{% include "linux/begin.sh" %}
{% if codes %}
command -v nft >/dev/null || die "there is no nft here: install nftables"
{% endif %}

# Sets a setting below /proc/sys/net, and remembers once how it was, for the undo script.
tune() {
    was="$state/was/$(printf %s "$1" | tr / +)"
    [ -e "$was" ] || cat "/proc/sys/net/$1" >"$was"
    echo "$2" >"/proc/sys/net/$1"
}

# What the kernel goes by is the greater of `all` and the interface.
in_force() {
    all=$(cat "/proc/sys/net/ipv4/conf/all/$2")
    own=$(cat "/proc/sys/net/ipv4/conf/$1/$2")
    if [ "$own" -gt "$all" ]; then echo "$own"; else echo "$all"; fi
}

# That no other interface has a VIP.
free() {
    elsewhere=$(ip -o "-$2" address show to "$1" | awk -v own="$3" '$2 != own { print $2; exit }')
    [ -z "$elsewhere" ] || die "$1 is an address of $elsewhere, which announces it: ip address del $1 dev $elsewhere"
}

# Gives an interface a VIP. One that is there already is left alone, now and by the undo script.
hold() {
    if [ -n "$(ip -o "-$2" address show dev "$3" to "$1")" ]; then return; fi
    : >"$state/vip/$4"
    # shellcheck disable=SC2086 # the options are words
    ip "-$2" address add "$1/$5" dev "$3" $6
}
{% if files %}

# Writes a file that is read when the machine starts; never over a file that somebody else wrote.
keep() {
    [ ! -e "$1" ] || head -n 1 "$1" | grep -q 'dsr backend setup' || die "$1 was not written by this script: move it away"
    cat >"$1.dsr-new"
    chmod "$2" "$1.dsr-new"
    mv "$1.dsr-new" "$1"
}

{% for directory in needs %}
[ -d {{ directory }} ] || die "{{ directory }} is not here: {{ program }} is not what sets up this host's network"
{% endfor %}
{% if ifupdown %}
grep -Eq '^[[:space:]]*source(-directory)?[[:space:]]+(/etc/network/)?interfaces\.d' /etc/network/interfaces ||
    die "/etc/network/interfaces does not read interfaces.d: add the line: source /etc/network/interfaces.d/*"
{% endif %}
{% endif %}

# Before anything is changed.
{% for vip in vips %}
free {{ vip.address }} {{ vip.family }} {{ vip.device }}
{% endfor %}
{% if v6 %}
[ -d /proc/sys/net/ipv6 ] || die "this kernel has no IPv6, and a VIP needs it"
{% endif %}
mkdir -p "$state/was" "$state/vip"

{% if v4 %}
# Before the VIP is there, so that no ARP question about it is answered in between.
# arp_ignore=1: answer only for addresses of the interface that the question came in by. The VIP is on another.
# (2 and 8 are stricter still and stay.)
case $(in_force {{ interface }} arp_ignore) in 1 | 2 | 8) ;; *) tune ipv4/conf/{{ interface }}/arp_ignore 1 ;; esac
# arp_announce=2: ask with the interface's own address. Else a question sent for an answer from the VIP tells it.
[ "$(in_force {{ interface }} arp_announce)" = 2 ] || tune ipv4/conf/{{ interface }}/arp_announce 2
{% endif %}
{% if v6 %}
# Neighbour solicitations are answered for the addresses of the interface that they came in by: nothing to set.
[ "$(cat /proc/sys/net/ipv6/conf/lo/disable_ipv6)" = 0 ] || tune ipv6/conf/lo/disable_ipv6 0
{% endif %}

{% for vip in vips %}
{% if vip.device != "lo" %}
# An interface that is only a place for an address: it has no wire and no ARP.
if ! ip link show dev {{ vip.device }} >/dev/null 2>&1; then
    : >"$state/vip/{{ vip.slug }}.link"
    ip link add {{ vip.device }} type dummy || die "this kernel makes no dummy interface: modprobe dummy"
fi
ip link set {{ vip.device }} up
{% endif %}
{% if vip.family == 4 %}
# /32: no other address becomes local. scope host: no connection of this host's own starts from it.
hold {{ vip.address }} 4 {{ vip.device }} {{ vip.slug }} 32 "scope host"
{% else %}
# /128: no other address becomes local. nodad: nobody is asked whether the VIP is taken; it is, by design.
# preferred_lft 0: no connection of this host's own starts from it as long as there is another address.
hold {{ vip.address }} 6 {{ vip.device }} {{ vip.slug }} 128 "nodad preferred_lft 0"
{% endif %}
{% endfor %}
{% for directory in own %}

mkdir -p {{ directory }}
{% endfor %}
{% for file in files %}

keep {{ file.path }} {{ file.mode }} <<'END'
{{ file.content }}
END
{% endfor %}
{% include "linux/forward/setup.sh" %}

echo "done: {{ list }}"
