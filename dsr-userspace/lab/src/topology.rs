//! The namespaces of a lab, wired: a switch with a bridge, and a veth pair from it to each node.

use std::{io, os::fd::AsFd, path::Path, sync::Arc, time::Duration};

use dsr_common::mac::Mac;
use tokio::time::{Instant, sleep};

use super::{
    error::{Doing, Result},
    net::{self, LinkState, Links, Namespace, Veth, write_sysctl},
    plan::{
        BRIDGE, BRIDGE_MAC, FAR_BRIDGE, FAR_BRIDGE_MAC, FAR_INTERFACE, Families, INTERFACE, Node, Placement, Shape,
        router, vip, vip6,
    },
    state::State,
    stop::Stop,
};
use crate::programs::Pass;

/// The namespaces of a lab. Dropping it removes them.
#[derive(Debug)]
pub(super) struct Topology {
    /// Lets the switch take what the balancer sends by XDP.
    _pass: Pass,
    /// The bridge; its ports are named after the nodes.
    pub(super) switch: Namespace,
    /// Sends requests.
    pub(super) client: Namespace,
    /// Runs the agent.
    pub(super) balancer: Arc<Namespace>,
    /// Forwards between client and balancer and the backends.
    pub(super) router: Option<Namespace>,
    /// Answer them; backend `n` is at `n - 1`.
    pub(super) backends: Vec<Namespace>,
}

impl Topology {
    /// Makes the namespaces and wires them; gives up when `stop` is set.
    pub(super) fn build(state: &State, shape: Shape, stop: &Stop) -> Result<Self> {
        let switch = Namespace::create(&state.namespace_name("switch"))?;
        let client = Namespace::create(&state.namespace_name(Node::Client))?;
        let balancer = Arc::new(Namespace::create(&state.namespace_name(Node::Balancer))?);
        let router = match shape.placement {
            Placement::Segment => None,
            Placement::Routed => Some(Namespace::create(&state.namespace_name(Node::Router))?),
        };
        let backends: Vec<Namespace> = (1..=shape.backends)
            .map(|number| stop.check().and_then(|()| backend(state, number)))
            .collect::<Result<_>>()?;
        let nodes = || nodes(&client, &balancer, router.as_ref(), &backends);
        for (_, namespace) in nodes() {
            namespace.run(quiet)??;
        }
        switch.block_on(|| connect(nodes(), router.as_ref()))??;
        let pass = switch.run(|| Pass::attach(&Node::Balancer.to_string()))??;
        let topology = Self { _pass: pass, switch, client, balancer, router, backends };
        for (node, namespace) in topology.nodes() {
            stop.check()?;
            namespace.block_on(|| bring_up(node, shape))??;
        }
        let ports = topology.nodes().count() + usize::from(topology.router.is_some());
        topology.switch.block_on(|| wait_for_ports(ports, stop))??;
        Ok(topology)
    }

    /// The nodes with their namespaces.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (Node, &Namespace)> {
        nodes(&self.client, &self.balancer, self.router.as_ref(), &self.backends)
    }
}

fn nodes<'a>(
    client: &'a Namespace,
    balancer: &'a Namespace,
    router: Option<&'a Namespace>,
    backends: &'a [Namespace],
) -> impl Iterator<Item = (Node, &'a Namespace)> {
    let router = router.map(|router| (Node::Router, router));
    let backends = (1..).map(Node::Backend).zip(backends);
    [(Node::Client, client), (Node::Balancer, balancer)].into_iter().chain(router).chain(backends)
}

fn backend(state: &State, number: u8) -> Result<Namespace> {
    Namespace::create(&state.namespace_name(Node::Backend(number)))
}

/// No IPv6, whose solicitations would be counted; no forwarding; answers may come from a VIP. IPv4 settings of a new
/// namespace are copied from the machine's, so each is written.
fn quiet() -> Result<()> {
    if Path::new("/proc/sys/net/ipv6").exists() {
        write_sysctl("ipv6/conf/all/disable_ipv6", "1")?;
        write_sysctl("ipv6/conf/default/disable_ipv6", "1")?;
    }
    write_sysctl("ipv4/ip_forward", "0")?;
    for interfaces in ["all", "default"] {
        write_sysctl(&format!("ipv4/conf/{interfaces}/rp_filter"), "0")?;
    }
    Ok(())
}

/// In a node's namespace: takes back that [`quiet`] forbids IPv6; no addresses but those of the lab.
fn speak_ipv6() -> Result<()> {
    for interfaces in ["all", "default", "lo", INTERFACE] {
        for (key, value) in [("accept_dad", "0"), ("accept_ra", "0"), ("autoconf", "0"), ("disable_ipv6", "0")] {
            write_sysctl(&format!("ipv6/conf/{interfaces}/{key}"), value)?;
        }
    }
    Ok(())
}

/// In the switch's namespace: the bridges, and a port for each node. A router has one on each.
async fn connect(nodes: impl Iterator<Item = (Node, &Namespace)>, router: Option<&Namespace>) -> Result<()> {
    quiet()?;
    let links = Links::open()?;
    let near = links.add_bridge(BRIDGE, BRIDGE_MAC).await?;
    let mut far = near;
    if let Some(router) = router {
        far = links.add_bridge(FAR_BRIDGE, FAR_BRIDGE_MAC).await?;
        let veth = Veth {
            bridge: far,
            port: FAR_PORT,
            port_mac: FAR_PORT_MAC,
            namespace: router.file().as_fd(),
            peer: FAR_INTERFACE,
            peer_mac: Node::FAR_MAC,
        };
        links.add_veth(&veth).await?;
    }
    for (node, namespace) in nodes {
        let port = node.to_string();
        let veth = Veth {
            bridge: if matches!(node, Node::Backend(_)) { far } else { near },
            port: &port,
            port_mac: node.port_mac(),
            namespace: namespace.file().as_fd(),
            peer: INTERFACE,
            peer_mac: node.mac(),
        };
        links.add_veth(&veth).await?;
    }
    Ok(())
}

/// In the switch's namespace: waits until every port forwards.
async fn wait_for_ports(ports: usize, stop: &Stop) -> Result<()> {
    let links = Links::open()?;
    let deadline = Instant::now() + PORTS_FORWARD_WITHIN;
    while links.forwarding_ports().await? < ports {
        stop.check()?;
        if Instant::now() > deadline {
            return Err(io::Error::from(io::ErrorKind::TimedOut)).doing(|| "bring up all ports of the switch");
        }
        sleep(POLL).await;
    }
    Ok(())
}

/// In a node's namespace: its settings, addresses and interfaces.
async fn bring_up(node: Node, shape: Shape) -> Result<()> {
    let links = Links::open()?;
    if shape.families == Families::Both {
        speak_ipv6()?;
    }
    links.set_state("lo", LinkState::Up).await?;
    match node {
        Node::Client => write_sysctl("ipv4/ip_local_port_range", "1024 65535")?,
        Node::Balancer => {}
        Node::Router => bring_up_router(&links, shape).await?,
        Node::Backend(_) => hold_vips(&links, shape).await?,
    }
    if node != Node::Balancer {
        net::disable_sender_offloads(INTERFACE)?;
    }
    links.add_address(INTERFACE, node.address(), shape.placement.prefix()).await?;
    if shape.families == Families::Both {
        links.add_address(INTERFACE, node.address6(), shape.placement.prefix6()).await?;
    }
    links.set_state(INTERFACE, LinkState::Up).await?;
    if shape.placement == Placement::Routed && node != Node::Router {
        let (gateway, gateway6) = router(node);
        links.add_default_route(gateway).await?;
        if shape.families == Families::Both {
            links.add_default_route(gateway6).await?;
        }
    }
    Ok(())
}

/// In the router's namespace: it forwards, and has an interface on the segment of the backends too.
async fn bring_up_router(links: &Links, shape: Shape) -> Result<()> {
    net::disable_sender_offloads(FAR_INTERFACE)?;
    write_sysctl("ipv4/ip_forward", "1")?;
    let (address, address6) = router(Node::Backend(1));
    links.add_address(FAR_INTERFACE, address, shape.placement.prefix()).await?;
    if shape.families == Families::Both {
        write_sysctl(&format!("ipv6/conf/{FAR_INTERFACE}/accept_dad"), "0")?;
        write_sysctl(&format!("ipv6/conf/{FAR_INTERFACE}/disable_ipv6"), "0")?;
        write_sysctl("ipv6/conf/all/forwarding", "1")?;
        links.add_address(FAR_INTERFACE, address6, shape.placement.prefix6()).await?;
    }
    links.set_state(FAR_INTERFACE, LinkState::Up).await
}

/// What makes a backend fit for Direct Server Return: it holds the VIPs, and never tells the network so.
async fn hold_vips(links: &Links, shape: Shape) -> Result<()> {
    for interface in ["all", "lo", INTERFACE] {
        write_sysctl(&format!("ipv4/conf/{interface}/arp_ignore"), "1")?;
        write_sysctl(&format!("ipv4/conf/{interface}/arp_announce"), "2")?;
    }
    for index in 0..shape.vips {
        links.add_address("lo", vip(index), 32).await?;
        if shape.families == Families::Both {
            // The kernel answers solicitations only for the addresses of the interface that they come in on.
            links.add_address("lo", vip6(index), 128).await?;
        }
    }
    Ok(())
}

/// The router's port on the bridge of the backends.
const FAR_PORT: &str = "router-far";
const FAR_PORT_MAC: Mac = Mac([2, 1, 10, 77, 1, 254]);

/// How long the kernel may take to let all ports forward.
const PORTS_FORWARD_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);
