#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
state=/var/db/dsr-backend
daemons=/Library/LaunchDaemons

die() {
    echo "dsr: $*" >&2
    exit 1
}

[ "$(uname -s)" = Darwin ] || die "this is not macOS"
[ "$(id -u)" = 0 ] || die "run this as root"
{% for vip in vips %}

launchctl bootout system/dsr.backend.{{ vip.slug }} 2>/dev/null || true
rm -f "$daemons/dsr.backend.{{ vip.slug }}.plist"
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

# Only when nothing is left in it.
rmdir "$state" 2>/dev/null || true
echo "undone: {{ list }}"
