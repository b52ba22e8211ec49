#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
state=/var/db/dsr-backend
daemons=/Library/LaunchDaemons

{% include "shell/die.sh" %}

[ "$(uname -s)" = Darwin ] || die "this is not macOS"
[ "$(id -u)" = 0 ] || die "run this as root"
{% for vip in vips %}

launchctl bootout system/dsr.backend.{{ vip.slug }} 2>/dev/null || true
rm -f "$daemons/dsr.backend.{{ vip.slug }}.plist"
{% include "bsd/remove.sh" %}
{% endfor %}

# Only when nothing is left in it.
rmdir "$state" 2>/dev/null || true
echo "undone: {{ list }}"
