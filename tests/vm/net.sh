# Networks for the cases: a switch, a client, a backend and a balancer in namespaces, and the balancer's agent.
# Sourced by the cases. Addresses: client 10.9.0.1, balancer 10.9.0.2 and 10.9.1.2, backend 10.9.1.3, VIP 10.9.0.100.

vip=10.9.0.100
client=10.9.0.1
backend=10.9.1.3
requests=20
# Names of the nodes' interfaces.
client_if=eth0
backend_if=eth0

# A command in a node.
in_node() {
    node=$1
    shift
    ip netns exec "$node" "$@"
}

die() {
    echo "FAILED: $*"
    exit 1
}

fact() {
    echo "$*" >>/run/case/facts
}

# Waits at most so many seconds until a command succeeds.
wait_for() {
    deadline=$(($(seconds) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(seconds)" -lt $deadline ] || die "waited in vain: $*"
        sleep 0.2
    done
}

seconds() {
    cut -d. -f1 /proc/uptime
}

node() {
    ip netns add "$1"
    in_node "$1" sh -c '
        echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
        echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
        echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
        echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter'
    ip -n "$1" link set lo up
}

# The machine's own virtio-net interfaces, wired by a bridge outside of it; they keep their names, so that they find
# back when the namespaces end.
virtio_nodes() {
    client_if=eth1
    backend_if=eth2
    for pair in balancer:eth0 client:eth1 backend:eth2; do
        node ${pair%:*}
        ip link set ${pair#*:} netns ${pair%:*}
        ip -n ${pair%:*} link set ${pair#*:} up
    done
}

# A veth pair from a node to a bridge in the namespace `switch`.
veth() {
    ip netns list | grep -qw switch || {
        node switch
        ip -n switch link add wire type bridge mcast_snooping 0
        ip -n switch link set wire up
    }
    ip -n switch link add "$1-$2" type veth peer name "$2" netns "$1"
    ip -n switch link set "$1-$2" master wire up
    in_node "$1" vm-guest whole "$2"
    ip -n "$1" link set "$2" up
}

# A node with a veth called eth0.
veth_nodes() {
    for name in "$@"; do
        node "$name"
        veth "$name" eth0
    done
}

# A balancer whose interfaces eth0 and eth1 are ports of bond0, of the mode and with the options given.
bonded_balancer() {
    node balancer
    ip -n balancer link add bond0 type bond mode "$@" miimon 100
    for port in eth0 eth1; do
        veth balancer $port
        bonded $port
    done
    ip -n balancer link set bond0 up
    pass balancer-eth0 balancer-eth1
}

# Makes an interface of the balancer a port of bond0.
bonded() {
    ip -n balancer link set $1 down
    ip -n balancer link set $1 master bond0
}

# A balancer whose interface eth0 is the port of br0.
bridged_balancer() {
    node balancer
    ip -n balancer link add br0 type bridge mcast_snooping 0 forward_delay 0
    veth balancer eth0
    ip -n balancer link set eth0 master br0
    ip -n balancer link set br0 up
    pass balancer-eth0
}

# Lets veths of the switch take what XDP sends from the other end.
pass() {
    in_node switch vm-guest pass "$@" >/run/case/pass.log 2>&1 &
    wait_for 100 grep -q attached /run/case/pass.log
}


# A real 802.1Q interface over another, number 100 unless told.
vlan() {
    ip -n "$1" link add link "$2" name "$2.${3:-100}" type vlan id "${3:-100}"
    ip -n "$1" link set "$2.${3:-100}" up
}

# The client, with a route to the VIP.
be_client() {
    ip -n client addr add $client/24 dev $client_if
}

# The backend: its addresses, of which one is on the client's network, the VIP on its loopback, a web server.
be_backend() {
    interface=$1
    ip -n backend addr add 10.9.0.3/24 dev $backend_if
    ip -n backend addr add $backend/24 dev "$interface"
    in_node backend sh -c 'for i in all '"$interface"'; do
        echo 1 >/proc/sys/net/ipv4/conf/$i/arp_ignore
        echo 2 >/proc/sys/net/ipv4/conf/$i/arp_announce
    done'
    ip -n backend addr add $vip/32 dev lo
    mkdir -p /run/case/www
    echo "the backend's page" >/run/case/www/index.html
    in_node backend httpd -p 80 -h /run/case/www
}

# The configuration for interfaces, such as "eth0, eth1".
configuration() {
    cat >/run/case/dsr.yaml <<YAML
interfaces: [$1]
${xdp_mode:+xdp_mode: $xdp_mode}
metrics: 127.0.0.1:9650
hash_seed: 0x5eed5eed5eed5eed
pools:
  web:
    backends:
      - {name: web1, address: $backend}
services:
  - {name: www, vip: $vip, port: 80, pool: web}
YAML
}

# The agent on interfaces; it is running when this returns, and ready if it can be.
agent() {
    configuration "$1"
    # Not by in_node: $! has to be the agent.
    # `ip netns exec` lays a fresh /sys over the one that the agent's pins are in.
    ip netns exec balancer sh -c 'mount -t bpf bpf /sys/fs/bpf && exec dsr run -c /run/case/dsr.yaml' \
        >/run/case/agent.log 2>&1 &
    agent=$!
}

balancing() {
    wait_for 60 agent_or_dead
    kill -0 $agent || die "the agent ended"
}

agent_or_dead() {
    grep -q 'the backend is reachable' /run/case/agent.log || ! kill -0 $agent
}

# One request of the client. (The timeout of busybox's own wget makes it crash.)
get() {
    in_node client timeout 5 wget -q -O - http://$vip/ | grep -q "the backend's page"
}

# Every request of the client is answered.
all_answered() {
    trap balancer_facts EXIT
    wait_for 30 get
    for number in $(seq $requests); do
        get || die "request $number"
    done
    trap - EXIT
    scrape
    flows=$(sed -n 's/^dsr_member_new_flows_total.* //p' /run/case/metrics)
    [ "${flows%.*}" -ge $requests ] || die "the program counted $flows new flows"
}

scrape() {
    in_node balancer wget -q -O - http://127.0.0.1:9650/metrics >/run/case/metrics
}

# All that may tell why nothing was answered.
balancer_facts() {
    scrape
    grep -v '^#' /run/case/metrics | grep -v ' 0$'
    for name in client backend balancer; do
        echo "--- $name"
        ip -n $name -s addr
        ip -n $name neigh
    done
}

# The agent ends on SIGTERM and takes its program away.
stops() {
    kill -TERM $agent
    wait $agent || die "the agent's exit code is $?"
    for interface in "$@"; do
        ! ip -n balancer link show "$interface" | grep -q xdp || die "a program stays on $interface"
    done
}

# The program is attached by the driver.
native() {
    for interface in "$@"; do
        ip -n balancer -d link show "$interface" | grep -q ' xdp ' || {
            ip -n balancer -d link show "$interface"
            die "no native program on $interface"
        }
    done
    grep 'attached natively' /run/case/agent.log
}
