#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu

[ "$(uname -s)" = SunOS ] || {
    echo "dsr: this is not {% if illumos %}illumos{% else %}Solaris{% endif %}" >&2
    exit 1
}

# Only the objects of the set-up's own names.
{% for vip in vips %}
if ipadm show-addr lo0/{{ vip.object }} >/dev/null 2>&1; then
    ipadm delete-addr lo0/{{ vip.object }}
else
    echo "{{ vip.address }} was not added by the set-up"
fi
{% endfor %}

echo "undone: {{ list }}"
