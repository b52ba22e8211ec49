#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
state={{ state }}

{% include "linux/begin.sh" %}

# Takes a VIP away if the set-up gave it.
release() {
    [ -e "$state/vip/$4" ] || {
        echo "$1 was not added by the set-up, and stays"
        return
    }
    [ -z "$(ip -o "-$2" address show dev "$3" to "$1" 2>/dev/null)" ] || ip "-$2" address del "$1/$5" dev "$3"
    rm "$state/vip/$4"
    if [ -e "$state/vip/$4.link" ]; then
        ip link del "$3" 2>/dev/null || true
        rm "$state/vip/$4.link"
    fi
}
{% if files %}

# Removes a file that the set-up wrote.
forget() {
    if [ -e "$1" ] && head -n 1 "$1" | grep -q 'dsr backend setup'; then rm "$1"; fi
}
{% endif %}

[ -d "$state" ] || {
    echo "nothing to undo: no set-up is recorded in $state"
    exit 0
}

{% for vip in vips %}
release {{ vip.address }} {{ vip.family }} {{ vip.device }} {{ vip.slug }} {{ vip.prefix }}
{% endfor %}
{% for file in files if not file.shared %}
forget {{ file.path }}
{% endfor %}

# Another VIP of this host still needs the settings.
if [ -n "$(ls "$state/vip")" ]; then
    echo "undone: {{ list }}; the settings stay for the VIPs that are left"
    exit 0
fi

{% include "linux/forward/undo.sh" %}

# After the last VIP is gone, so that no ARP question about it was answered in between.
for was in "$state"/was/*; do
    [ -e "$was" ] || continue
    setting=/proc/sys/net/$(printf %s "${was##*/}" | tr + /)
    [ ! -e "$setting" ] || cat "$was" >"$setting"
    rm "$was"
done
{% for file in files if file.shared %}
forget {{ file.path }}
{% endfor %}
{% for directory in own %}
rmdir {{ directory }} 2>/dev/null || true
{% endfor %}
rmdir "$state/was" "$state/vip" "$state"
echo "undone: {{ list }}"
