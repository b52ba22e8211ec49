#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
state=/var/db/dsr-backend

{% include "shell/die.sh" %}

[ "$(uname -s)" = FreeBSD ] || die "this is not FreeBSD"
[ "$(id -u)" = 0 ] || die "run this as root"
{% for vip in vips %}

rm -f /etc/rc.conf.d/netif/dsr-{{ vip.slug }}
{% include "bsd/remove.sh" %}
{% endfor %}

# Only when nothing is left in them.
rmdir /etc/rc.conf.d/netif "$state" 2>/dev/null || true
echo "undone: {{ list }}"
