//! A client that is two routers away, with a narrow link between them.
//!
//! ```text
//!   far ── middle ══ narrow ══ client ── switch ── balancer, backends
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};

use dsr_lab::{Lab, Namespace, Node};

use super::process::{ip, set};

/// The two namespaces that stand before the lab's client, which becomes a router.
#[derive(Debug)]
pub struct Far {
    host: Namespace,
    middle: Namespace,
}

impl Far {
    /// Builds them in front of a lab with IPv6, with this MTU between the routers, and tells the backends the way.
    ///
    /// # Panics
    /// Where that cannot be done.
    #[must_use]
    pub fn build(lab: &Lab, mtu: u16) -> Self {
        // Named like the lab's own, these go with them after a crash.
        let create = |role: &str| Namespace::create(&format!("dsr-{}-{role}", lab.id())).expect("root can make one");
        let far = Self { host: create("far"), middle: create("middle") };
        let (host, middle, client) = (&far.host, &far.middle, lab.client());
        [host, middle, client].into_iter().for_each(prepare);
        ip(middle, &format!("link add far type veth peer name eth0 netns {}", host.name()));
        let peer = format!("peer name far mtu {mtu} netns {}", client.name());
        ip(middle, &format!("link add narrow mtu {mtu} type veth {peer}"));
        for (namespace, interface, addresses) in [
            (host, "eth0", ["10.78.0.1/24", "fd78::1/64"]),
            (middle, "far", ["10.78.0.254/24", "fd78::fe/64"]),
            (middle, "narrow", ["10.79.0.1/24", "fd79::1/64"]),
            (client, "far", ["10.79.0.2/24", "fd79::2/64"]),
        ] {
            for address in addresses {
                ip(namespace, &format!("address add {address} dev {interface}"));
            }
            ip(namespace, &format!("link set {interface} up"));
        }
        far.route(lab);
        far
    }

    /// The far client.
    #[must_use]
    pub fn host(&self) -> &Namespace {
        &self.host
    }

    /// Tells every namespace the way to the others.
    fn route(&self, lab: &Lab) {
        let [near, near6] = [Node::Client.address().to_string(), Node::Client.address6().to_string()];
        let far = [format!("10.78.0.0/24 via {near}"), format!("fd78::/64 via {near6}")];
        let fixed = [
            (&self.host, ["default via 10.78.0.254", "default via fd78::fe"]),
            (&self.middle, ["default via 10.79.0.2", "default via fd79::2"]),
            (lab.client(), ["10.78.0.0/24 via 10.79.0.1", "fd78::/64 via fd79::1"]),
        ];
        let backends = (1..).map_while(|number| lab.backend(number));
        let backends = backends.map(|backend| (backend, far.each_ref().map(String::as_str)));
        for (namespace, routes) in fixed.into_iter().chain(backends) {
            for route in routes {
                ip(namespace, &format!("route add {route}"));
            }
        }
    }

    /// Its IPv4 address.
    pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
    /// Its IPv6 address.
    pub const ADDRESS6: Ipv6Addr = Ipv6Addr::new(0xfd78, 0, 0, 0, 0, 0, 0, 1);
}

/// Lets a namespace forward, and use its addresses at once.
fn prepare(namespace: &Namespace) {
    for (key, value) in [
        ("ipv4.conf.all.rp_filter", "0"),
        ("ipv4.conf.default.rp_filter", "0"),
        ("ipv4.ip_forward", "1"),
        ("ipv6.conf.default.accept_dad", "0"),
        ("ipv6.conf.all.accept_dad", "0"),
        ("ipv6.conf.all.forwarding", "1"),
    ] {
        set(namespace, key, value);
    }
    ip(namespace, "link set lo up");
}
