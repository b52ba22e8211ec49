//! The watcher against the kernel: real namespaces, real ARP.
#![allow(clippy::unwrap_used)]

mod bridge;
mod lost;
mod namespace;
mod routers;

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::AsRawFd,
    thread,
    time::{Duration, Instant},
};

use dsr::{
    model::{Destinations, Hop, Mac, Network, NoHop, Reach, RoutedPath},
    neighbour::{Handle, Watcher},
};
use futures_util::TryStreamExt;
use namespace::{BACKEND, BACKEND_IP, BACKEND_MAC, BALANCER, BALANCER_IP, BALANCER_MAC, Namespace, Pair};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourState};
use rtnetlink::{LinkUnspec, RouteMessageBuilder};
use tokio::sync::watch;

const OTHER_MAC: Mac = Mac([2, 0, 0, 0, 0, 0x22]);

struct Watched {
    // Kept, because the watcher ends with it.
    handle: Handle,
    network: watch::Receiver<Network>,
}

fn watch<A: Into<IpAddr> + Copy>(backends: &[A]) -> Watched {
    watch_all(&[BALANCER], on_link(backends))
}

fn watch_all(interfaces: &[&str], destinations: Destinations) -> Watched {
    let interfaces = interfaces.iter().map(|&name| name.into()).collect();
    let (handle, network) = Watcher::start(interfaces, &dsr::tasks::Tasks::unsupervised()).unwrap();
    handle.set_backends(destinations);
    Watched { handle, network }
}

fn on_link<A: Into<IpAddr> + Copy>(backends: &[A]) -> Destinations {
    Destinations { on_link: backends.iter().map(|&address| address.into()).collect(), ..Destinations::default() }
}

impl Watched {
    async fn until(&mut self, what: &str, condition: impl FnMut(&Network) -> bool) {
        let found = tokio::time::timeout(Duration::from_secs(30), self.network.wait_for(condition)).await;
        let found = found.is_ok_and(|network| network.is_ok());
        assert!(found, "never: {what}; the network is {:#?}", self.network.borrow());
    }

    async fn until_reach(&mut self, backend: impl Into<IpAddr>, expected: Reach) {
        let backend = backend.into();
        let what = format!("{backend}: {expected:?}");
        self.until(&what, |network| network.reach.get(&backend) == Some(&expected)).await;
    }
}

async fn hop(pair: &Pair, destination: Mac) -> Reach {
    let ifindex = pair.balancer.index(BALANCER).await;
    Reach::Hop(Hop { ifindex, source: BALANCER_MAC, destination, tags: vec![], path: RoutedPath::default() })
}

async fn set_neighbour(namespace: &Namespace, link: &str, mac: Mac, state: NeighbourState) {
    let index = namespace.index(link).await;
    let request = namespace.netlink.neighbours().add(index, BACKEND_IP.into());
    request.state(state).link_layer_address(&mac.0).replace().execute().await.unwrap();
}

async fn neighbour_state(namespace: &Namespace) -> Option<NeighbourState> {
    let destination = NeighbourAttribute::Destination(NeighbourAddress::Inet(BACKEND_IP));
    let entries: Vec<_> = namespace.netlink.neighbours().get().execute().try_collect().await.unwrap();
    entries.iter().find(|entry| entry.attributes.contains(&destination)).map(|entry| entry.header.state)
}

#[test]
#[ignore = "needs root"]
fn a_mac_is_solicited_and_follows_changes() {
    namespace::run(async |pair| {
        let mut watched = watch(&[BACKEND_IP]);
        watched.until_reach(BACKEND_IP, hop(pair, BACKEND_MAC).await).await;
        {
            let network = watched.network.borrow();
            let interface = network.interfaces[BALANCER];
            assert_eq!((interface.mac, interface.mtu, interface.up), (BALANCER_MAC, 1500, true));
            assert_eq!(network.interfaces.len(), 1, "only those of the configuration");
        }
        set_neighbour(&pair.balancer, BALANCER, OTHER_MAC, NeighbourState::Reachable).await;
        let start = Instant::now();
        watched.until_reach(BACKEND_IP, hop(pair, OTHER_MAC).await).await;
        println!("a changed MAC was seen after {:?}", start.elapsed());
    });
}

#[test]
#[ignore = "needs root"]
fn an_ipv6_backend_is_solicited_and_found_when_it_comes() {
    namespace::run(async |pair| {
        let (own, backend) = (Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1), Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));
        pair.balancer.add_address(BALANCER, own).await;
        let mut watched = watch(&[backend, own]);
        watched.until_reach(own, Reach::No(NoHop::Local)).await;
        watched.until_reach(backend, Reach::No(NoHop::NoNeighbour(backend.into()))).await;
        pair.backend.add_address(BACKEND, backend).await;
        watched.until_reach(backend, hop(pair, BACKEND_MAC).await).await;
    });
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_comes_late_is_found() {
    namespace::run(async |pair| {
        pair.backend.set_mac(BACKEND, BACKEND_MAC).await;
        let late = Ipv4Addr::new(10, 0, 0, 3);
        let mut watched = watch(&[late]);
        watched.until_reach(late, Reach::No(NoHop::NoNeighbour(late.into()))).await;
        pair.backend.add_address(BACKEND, late).await;
        watched.until_reach(late, hop(pair, BACKEND_MAC).await).await;
        watched.handle.set_backends(Destinations::default());
        watched.until("nothing wanted", |network| network.reach.is_empty()).await;
    });
}

#[test]
#[ignore = "needs root"]
fn a_permanent_entry_stays_permanent() {
    namespace::run(async |pair| {
        set_neighbour(&pair.balancer, BALANCER, OTHER_MAC, NeighbourState::Permanent).await;
        let absent = Ipv4Addr::new(10, 0, 0, 3);
        let mut watched = watch(&[BACKEND_IP, absent]);
        watched.until_reach(BACKEND_IP, hop(pair, OTHER_MAC).await).await;
        // Another backend is solicited meanwhile, and answers.
        pair.backend.add_address(BACKEND, absent).await;
        watched.until_reach(absent, hop(pair, BACKEND_MAC).await).await;
        assert_eq!(neighbour_state(&pair.balancer).await, Some(NeighbourState::Permanent));
    });
}

#[test]
#[ignore = "needs root"]
fn routes_that_l2_cannot_follow_are_named() {
    namespace::run(async |pair| {
        let (far, elsewhere) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(10, 0, 1, 2));
        let mut watched = watch(&[far, elsewhere, BALANCER_IP]);
        watched.until_reach(far, Reach::No(NoHop::NoRoute)).await;
        watched.until_reach(elsewhere, Reach::No(NoHop::NoRoute)).await;
        watched.until_reach(BALANCER_IP, Reach::No(NoHop::Local)).await;

        let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(BACKEND_IP).build();
        pair.balancer.netlink.route().add(route.clone()).execute().await.unwrap();
        watched.until_reach(far, Reach::No(NoHop::Gateway(BACKEND_IP.into()))).await;

        pair.balancer.add_veth("mgmt0", "mgmt1").await;
        pair.balancer.add_address("mgmt0", Ipv4Addr::new(10, 0, 1, 1)).await;
        pair.balancer.set_up("mgmt0").await;
        watched.until_reach(elsewhere, Reach::No(NoHop::OtherInterface("mgmt0".into()))).await;

        pair.balancer.netlink.route().del(route).execute().await.unwrap();
        watched.until_reach(far, Reach::No(NoHop::NoRoute)).await;
    });
}

#[test]
#[ignore = "needs root"]
fn a_link_that_goes_down_and_comes_back_is_followed() {
    namespace::run(async |pair| {
        let mut watched = watch(&[BACKEND_IP]);
        watched.until_reach(BACKEND_IP, hop(pair, BACKEND_MAC).await).await;

        pair.backend.set_down(BACKEND).await;
        watched.until_reach(BACKEND_IP, Reach::No(NoHop::InterfaceDown(BALANCER.into()))).await;
        assert!(!watched.network.borrow().interfaces[BALANCER].up, "no carrier");
        pair.backend.set_up(BACKEND).await;
        watched.until_reach(BACKEND_IP, hop(pair, BACKEND_MAC).await).await;

        pair.balancer.set_down(BALANCER).await;
        watched.until_reach(BACKEND_IP, Reach::No(NoHop::NoRoute)).await;
        pair.balancer.set_up(BALANCER).await;
        watched.until_reach(BACKEND_IP, hop(pair, BACKEND_MAC).await).await;

        let index = pair.balancer.index(BALANCER).await;
        pair.balancer.netlink.link().del(index).execute().await.unwrap();
        watched.until("no interface", |network| network.interfaces.is_empty()).await;
        watched.until_reach(BACKEND_IP, Reach::No(NoHop::NoRoute)).await;
    });
}

#[test]
#[ignore = "needs root"]
fn a_route_that_moves_with_a_link_going_down_is_followed() {
    namespace::run(async |pair| {
        pair.balancer.add_veth("mgmt0", "mgmt1").await;
        pair.balancer.add_address("mgmt0", Ipv4Addr::new(10, 0, 1, 1)).await;
        // Its peer stays down and it has no IPv6, so that no other event comes after the one that is tested.
        std::fs::write("/proc/sys/net/ipv6/conf/mgmt0/disable_ipv6", "1").unwrap();
        pair.balancer.set_up("mgmt0").await;
        let index = pair.balancer.index("mgmt0").await;
        let narrow =
            RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(BACKEND_IP, 32).output_interface(index).build();
        pair.balancer.netlink.route().add(narrow.clone()).execute().await.unwrap();
        let mut watched = watch(&[BACKEND_IP]);
        watched.until_reach(BACKEND_IP, Reach::No(NoHop::OtherInterface("mgmt0".into()))).await;
        for _ in 0..20 {
            // From another CPU, so that the watcher asks while the kernel is still at it.
            let namespace = pair.balancer.file();
            let change = thread::spawn(move || in_other_thread(&namespace, take_down));
            watched.until_reach(BACKEND_IP, hop(pair, BACKEND_MAC).await).await;
            change.join().unwrap();
            pair.balancer.set_up("mgmt0").await;
            pair.balancer.netlink.route().add(narrow.clone()).execute().await.unwrap();
            watched.until_reach(BACKEND_IP, Reach::No(NoHop::OtherInterface("mgmt0".into()))).await;
        }
    });
}

#[test]
#[ignore = "needs root"]
fn lost_events_are_made_good() {
    namespace::run(async |pair| {
        let mut watched = watch(&[BACKEND_IP]);
        watched.until_reach(BACKEND_IP, hop(pair, BACKEND_MAC).await).await;
        let namespace = pair.balancer.file();
        // This thread runs the watcher too, so it reads nothing before the other is done.
        thread::spawn(move || in_other_thread(&namespace, flood)).join().unwrap();
        watched.until_reach(BACKEND_IP, hop(pair, OTHER_MAC).await).await;
    });
}

/// Runs `task` with a netlink socket in a namespace, on the calling thread, which stays there.
fn in_other_thread<F: Future<Output = ()>>(namespace: &std::fs::File, task: impl FnOnce(rtnetlink::Handle) -> F) {
    // SAFETY: takes no memory; the descriptor is open.
    assert_eq!(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }, 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (connection, netlink, _) = rtnetlink::new_connection().unwrap();
        tokio::spawn(connection);
        task(netlink).await;
    });
}

async fn take_down(netlink: rtnetlink::Handle) {
    netlink.link().set(LinkUnspec::new_with_name("mgmt0").down().build()).execute().await.unwrap();
}

/// Tells the kernel of more changes than a socket can hold; the last one is the one that counts.
async fn flood(netlink: rtnetlink::Handle) {
    let links = netlink.link().get().match_name(BALANCER.into()).execute().try_next().await;
    let index = links.unwrap().unwrap().header.index;
    for round in (0..20_000_u16).rev() {
        let [high, low] = round.to_be_bytes();
        let mac = if round == 0 { OTHER_MAC.0 } else { [2, 1, 0, 0, high, low] };
        // The last one stays, so that the kernel does not ask the backend for its own.
        let state = if round == 0 { NeighbourState::Permanent } else { NeighbourState::Reachable };
        let request = netlink.neighbours().add(index, BACKEND_IP.into()).state(state);
        request.link_layer_address(&mac).replace().execute().await.unwrap();
    }
}
