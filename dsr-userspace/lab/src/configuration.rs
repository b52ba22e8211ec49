//! The configuration files of a lab: the balancer's, and in forward modes that cross routers the backends'. Pure.

use std::net::IpAddr;

use dsr_common::forward::ForwardMode;

use super::plan::{Families, INTERFACE, METRICS_PORT, Node, PORT, Shape, vip, vip6};

/// That of the agent: one pool of all backends, a service at [`PORT`] of each VIP.
pub(super) fn of_balancer(shape: Shape) -> String {
    let head = format!("interfaces: [{INTERFACE}]\nmetrics: 127.0.0.1:{METRICS_PORT}\nhash_seed: 0x5eed5eed5eed5eed\n");
    let codes = if shape.forward == ForwardMode::Dscp { codes(shape) } else { String::new() };
    let mut pools = format!("pools:\n{}", pool(shape, "web", |node| node.address().into()));
    if pool_of_v6(shape) != "web" {
        pools += &pool(shape, pool_of_v6(shape), |node| node.address6().into());
    }
    let services = (0..shape.vips).map(|index| service(index, shape));
    [head, codes, pools, "services:\n".to_owned()].into_iter().chain(services).collect()
}

/// That of a backend's own agent.
pub(super) fn of_backend(shape: Shape) -> String {
    let balancers: Vec<IpAddr> = vec![Node::Balancer.address().into(), Node::Balancer.address6().into()];
    let end = match shape.forward {
        ForwardMode::Dscp => codes(shape),
        mode => format!("accept: [{}]\n", mode.name()),
    };
    // The lab has put the VIPs there already.
    format!(
        "interfaces: [{INTERFACE}]\nbalancers: {}\nvips: {}\nhold_vips: false\n{end}",
        list(&balancers),
        list(&vips(shape))
    )
}

/// The DSCP code of each VIP.
fn codes(shape: Shape) -> String {
    let code = |(index, vip): (usize, &IpAddr)| format!("\"{vip}\": {}", index + 1);
    let codes: Vec<_> = vips(shape).iter().enumerate().map(code).collect();
    format!("dscp: {{{}}}\n", codes.join(", "))
}

fn vips(shape: Shape) -> Vec<IpAddr> {
    let of = |index| {
        let ipv6 = (shape.families == Families::Both).then(|| vip6(index).into());
        [vip(index).into()].into_iter().chain(ipv6)
    };
    (0..shape.vips).flat_map(of).collect()
}

fn list(addresses: &[IpAddr]) -> String {
    let quoted: Vec<_> = addresses.iter().copied().map(quoted).collect();
    format!("[{}]", quoted.join(", "))
}

/// An address as YAML takes it.
fn quoted(address: IpAddr) -> String {
    if address.is_ipv4() { address.to_string() } else { format!("\"{address}\"") }
}

/// The pool of IPv6 VIPs: the same, unless the mode keeps the family.
fn pool_of_v6(shape: Shape) -> &'static str {
    if shape.forward == ForwardMode::Dscp && shape.families == Families::Both { "web6" } else { "web" }
}

fn pool(shape: Shape, name: &str, address: impl Fn(Node) -> IpAddr) -> String {
    let member = |node: Node| format!("      - {{name: {node}, address: {}}}\n", quoted(address(node)));
    let members: String = (1..=shape.backends).map(Node::Backend).map(member).collect();
    // Only a check knows what a backend behind a router does with its packets.
    let health = if shape.forward.is_routed() { "    health: {tcp: {}, interval: 1s}\n" } else { "" };
    format!("  {name}:\n    forward: {}\n{health}    backends:\n{members}", shape.forward.name())
}

fn service(index: u8, shape: Shape) -> String {
    let number = if index == 0 { String::new() } else { (index + 1).to_string() };
    let ipv4 = format!("  - {{name: www{number}, vip: {}, port: {PORT}, pool: web}}\n", vip(index));
    match shape.families {
        Families::Ipv4 => ipv4,
        Families::Both => {
            let pool = pool_of_v6(shape);
            ipv4 + &format!("  - {{name: www{number}-v6, vip: \"{}\", port: {PORT}, pool: {pool}}}\n", vip6(index))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Placement;

    const L2: Shape = Shape {
        backends: 2,
        vips: 2,
        families: Families::Ipv4,
        placement: Placement::Segment,
        forward: ForwardMode::L2,
    };

    #[test]
    fn each_backend_and_vip_is_named_once() {
        let expected = "\
interfaces: [eth0]
metrics: 127.0.0.1:9650
hash_seed: 0x5eed5eed5eed5eed
pools:
  web:
    forward: l2
    backends:
      - {name: web1, address: 10.77.1.1}
      - {name: web2, address: 10.77.1.2}
services:
  - {name: www, vip: 10.77.0.10, port: 80, pool: web}
  - {name: www2, vip: 10.77.0.11, port: 80, pool: web}
";
        assert_eq!(of_balancer(L2), expected);
    }

    #[test]
    fn each_ipv6_vip_has_its_service_too() {
        let yaml = of_balancer(Shape { backends: 1, families: Families::Both, ..L2 });
        let expected = "\
services:
  - {name: www, vip: 10.77.0.10, port: 80, pool: web}
  - {name: www-v6, vip: \"fd77::a\", port: 80, pool: web}
  - {name: www2, vip: 10.77.0.11, port: 80, pool: web}
  - {name: www2-v6, vip: \"fd77::b\", port: 80, pool: web}
";
        assert!(yaml.ends_with(expected), "{yaml}");
    }

    #[test]
    fn both_ends_of_dscp_have_the_same_codes_and_each_family_its_backends() {
        let shape =
            Shape { vips: 1, families: Families::Both, placement: Placement::Routed, forward: ForwardMode::Dscp, ..L2 };
        let codes = "\ndscp: {\"10.77.0.10\": 1, \"fd77::a\": 2}\n";
        let yaml = of_balancer(shape);
        assert!(yaml.contains(codes) && of_backend(shape).contains(codes), "{yaml}");
        assert!(
            yaml.contains("  web6:\n    forward: dscp\n    health: {tcp: {}, interval: 1s}\n    backends:\n      - {name: web1, address: \"fd77::1:1\"}\n")
        );
        assert!(yaml.contains("vip: \"fd77::a\", port: 80, pool: web6"), "{yaml}");
    }
}
