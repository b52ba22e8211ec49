#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu
faults=0

{% include "shell/fault.sh" %}

{% include "bsd/holders.sh" %}

[ "$(uname -s)" = FreeBSD ] || {
    echo "dsr: this is not FreeBSD" >&2
    exit 1
}
{% for vip in vips %}

{% include "bsd/held.sh" %}
[ -e /etc/rc.conf.d/netif/dsr-{{ vip.slug }} ] || fault persisted "{{ vip.address }} does not outlast a restart" "run the set-up again"
{% endfor %}

for setting in net.inet.ip.check_interface net.inet.ip.rfc1122_strong_es; do
    [ "$(sysctl -n $setting 2>/dev/null || echo 0)" = 0 ] ||
        fault strong-host "$setting is on, and drops packets for the VIP" "sysctl $setting=0"
done

[ "$faults" = 0 ] || exit 1
echo "good: {{ list }}"
