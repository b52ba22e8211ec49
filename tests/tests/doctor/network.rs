//! Faults between the hosts, and of the balancer itself.

use dsr_lab::{Broken, Fault, Node, PORT};
use dsr_tests::lab::{
    Configuration, PATIENCE, agent, eventually,
    process::{ip, set},
};

use super::{diagnosis, examine, lab, named};

#[test]
#[ignore = "needs root"]
fn two_backends_with_one_mac_are_named() {
    let (lab, _) = lab(2);
    // A host that has both addresses.
    ip(lab.backend(2).unwrap(), "link set eth0 down");
    ip(lab.backend(1).unwrap(), &format!("address add {}/16 dev eth0", Node::Backend(2).address()));
    ip(lab.balancer(), &format!("neighbour del {} dev eth0", Node::Backend(2).address()));
    let moved = |samples: &dsr_lab::Samples| samples.sum("dsr_backend_reachable", &[]) as u64 == 2;
    agent::running(&lab).wait_until("both backends", PATIENCE, moved).unwrap();
    let found = diagnosis(&lab);
    assert!(found.contains(&("mac-shared".to_owned(), "web1 and web2".to_owned())), "{found:?}");
}

#[test]
#[ignore = "needs root"]
fn a_copied_machine_is_named() {
    let (lab, _) = lab(3);
    // What a probe meets says nothing of the backend that it is for: the switch chooses one of both.
    for (backend, fault) in [(2, Fault::Mac), (2, Fault::App), (1, Fault::App)] {
        lab.break_backend(Broken { backend, fault }).unwrap();
    }
    // Its gratuitous ARP is heeded, or its next answer to this host.
    let mac = Node::Backend(1).mac().to_string();
    eventually("the same MAC twice", || {
        (ip(lab.balancer(), "neighbour show").matches(&mac).count() == 2).then_some(())
    });
    assert_eq!(diagnosis(&lab), named(&[("mac-shared", "web1 and web2")]));
}

#[test]
#[ignore = "needs root"]
fn two_hosts_with_one_address_are_named() {
    let (lab, _) = lab(2);
    // A host that is no backend takes the first one's address.
    ip(lab.client(), &format!("address add {}/32 dev eth0", Node::Backend(1).address()));
    let found = diagnosis(&lab);
    assert!(found.contains(&("address-twice".to_owned(), "web1".to_owned())), "{found:?}");
    let text = examine(&lab, &[]).1;
    assert!(
        text.contains(&Node::Client.mac().to_string()) && text.contains(&Node::Backend(1).mac().to_string()),
        "{text}"
    );
}

#[test]
#[ignore = "needs root"]
fn a_strict_reverse_path_filter_is_named() {
    let (lab, configuration) = lab(2);
    // The VIP is routed elsewhere, so that answers from it come in where it is not expected.
    ip(lab.balancer(), "link add spare type veth peer name spare-end");
    ip(lab.balancer(), "link set spare up");
    ip(lab.balancer(), "link set spare-end up");
    ip(lab.balancer(), "route add 10.77.0.10/32 via 10.99.0.2 dev spare onlink");
    set(lab.balancer(), "ipv4.conf.eth0.rp_filter", "1");
    assert_eq!(diagnosis(&lab), named(&[("interface", "eth0")]));
    let text = examine(&lab, &[]).1;
    assert!(
        text.contains("rp_filter is strict") && text.contains("sysctl -w net.ipv4.conf.eth0.rp_filter=2"),
        "{text}"
    );
    // The same for a VIP that routers lead here.
    let service = format!("name: www, vip: 10.77.0.10, port: {PORT}, announce: none");
    agent::reload(&configuration.no_services().line(&service), &lab);
    assert_eq!(diagnosis(&lab), named(&[("interface", "eth0")]));
    set(lab.balancer(), "ipv4.conf.eth0.rp_filter", "0");
    assert_eq!(diagnosis(&lab), []);
}

#[test]
#[ignore = "needs root"]
fn a_reverse_path_filter_for_a_vip_without_a_route_is_named() {
    let (lab, configuration) = lab(2);
    let check = "{http: {path: /}, interval: 300ms, timeout: 300ms, rise: 2, fall: 2}";
    agent::reload(&configuration.health(check), &lab);
    ip(lab.balancer(), "route add unreachable 10.77.0.10/32");
    let healthy = |count: u64| {
        eventually("other state", || (agent::count(&lab, "dsr_backend_healthy", &[]) == count).then_some(()));
    };
    healthy(2);
    for value in ["1", "2"] {
        set(lab.balancer(), "ipv4.conf.eth0.rp_filter", value);
        healthy(0);
        let text = examine(&lab, &[]).1;
        assert!(text.contains("packets from 10.77.0.10, to which there is no route"), "{text}");
        let remedy = "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0";
        assert!(text.contains(remedy), "{text}");
        set(lab.balancer(), "ipv4.conf.all.rp_filter", "0");
        set(lab.balancer(), "ipv4.conf.eth0.rp_filter", "0");
        healthy(2);
    }
}

#[test]
#[ignore = "needs root"]
fn a_backend_without_a_way_is_named() {
    let (lab, configuration) = lab(2);
    let configuration: Configuration = configuration.backend("far", std::net::Ipv4Addr::new(203, 0, 113, 9), 100);
    lab.write_config(&configuration.to_string()).unwrap();
    assert_eq!(diagnosis(&lab), named(&[("no-way", "far")]));
}
