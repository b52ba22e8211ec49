# Networks for the cases: a switch, a client, a backend and a balancer in namespaces, and the balancer's agent.
# Sourced by the cases. Addresses: client 10.9.0.1, balancer 10.9.0.2 and 10.9.1.2, backend 10.9.1.3, VIP 10.9.0.100.

vip=10.9.0.100
client=10.9.0.1
backend=10.9.1.3
requests=20

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
    tries=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || die "waited in vain: $*"
        sleep 0.2
    done
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

# The machine's own virtio-net interfaces, wired by a bridge outside of it: each node's is eth0.
virtio_nodes() {
    while [ $# -gt 0 ]; do
        node "$1"
        ip link set "$2" down
        ip link set "$2" netns "$1" name eth0
        ip -n "$1" link set eth0 up
        shift 2
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
    ip -n "$1" link set "$2" up
}

# Lets veths of the switch take what XDP sends from the other end.
pass() {
    in_node switch xdp-pass "$@" >/run/case/pass.log 2>&1 &
    wait_for 20 grep -q attached /run/case/pass.log
}


# The client, with a route to the VIP.
be_client() {
    ip -n client addr add $client/24 dev eth0
}

# The backend: the VIP on its loopback, a web server, its way back to the client.
be_backend() {
    interface=$1
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

# The agent on interfaces, such as "eth0, eth1"; it is running when this returns, and ready if it can be.
agent() {
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
    in_node balancer dsr run -c /run/case/dsr.yaml >/run/case/agent.log 2>&1 &
    agent=$!
}

balancing() {
    wait_for 60 agent_or_dead
    kill -0 $agent || die "the agent ended"
}

agent_or_dead() {
    grep -q 'the backend can be reached' /run/case/agent.log || ! kill -0 $agent
}

# Every request of the client is answered.
all_answered() {
    wait_for 30 in_node client wget -q -T 2 -O /dev/null http://$vip/
    for number in $(seq $requests); do
        in_node client wget -q -T 5 -O - http://$vip/ | grep -q "the backend's page" || die "request $number"
    done
    in_node balancer wget -q -O - http://127.0.0.1:9650/metrics >/run/case/metrics
    grep '^dsr_member_new_flows_total' /run/case/metrics
    flows=$(sed -n 's/^dsr_member_new_flows_total.* //p' /run/case/metrics)
    [ "${flows%.*}" -ge $requests ] || die "the program counted $flows new flows"
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
