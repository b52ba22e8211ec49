#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
state=/var/db/dsr-backend

die() {
    echo "dsr: $*" >&2
    exit 1
}

[ "$(uname -s)" = FreeBSD ] || die "this is not FreeBSD"
[ "$(id -u)" = 0 ] || die "run this as root"
{% for vip in vips %}

rm -f /etc/rc.conf.d/netif/dsr-{{ vip.slug }}
if [ -e "$state/{{ vip.slug }}" ]; then
{% if vip.family == 4 %}
    ifconfig lo0 inet {{ vip.address }} -alias || true
{% else %}
    ifconfig lo0 inet6 {{ vip.address }} -alias || true
{% endif %}
    rm "$state/{{ vip.slug }}"
else
    echo "{{ vip.address }} was not added by the set-up, and stays"
fi
{% endfor %}

# Only when nothing is left in them.
rmdir /etc/rc.conf.d/netif "$state" 2>/dev/null || true
echo "undone: {{ list }}"
