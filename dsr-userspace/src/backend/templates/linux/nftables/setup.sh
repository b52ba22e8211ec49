#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu

{% include "linux/begin.sh" %}
command -v nft >/dev/null || die "there is no nft here: install nftables"

# An address that the host has needs no rule, and would be answered for by ARP.
{% for vip in vips %}
[ -z "$(ip -o address show to {{ vip.address }})" ] || die "{{ vip.address }} is an address of this host: remove it, or set up without --nftables"
{% endfor %}

# One transaction: the table is made, or made anew, with exactly the VIPs given.
nft -f - <<'END'
{{ rules }}
END
echo "done: {{ list }}"
