//! Backends behind a bridge: the program is on its ports, the routes are by the bridge.

use rtnetlink::LinkBridge;

use super::*;

const BRIDGE: &str = "br0";
const BRIDGE_MAC: Mac = Mac([2, 0, 0, 0, 0, 0x10]);
const SECOND_MAC: Mac = Mac([2, 0, 0, 0, 0, 3]);
const SECOND_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);

/// Puts a bridge above the balancer's link and the address on it.
async fn add_bridge(pair: &Pair) {
    let bridge = LinkBridge::new(BRIDGE).address(BRIDGE_MAC.0.to_vec()).forward_delay(0).up();
    pair.balancer.netlink.link().add(bridge.build()).execute().await.unwrap();
    pair.balancer.remove_address(BALANCER, BALANCER_IP).await;
    pair.balancer.add_address(BRIDGE, BALANCER_IP).await;
    set_controller(pair, BALANCER, pair.balancer.index(BRIDGE).await).await;
}

async fn set_controller(pair: &Pair, port: &str, controller: u32) {
    let port = LinkUnspec::new_with_name(port).controller(controller).build();
    pair.balancer.netlink.link().set(port).execute().await.unwrap();
}

async fn hop_by(pair: &Pair, port: &str, destination: Mac) -> Reach {
    let ifindex = pair.balancer.index(port).await;
    Reach::Hop(Hop { ifindex, source: BRIDGE_MAC, destination, tags: vec![], path: RoutedPath::default() })
}

#[test]
#[ignore = "needs root"]
fn a_backend_behind_a_bridge_is_found_at_its_port() {
    namespace::run(async |pair| {
        add_bridge(pair).await;
        let mut watched = watch(&[BACKEND_IP]);
        watched.until_reach(BACKEND_IP, hop_by(pair, BALANCER, BACKEND_MAC).await).await;
        assert_eq!(watched.network.borrow().interfaces[BALANCER].mac, BRIDGE_MAC, "what hosts know");
        // Out of the bridge again: the route by the bridge leads nowhere.
        set_controller(pair, BALANCER, 0).await;
        watched.until_reach(BACKEND_IP, Reach::No(NoHop::OtherInterface(BRIDGE.into()))).await;
        assert_eq!(watched.network.borrow().interfaces[BALANCER].mac, BALANCER_MAC);
        set_controller(pair, BALANCER, pair.balancer.index(BRIDGE).await).await;
        watched.until_reach(BACKEND_IP, hop_by(pair, BALANCER, BACKEND_MAC).await).await;
    });
}

#[test]
#[ignore = "needs root"]
fn a_backend_behind_a_port_that_is_no_interface_is_told() {
    namespace::run(async |pair| {
        add_bridge(pair).await;
        let mut watched = watch(&[BACKEND_IP, SECOND_IP]);
        watched.until_reach(BACKEND_IP, hop_by(pair, BALANCER, BACKEND_MAC).await).await;
        watched.until_reach(SECOND_IP, Reach::No(NoHop::NoNeighbour(SECOND_IP.into()))).await;
        pair.add_link("lb1", "be1", SECOND_MAC).await;
        set_controller(pair, "lb1", pair.balancer.index(BRIDGE).await).await;
        pair.backend.add_host_address("be1", SECOND_IP).await;
        pair.answer_only_on_their_own_link();
        watched.until_reach(SECOND_IP, Reach::No(NoHop::OtherInterface("lb1".into()))).await;
        watched.until_reach(BACKEND_IP, hop_by(pair, BALANCER, BACKEND_MAC).await).await;
    });
}

#[test]
#[ignore = "needs root"]
fn a_bridge_that_has_not_heard_of_a_mac_is_told() {
    namespace::run(async |pair| {
        add_bridge(pair).await;
        set_neighbour(&pair.balancer, BRIDGE, OTHER_MAC, NeighbourState::Permanent).await;
        let mut watched = watch(&[BACKEND_IP]);
        watched.until_reach(BACKEND_IP, Reach::No(NoHop::NoPort(BRIDGE.into()))).await;
        // It speaks, if only of something else.
        pair.backend.set_mac(BACKEND, OTHER_MAC).await;
        pair.backend.add_address(BACKEND, SECOND_IP).await;
        let index = pair.backend.index(BACKEND).await;
        let request = pair.backend.netlink.neighbours().add(index, BALANCER_IP.into());
        request.state(NeighbourState::Probe).link_layer_address(&BRIDGE_MAC.0).replace().execute().await.unwrap();
        watched.until_reach(BACKEND_IP, hop_by(pair, BALANCER, OTHER_MAC).await).await;
    });
}
