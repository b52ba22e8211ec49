{% include "shell/die.sh" %}

[ "$(id -u)" = 0 ] || die "run this as root"
command -v ip >/dev/null || die "there is no ip here: install iproute2"
{% if address %}
[ -n "$(ip -o address show to {{ address }})" ] || die "this host does not have {{ address }}: run this on the backend that has it"
{% endif %}
{% if named %}
ip link show dev {{ interface }} >/dev/null 2>&1 || die "this host has no interface {{ interface }}: ip link shows those that it has"
{% endif %}
