{% for device in devices %}

ip link show dev {{ device.name }} up 2>/dev/null | grep -q . ||
    fault tunnel "no device takes off the tunnel's headers: {{ device.name }} is missing or down" "run the set-up again"
{% if v4 %}
[ -n "$(ip -o -4 address show dev {{ device.name }} 2>/dev/null)" ] ||
    fault tunnel "{{ device.name }} has no IPv4 address, so rp_filter drops what comes out of it" "run the set-up again"
{% endif %}
{% endfor %}
{% if fou %}

[ -n "$(ip {{ fou.family }} fou show | awk '$2 == "{{ fou.port[5:] }}"')" ] ||
    fault tunnel "the kernel does not take GUE from UDP {{ fou.port }}" "run the set-up again"
{% endif %}
{% if codes %}

# As nft shows them, codes have names: the VIPs are compared.
table=$(nft list table inet dsr_backend_dscp 2>/dev/null || true)
{% for code in codes %}
echo "$table" | grep -q '{{ code.keyword }} daddr set {{ code.vip }}$' ||
    fault dscp-rule "no rule turns the code {{ code.code }} back into {{ code.vip }}" "run the set-up again"
{% endfor %}
{% endif %}
