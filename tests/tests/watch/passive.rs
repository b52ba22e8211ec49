//! Hosts that claim a VIP by themselves, without a question.

use std::net::UdpSocket;

use dsr::announce::gratuitous_arp;
use dsr_lab::{Lab, Node};
use dsr_tests::lab::{
    Configuration,
    agent::{self, count, reason},
    process::ip,
};

use super::{CLAIMS, claims_of_others, line, wait_for_claim};

#[test]
#[ignore = "needs root"]
fn a_gratuitous_arp_names_the_backend() {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&Configuration::of(&lab).top("arp_watch: off"), &mut lab);
    assert_eq!(count(&lab, CLAIMS, &[]), 0);
    let web3 = lab.backend(3).unwrap();
    let index = ip(web3, "-o link show eth0").split(':').next().unwrap().trim().parse().unwrap();
    web3.run(|| gratuitous_arp(index, Node::Backend(3).mac(), lab.vip(0).unwrap())).unwrap().unwrap();
    wait_for_claim(&lab, "10.77.0.10", "web3");
    line(&lab, &["the backend web3 claims the VIP", "by=\"ARP request\""]);
    assert_eq!((claims_of_others(&lab, "web3"), reason(&lab, "pass_arp_claim")), (0, 1));
}

#[test]
#[ignore = "needs root"]
fn a_solicitation_from_the_vip_names_the_backend() {
    let mut lab = Lab::builder().with_ipv6().build().unwrap();
    let vip = lab.vip6(0).unwrap();
    let fields = format!("name: v6, vip: \"{vip}\", port: 80");
    agent::start(&Configuration::of(&lab).line(&fields).top("arp_watch: off"), &mut lab);
    let web3 = lab.backend(3).unwrap();
    ip(web3, &format!("address add {vip}/64 dev eth0 nodad"));
    // To an unused address, so that the kernel has to ask, which it does from the VIP.
    let sent = web3.run(|| UdpSocket::bind((vip, 0)).and_then(|socket| socket.send_to(b"?", "[fd77::99]:9")));
    sent.unwrap().unwrap();
    wait_for_claim(&lab, "fd77::a", "web3");
    line(&lab, &["the backend web3 claims the VIP", "by=\"neighbour solicitation\""]);
    assert_eq!(claims_of_others(&lab, "web3"), 0);
}

#[test]
#[ignore = "needs root"]
fn a_program_that_is_loaded_anew_is_listened_to() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let configuration = Configuration::of(&lab).top("arp_watch: off");
    agent::start(&configuration, &mut lab);
    let web2 = lab.backend(2).unwrap();
    let index = ip(web2, "-o link show eth0").split(':').next().unwrap().trim().parse().unwrap();
    let claim = || web2.run(|| gratuitous_arp(index, Node::Backend(2).mac(), lab.vip(0).unwrap())).unwrap().unwrap();
    claim();
    wait_for_claim(&lab, "10.77.0.10", "web2");
    agent::reload(&configuration.hash_seed(7), &lab);
    claim();
    let two = |samples: &dsr_lab::Samples| samples.sum(CLAIMS, &[("backend", "web2")]) as u64 == 2;
    agent::running(&lab).wait_until("a second claim", dsr_tests::lab::PATIENCE, two).unwrap();
}
