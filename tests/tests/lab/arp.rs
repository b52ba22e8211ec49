//! A backend holds the VIP and keeps quiet about it.

use std::net::Ipv4Addr;

use dsr::lab::{
    Lab, Namespace,
    net::{PacketSocket, write_sysctl},
};
use dsr_tests::{lab::PATIENCE, privilege::is_root};

const WEB1: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 1);

/// An ARP request (RFC 826) from the client, to all.
fn request(target: Ipv4Addr) -> Vec<u8> {
    let source = [2, 0, 10, 77, 0, 1];
    let mut frame = vec![0xff; 6];
    frame.extend(source);
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(source);
    frame.extend(CLIENT.octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame
}

/// The address that an ARP reply tells the MAC of.
fn told(frame: &[u8]) -> Option<Ipv4Addr> {
    let is_reply = frame.get(12..14) == Some(&[8, 6]) && frame.get(20..22) == Some(&[0, 2]);
    let sender: [u8; 4] = frame.get(28..32)?.try_into().ok()?;
    is_reply.then(|| sender.into())
}

/// Which of the two addresses the network tells the client: asks for the VIP, then for the backend's own address,
/// and is done with the answer to that.
fn told_of(client: &Namespace, vip: Ipv4Addr) -> Vec<Ipv4Addr> {
    let socket = client.run(|| PacketSocket::open("eth0", &[])).unwrap().unwrap();
    socket.send(&request(vip)).unwrap();
    socket.send(&request(WEB1)).unwrap();
    let mut all = Vec::new();
    while all.last() != Some(&WEB1) {
        let frame = socket.receive(PATIENCE).unwrap().expect("the backend answers for its own address");
        all.extend(told(&frame));
    }
    all
}

#[test]
fn a_backend_answers_for_its_own_address_only() {
    if !is_root("a_backend_answers_for_its_own_address_only") {
        return;
    }
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    let vip = lab.vip(0).unwrap();
    assert_eq!(told_of(lab.client(), vip), [WEB1]);

    // The other way round, to know that a claim would have been seen.
    let web1 = lab.backend(1).unwrap();
    let relax = ["all", "eth0"].map(|interface| format!("ipv4/conf/{interface}/arp_ignore"));
    web1.run(|| relax.iter().try_for_each(|key| write_sysctl(key, "0"))).unwrap().unwrap();
    assert_eq!(told_of(lab.client(), vip), [vip, WEB1]);
}

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
