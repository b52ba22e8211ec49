//! The Linux scripts, run.

use dsr::backend::{Action, Asked, System};
use dsr_lab::net::PacketSocket;
use dsr_tests::lab::{
    PATIENCE,
    process::{ip, set},
};

use crate::{
    host::Host,
    scripts::{VIP, VIP6, asked, text},
};

fn linux(action: Action) -> Asked {
    asked(System::Linux, action)
}

fn of(action: Action, vip: &str) -> Asked {
    Asked { vips: vec![vip.to_owned()], ..linux(action) }
}

#[test]
#[ignore = "needs root"]
fn a_host_becomes_a_backend_and_a_host_again() {
    let host = Host::build();
    let before = host.state();
    let missing = ["vip-held", "vip-held", "arp-ignore", "arp-announce"];
    assert_eq!(host.names(&linux(Action::Check)), missing);
    assert!(!host.accepts(VIP) && !host.accepts(VIP6));

    host.must(&linux(Action::Setup));
    host.must(&linux(Action::Check));
    assert!(host.accepts(VIP) && host.accepts(VIP6));
    assert!(!host.is_told(VIP) && !host.is_told(VIP6), "the host tells the network about a VIP");
    assert!(host.is_told(Host::ADDRESS) && host.is_told(Host::ADDRESS6));

    let done = host.state();
    host.must(&linux(Action::Setup));
    host.assert_is(&done);

    host.must(&linux(Action::Undo));
    assert_eq!(host.names(&linux(Action::Check)), missing);
    host.assert_is(&before);
    host.must(&linux(Action::Undo));
    host.assert_is(&before);
}

#[test]
#[ignore = "needs root"]
fn one_interface_alone_can_be_set_up() {
    let host = Host::build();
    let before = host.state();
    let one = |action| Asked { interface: Some("eth0".into()), address: Some(Host::ADDRESS.into()), ..linux(action) };
    host.must(&one(Action::Setup));
    host.must(&one(Action::Check));
    assert!(host.accepts(VIP) && !host.is_told(VIP));
    assert_eq!(host.state()["ipv4/conf/all/arp_ignore"], before["ipv4/conf/all/arp_ignore"]);
    host.must(&one(Action::Undo));
    host.assert_is(&before);
    let absent = host.run(&text(&Asked { interface: Some("eth9".into()), ..linux(Action::Setup) }));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("no interface eth9"), "{absent:?}");
    assert_eq!(absent.status.code(), Some(1));
    host.assert_is(&before);
}

/// What the settings are for; and the proof that the tests above could fail.
#[test]
#[ignore = "needs root"]
fn an_address_without_the_settings_is_told_to_the_network() {
    let host = Host::build();
    ip(&host.backend, &format!("address add {VIP}/32 dev lo"));
    assert!(host.is_told(VIP), "no answer to ARP for an address of the loopback");
    assert_eq!(host.names(&of(Action::Check, VIP)), ["arp-ignore", "arp-announce"]);
    // IPv6 has no such leak from the loopback, and has it from any other interface.
    ip(&host.backend, &format!("address add {VIP6}/128 dev lo nodad"));
    assert!(!host.is_told(VIP6));
    host.must(&of(Action::Check, VIP6));
    ip(&host.backend, &format!("address add {VIP6}/128 dev eth0 nodad"));
    assert!(host.is_told(VIP6));
    assert_eq!(host.names(&of(Action::Check, VIP6)), ["vip-elsewhere"]);
}

/// The addresses that the host asks by ARP from, when it answers a ping to the VIP and does not know the client.
fn asks_from(host: &Host) -> Vec<[u8; 4]> {
    let socket = host.client.run(|| PacketSocket::open("eth0", &[])).unwrap().unwrap();
    // The client's question tells the host its MAC: it must be forgotten.
    host.point(VIP);
    host.point(Host::ADDRESS);
    ip(&host.backend, "neighbour flush dev eth0");
    let mut ping = host.client.command("ping").unwrap();
    let output = dsr_tests::lab::process::finish(ping.args(["-c", "1", "-W", "5", VIP]));
    assert!(output.status.success(), "{output:?}");
    let mut askers = Vec::new();
    loop {
        let frame = socket.receive(PATIENCE).unwrap().expect("the ping is answered");
        if frame[12..14] == [8, 6] && frame[20..22] == [0, 1] {
            askers.push(frame[28..32].try_into().unwrap());
        }
        // An echo reply ends it: the host asked before it could send one.
        if frame[12..14] == [8, 0] && frame[23] == 1 && frame[34] == 0 {
            return askers;
        }
    }
}

#[test]
#[ignore = "needs root"]
fn a_backend_asks_with_its_own_address() {
    let host = Host::build();
    host.must(&of(Action::Setup, VIP));
    assert_eq!(asks_from(&host), [[10, 9, 0, 2]]);
    set(&host.backend, "ipv4.conf.all.arp_announce", "0");
    assert_eq!(asks_from(&host), [[10, 9, 0, 10]], "without the setting the VIP is disclosed");
    assert_eq!(host.names(&of(Action::Check, VIP)), ["arp-announce"]);
}

#[test]
#[ignore = "needs root"]
fn what_was_there_before_stays() {
    let host = Host::build();
    ip(&host.backend, &format!("address add {VIP}/32 dev lo"));
    set(&host.backend, "ipv4.conf.all.arp_ignore", "2");
    let before = host.state();
    host.must(&linux(Action::Setup));
    assert_eq!(host.state()["ipv4/conf/all/arp_ignore"], "2\n");
    let told = host.must(&linux(Action::Undo));
    assert!(told.contains(&format!("{VIP} was not added by the set-up, and stays")), "{told}");
    host.assert_is(&before);
}

#[test]
#[ignore = "needs root"]
fn the_settings_stay_until_the_last_vip_is_gone() {
    let host = Host::build();
    let before = host.state();
    let other = "10.9.0.11";
    host.must(&of(Action::Setup, VIP));
    host.must(&of(Action::Setup, other));
    host.must(&of(Action::Undo, VIP));
    host.must(&of(Action::Check, other));
    assert_eq!(host.names(&of(Action::Check, VIP)), ["vip-held"]);
    host.must(&of(Action::Undo, other));
    host.assert_is(&before);
}

#[test]
#[ignore = "needs root"]
fn a_wrong_host_is_left_alone() {
    let host = Host::build();
    let before = host.state();
    let elsewhere = host.run(&text(&Asked { address: Some("10.9.0.3".into()), ..linux(Action::Setup) }));
    let told = String::from_utf8_lossy(&elsewhere.stderr);
    assert!(told.contains("this host does not have 10.9.0.3"), "{told}");
    assert_eq!(elsewhere.status.code(), Some(1));
    host.assert_is(&before);
    ip(&host.backend, &format!("address add {VIP}/24 dev eth0"));
    let before = host.state();
    let told = host.run(&text(&of(Action::Setup, VIP)));
    assert!(String::from_utf8_lossy(&told.stderr).contains("is an address of eth0"), "{told:?}");
    host.assert_is(&before);
    assert_eq!(host.names(&of(Action::Check, VIP)), ["vip-elsewhere", "vip-prefix", "arp-ignore", "arp-announce"]);
}
