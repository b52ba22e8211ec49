//! Neighbours that do not answer: those that answer questions to everybody only stay, those that are gone do not.

use std::{
    net::{IpAddr, Ipv6Addr},
    process::Command,
    time::{Duration, Instant},
};

use dsr::model::{NoHop, Reach};
use futures_util::{Stream, StreamExt};
use netlink_packet_route::{
    RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourState},
};
use rtnetlink::{
    MulticastGroup,
    packet_core::{NetlinkMessage, NetlinkPayload},
    sys::SocketAddr,
};

use super::{
    OTHER_MAC, Watched, hop,
    namespace::{self, BACKEND, BACKEND_IP, BACKEND_MAC, BALANCER, Pair},
    on_link, watch,
};

const OWN_IP6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
const BACKEND_IP6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);

/// What a backend drops that answers questions to everybody only.
const DROP_UNICAST: [&str; 2] = [
    "table arp t { chain c { type filter hook input priority 0; arp operation request meta pkttype host counter drop; }; }",
    "table ip6 t { chain c { type filter hook input priority 0; \
     icmpv6 type nd-neighbor-solicit meta pkttype host counter drop; }; }",
];
const DROP_ALL: [&str; 2] = [
    "table arp t { chain c { type filter hook input priority 0; drop; }; }",
    "table ip6 t { chain c { type filter hook input priority 0; drop; }; }",
];

/// Sets the filter of the backend.
fn filter(pair: &Pair, rules: [&str; 2]) {
    pair.backend.enter();
    for rules in rules {
        let output = Command::new("nft").arg(rules).output().unwrap();
        assert!(output.status.success(), "{rules}: {output:?}");
    }
    pair.balancer.enter();
}

/// Both backends, IPv4 and IPv6, as soon as both have their MAC.
async fn both(pair: &Pair) -> Watched {
    pair.balancer.add_address(BALANCER, OWN_IP6).await;
    pair.backend.add_address(BACKEND, BACKEND_IP6).await;
    let backends: [IpAddr; 2] = [BACKEND_IP.into(), BACKEND_IP6.into()];
    let mut watched = watch(&backends);
    for backend in backends {
        watched.until_reach(backend, hop(pair, BACKEND_MAC).await).await;
    }
    watched
}

/// What the kernel tells of neighbours.
struct Events(std::pin::Pin<Box<dyn Stream<Item = (NetlinkMessage<RouteNetlinkMessage>, SocketAddr)>>>);

impl Events {
    fn open() -> Self {
        let (connection, _, messages) = rtnetlink::new_multicast_connection(&[MulticastGroup::Neigh]).unwrap();
        tokio::spawn(connection);
        Self(Box::pin(messages))
    }

    /// Waits until one backend's entry is in one state.
    async fn until(&mut self, backend: IpAddr, state: NeighbourState) {
        let destination = NeighbourAttribute::Destination(match backend {
            IpAddr::V4(address) => NeighbourAddress::Inet(address),
            IpAddr::V6(address) => NeighbourAddress::Inet6(address),
        });
        let seen = async {
            while let Some((message, _)) = self.0.next().await {
                if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(entry)) = message.payload
                    && entry.header.state == state
                    && entry.attributes.contains(&destination)
                {
                    return;
                }
            }
        };
        let seen = tokio::time::timeout(Duration::from_secs(30), seen).await;
        assert!(seen.is_ok(), "{backend} was never {state:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_answers_questions_to_everybody_only_stays() {
    namespace::run(async |pair| {
        let mut watched = both(pair).await;
        filter(pair, DROP_UNICAST);
        for backend in [BACKEND_IP.into(), BACKEND_IP6.into()] {
            let mut events = Events::open();
            for _ in 0..2 {
                events.until(backend, NeighbourState::Failed).await;
                events.until(backend, NeighbourState::Reachable).await;
            }
        }
        assert!(!watched.network.has_changed().unwrap(), "{:#?}", watched.network.borrow_and_update());
    });
}

#[test]
#[ignore = "needs root"]
fn a_backend_whose_card_was_changed_silently_is_never_without_a_mac() {
    namespace::run(async |pair| {
        let mut watched = both(pair).await;
        pair.backend.set_mac(BACKEND, OTHER_MAC).await;
        let (start, new) = (Instant::now(), hop(pair, OTHER_MAC).await);
        watched
            .until("new MAC of both", |network| {
                assert!(network.reach.values().all(|reach| matches!(reach, Reach::Hop(_))), "{network:#?}");
                network.reach.values().all(|reach| *reach == new)
            })
            .await;
        println!("a silent change of MAC was seen after {:?}", start.elapsed());
    });
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_answers_nothing_is_gone_until_it_answers() {
    namespace::run(async |pair| {
        let mut watched = both(pair).await;
        filter(pair, DROP_ALL);
        let start = Instant::now();
        for backend in [BACKEND_IP.into(), BACKEND_IP6.into()] {
            watched.until_reach(backend, Reach::No(NoHop::NoNeighbour(backend))).await;
            println!("{backend} was noticed after {:?}", start.elapsed());
        }
        filter(pair, ["flush table arp t", "flush table ip6 t"]);
        for backend in [IpAddr::from(BACKEND_IP), BACKEND_IP6.into()] {
            watched.until_reach(backend, hop(pair, BACKEND_MAC).await).await;
        }
    });
}

#[test]
#[ignore = "needs root"]
fn a_mac_that_the_kernel_has_lost_stays_known_when_the_interfaces_change() {
    namespace::run(async |pair| {
        let mut watched = both(pair).await;
        let backends: [IpAddr; 2] = [BACKEND_IP.into(), BACKEND_IP6.into()];
        // The kernel asks everybody for minutes before it gives up.
        for family in ["ipv4", "ipv6"] {
            let most = format!("/proc/sys/net/{family}/neigh/{BALANCER}/mcast_solicit");
            std::fs::write(most, "300").unwrap();
        }
        let (mut ipv4, mut ipv6) = (Events::open(), Events::open());
        filter(pair, DROP_ALL);
        ipv4.until(BACKEND_IP.into(), NeighbourState::Failed).await;
        ipv6.until(BACKEND_IP6.into(), NeighbourState::Failed).await;
        let known = hop(pair, BACKEND_MAC).await;
        for interfaces in [vec!["spare".to_owned()], vec![BALANCER.to_owned(), "spare".to_owned()]] {
            let is_there = interfaces.contains(&BALANCER.to_owned());
            watched.handle.set_interfaces(interfaces, on_link(&backends)).await.unwrap();
            let network = watched.network.borrow_and_update().clone();
            assert_eq!(network.interfaces.contains_key(BALANCER), is_there, "{network:#?}");
            for backend in &backends {
                let expected = if is_there { &known } else { &Reach::No(NoHop::OtherInterface(BALANCER.into())) };
                assert_eq!(network.reach.get(backend), Some(expected), "{network:#?}");
            }
        }
    });
}
