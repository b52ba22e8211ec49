{% if devices %}

# Makes a device that takes off the headers of packets from any balancer. Nothing is sent through it.
tunnel() {
    if ! ip link show dev "$1" >/dev/null 2>&1; then
        : >"$state/tunnel/$1"
        # shellcheck disable=SC2086 # the words of its kind
        ip link add "$1" type $2 || die "this kernel makes no device of kind ${2%% *}: modprobe it"
    fi
{% if v4 %}
    # From an interface without an IPv4 address, rp_filter in either mode drops every packet: the dummy address (RFC 7600).
    ip -4 address replace 192.0.0.8/32 dev "$1" scope host
{% endif %}
    ip link set "$1" up
    # 2: what comes out of it is answered by another interface. The kernel uses the greater of `all` and this one.
    echo 2 >"/proc/sys/net/ipv4/conf/$1/rp_filter"
}

mkdir -p "$state/tunnel"
{% for device in devices %}
tunnel {{ device.name }} "{{ device.words }}"
{% endfor %}
{% endif %}
{% if fou %}
# What comes to the port of GUE is taken out of UDP, and then goes to the devices.
if [ -z "$(ip {{ fou.family }} fou show | awk '$2 == "{{ fou.port[5:] }}"')" ]; then
    echo "{{ fou.family }} {{ fou.port }}" >"$state/fou"
    ip {{ fou.family }} fou add {{ fou.port }} gue || die "this kernel takes no GUE: modprobe fou, for IPv6 fou6"
fi
{% endif %}
{% if codes %}

# One transaction: the table is made, or made anew, with exactly the codes given.
: >"$state/dscp"
nft -f - <<'END'
{{ code_rules }}
END
{% endif %}
