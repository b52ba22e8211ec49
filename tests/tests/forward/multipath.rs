//! A route to the backends gets a second next hop, and loses it again, while datagrams run.

use dsr_common::forward::ForwardMode;
use dsr_lab::{Lab, Node};
use dsr_tests::lab::{
    agent,
    datagram::{Datagrams, NameServers, UDP_PORT},
    eventually,
    process::{ip, set},
};

use super::{configuration, lab};

/// Another router between the same networks: the lab's own, by another interface with a MAC and an address of its own.
const SECOND: &str = "10.77.0.253";

/// Packets that came in by the other router's interface: more than the questions for its address.
const MANY: u64 = 200;

fn add_second_router(lab: &Lab) {
    let router = lab.router().unwrap();
    // Else either interface answers for the address.
    set(router, "ipv4.conf.all.arp_ignore", "1");
    ip(router, "link add link eth0 name second type macvlan mode private");
    ip(router, &format!("address add {SECOND}/32 dev second"));
    ip(router, "link set second up");
}

fn received_by_second(lab: &Lab) -> u64 {
    let shown = ip(lab.router().unwrap(), "-j -s link show dev second");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    shown[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
}

#[test]
#[ignore = "needs root"]
fn a_route_that_becomes_multipath_loses_no_packet() {
    let mut lab = lab(ForwardMode::Gue, 2);
    add_second_router(&lab);
    let _servers = NameServers::start(&lab);
    let file = configuration(&lab).no_services().service(&lab, "names", "udp", UDP_PORT);
    agent::start(&file, &mut lab);
    let datagrams = Datagrams::start(&lab);
    let goes_on = || {
        let before = datagrams.answered().all();
        eventually("more answers", || (datagrams.answered().all() > before + MANY).then_some(()));
    };
    goes_on();
    assert!(received_by_second(&lab) < MANY, "the second router was used before it was in the route");
    let first = Node::Router.address();
    ip(lab.balancer(), &format!("route replace default nexthop via {first} nexthop via {SECOND}"));
    eventually("packets by the second router", || (received_by_second(&lab) > 2 * MANY).then_some(()));
    goes_on();
    ip(lab.balancer(), &format!("route replace default via {first}"));
    eventually("end of packets by the second router", || {
        let before = received_by_second(&lab);
        goes_on();
        (received_by_second(&lab) < before + MANY / 10).then_some(())
    });
    let answered = datagrams.stop();
    assert_eq!(answered.lost, 0, "{answered:?}");
    assert_eq!(answered.by.len(), 2, "{answered:?}");
}
