//! Asking the network who has an address.

use std::net::Ipv4Addr;

use dsr_lab::{Namespace, Node, net::PacketSocket};

use super::PATIENCE;

/// Which of the two addresses the network tells the client the MAC of. `known` must be one that is answered for: when
/// its owner has answered twice, an answer for `asked` would have come before.
///
/// # Panics
/// If no host answers for `known`.
#[must_use]
pub fn told_of(client: &Namespace, asked: Ipv4Addr, known: Ipv4Addr) -> Vec<Ipv4Addr> {
    told_in(client, &[], asked, known)
}

/// The same, where `asked` is asked for with these tags, TPID and number each.
///
/// # Panics
/// If no host answers for `known`.
#[must_use]
pub fn told_in(client: &Namespace, tags: &[(u16, u16)], asked: Ipv4Addr, known: Ipv4Addr) -> Vec<Ipv4Addr> {
    let socket = client.run(|| PacketSocket::open("eth0", &[]));
    let socket = socket.expect("the namespace can be entered").expect("the client has eth0");
    let ask = |tags, target| socket.send(&request(tags, target)).expect("the client's interface is up");
    let mut all = Vec::new();
    ask(tags, asked);
    for _ in 0..2 {
        ask(&[], known);
        loop {
            let frame = socket.receive(PATIENCE).expect("frames can be received");
            let told = told(&frame.expect("the address that is known is answered for"));
            all.extend(told);
            if told == Some(known) {
                break;
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// An ARP request (RFC 826) from the client, to all.
fn request(tags: &[(u16, u16)], target: Ipv4Addr) -> Vec<u8> {
    let source = Node::Client.mac().0;
    let mut frame = vec![0xff; 6];
    frame.extend(source);
    for (tpid, number) in tags {
        frame.extend([tpid.to_be_bytes(), number.to_be_bytes()].concat());
    }
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(source);
    frame.extend(Node::Client.address().octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame
}

/// The address that an ARP reply, with one tag or none, tells the MAC of.
fn told(frame: &[u8]) -> Option<Ipv4Addr> {
    let frame = if frame.get(12..14) == Some(&[0x81, 0]) { &[&frame[..12], &frame[16..]].concat() } else { frame };
    let is_reply = frame.get(12..14) == Some(&[8, 6]) && frame.get(20..22) == Some(&[0, 2]);
    let sender: [u8; 4] = frame.get(28..32)?.try_into().ok()?;
    is_reply.then(|| sender.into())
}
