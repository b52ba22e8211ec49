#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
faults=0

{% include "shell/fault.sh" %}

{% include "bsd/holders.sh" %}

[ "$(uname -s)" = Darwin ] || {
    echo "dsr: this is not macOS" >&2
    exit 1
}
{% for vip in vips %}

{% include "bsd/held.sh" %}
[ -e /Library/LaunchDaemons/dsr.backend.{{ vip.slug }}.plist ] || fault persisted "{{ vip.address }} does not outlast a restart" "run the set-up again"
{% endfor %}

[ "$(sysctl -n net.inet.ip.check_interface 2>/dev/null || echo 0)" != 2 ] ||
    fault strong-host "net.inet.ip.check_interface is 2, and drops packets for the VIP" "sysctl -w net.inet.ip.check_interface=0"

[ "$faults" = 0 ] || exit 1
echo "good: {{ list }}"
