#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
faults=0

{% include "linux/begin.sh" %}
command -v nft >/dev/null || die "there is no nft here: install nftables"

{% include "shell/fault.sh" %}

table=$(nft list table inet dsr_backend 2>/dev/null || true)
{% for vip in vips %}
{% for port in ports %}
echo "$table" | grep -Fq '{{ vip.keyword }} daddr {{ vip.address }} {{ port.protocol }} dport {{ port.number }} {{ vip.target }}' ||
    fault nat-rule "no rule gives this host the packets for {{ vip.address }}, {{ port.protocol }} port {{ port.number }}" "run the set-up again"
{% else %}
echo "$table" | grep -Fq '{{ vip.keyword }} daddr {{ vip.address }} {{ vip.target }}' ||
    fault nat-rule "no rule gives this host the packets for {{ vip.address }}" "run the set-up again"
{% endfor %}
[ -z "$(ip -o address show to {{ vip.address }})" ] ||
    fault vip-elsewhere "{{ vip.address }} is an address of this host too, and may be answered for by ARP" "ip address del {{ vip.cidr }} dev lo"
{% endfor %}

[ "$faults" = 0 ] || exit 1
echo "good: {{ list }}"
