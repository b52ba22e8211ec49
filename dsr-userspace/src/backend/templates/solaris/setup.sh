#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu

{% include "shell/die.sh" %}

[ "$(uname -s)" = SunOS ] || die "this is not {% if illumos %}illumos{% else %}Solaris{% endif %}"
command -v ipadm >/dev/null || die "there is no ipadm here: on Solaris 10 write ifconfig lines, see docs/backends.md"
{% if address %}
ipadm show-addr -p -o addr | sed -e 's|/.*||' -e 's|\\||g' | grep -Fqx '{{ address }}' ||
    die "this host does not have {{ address }}: run this on the backend that has it"
{% endif %}
# ARP and neighbour solicitations are answered for the addresses of the interface that the question came in by, and the
# loopback speaks neither: nothing has to be set to keep silent. A strong host drops packets for an address of the
# loopback; weak is what the system comes with.
{% if v4 %}
[ "$(ipadm show-prop -c -p hostmodel -o current ipv4)" != strong ] ||
    die "the host model of IPv4 is strong, and drops packets for the VIP: ipadm set-prop -p hostmodel=weak ipv4"
{% endif %}
{% if v6 %}
[ "$(ipadm show-prop -c -p hostmodel -o current ipv6)" != strong ] ||
    die "the host model of IPv6 is strong, and drops packets for the VIP: ipadm set-prop -p hostmodel=weak ipv6"
# The loopback's IPv6 may not be there yet.
[ -n "$(ipadm show-addr -p -o addrobj lo0/v6 2>/dev/null)" ] || echo "note: lo0 has no IPv6 address of its own"
{% endif %}

# The object's name says whose it is. Without -t it is there again at every start of the host. The prefix makes no
# other address local.
{% for vip in vips %}
ipadm show-addr lo0/{{ vip.object }} >/dev/null 2>&1 || ipadm create-addr -T static -a local={{ vip.cidr }} lo0/{{ vip.object }}
{% endfor %}

echo "done: {{ list }}"
