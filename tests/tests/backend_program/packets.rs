//! Frames for a backend, made at random: sound ones of every tunnel, and broken ones.

use dsr_tests::{frame::checksum, generate::Rng};

use super::{BALANCER, BALANCER6, KEY, OTHER_VIP, OWN, OWN6, VIP, VIP6, bytes};

/// Any frame.
pub(crate) fn frame(rng: &mut Rng) -> Vec<u8> {
    let is_v4 = rng.one_in(2);
    let packet = if rng.one_in(3) { marked(rng, is_v4) } else { tunnel(rng, is_v4) };
    let mut frame = link(rng, is_v4);
    frame.extend(packet);
    if rng.one_in(4) {
        let padding = rng.below(40);
        frame.extend(rng.octets(padding));
    }
    if rng.one_in(6) {
        break_it(rng, &mut frame);
    }
    frame.truncate(3000);
    // The kernel runs no frame without a link header.
    frame.resize(frame.len().max(14), 0);
    frame
}

/// MACs, tags, EtherType.
fn link(rng: &mut Rng, is_v4: bool) -> Vec<u8> {
    let mut link = words("02:00:00:00:00:01 02:00:00:00:00:99");
    for _ in 0..rng.pick(&[0, 0, 0, 1, 1, 2, 3]) {
        link.extend(words(rng.pick(&["8100 2007", "88a8 0009"])));
    }
    link.extend(words(if is_v4 { "0800" } else { "86dd" }));
    link
}

/// A packet with a DSCP for the host.
fn marked(rng: &mut Rng, is_v4: bool) -> Vec<u8> {
    let source = if is_v4 { "198.51.100.7" } else { "2001:db8:7::7" };
    let destination = destination(rng, is_v4);
    let class = rng.pick(&[8, 8, 9, 10, 0]) << 2 | rng.byte() & 3;
    let (protocol, payload) = transport(rng);
    ip(rng, is_v4, [source, destination], class, protocol, &payload)
}

/// A transport header of some protocol and data.
fn transport(rng: &mut Rng) -> (u8, Vec<u8>) {
    let length = rng.below(60);
    let mut payload = rng.octets(length);
    let protocol = rng.pick(&[6, 6, 17, 17, 17, 58, 1, 132, 33, 136, 50]);
    if protocol == 17 && rng.one_in(4) && payload.len() >= 8 {
        payload[6..8].fill(0);
    }
    (protocol, payload)
}

/// A tunnel's packet, or nearly one.
fn tunnel(rng: &mut Rng, is_v4: bool) -> Vec<u8> {
    let source = match (rng.below(6), is_v4) {
        (0, true) => "10.64.200.1",
        (0, false) => "fd64::7",
        (1, true) => "10.65.0.1",
        (1, false) => "fd64:1::7",
        (_, true) => BALANCER,
        (_, false) => BALANCER6,
    };
    let inner_v4 = rng.one_in(2);
    let inner = inner(rng, inner_v4);
    let (protocol, payload) = match rng.below(4) {
        0 => (if inner_v4 { 4 } else { 41 }, inner),
        1 => (47, gre(rng, inner_v4, inner)),
        2 => (17, gue(rng, inner_v4, inner)),
        _ => (rng.pick(&[4, 41, 47, 17, 6]), inner),
    };
    let (destination, class) = (destination(rng, is_v4), rng.byte());
    ip(rng, is_v4, [source, destination], class, protocol, &payload)
}

fn destination(rng: &mut Rng, is_v4: bool) -> &'static str {
    match (rng.below(8), is_v4) {
        (0, true) => rng.pick(&["10.0.0.12", VIP]),
        (0, false) => rng.pick(&["2001:db8:1::12", VIP6]),
        (_, true) => OWN,
        (_, false) => OWN6,
    }
}

fn inner(rng: &mut Rng, is_v4: bool) -> Vec<u8> {
    let destination = match (rng.below(8), is_v4) {
        (0, true) => OWN,
        (0, false) => "2001:db8::11",
        (1, true) => OTHER_VIP,
        (_, true) => VIP,
        (_, false) => VIP6,
    };
    let source = if is_v4 { "198.51.100.7" } else { "2001:db8:7::7" };
    let class = rng.byte();
    if rng.one_in(12) {
        // A tunnel in a tunnel.
        let innermost = ip(rng, true, ["198.51.100.7", VIP], 0, 6, &[0; 20]);
        return ip(rng, is_v4, [source, destination], class, 4, &innermost);
    }
    let (protocol, payload) = transport(rng);
    ip(rng, is_v4, [source, destination], class, protocol, &payload)
}

fn gre(rng: &mut Rng, inner_v4: bool, inner: Vec<u8>) -> Vec<u8> {
    let flags: u16 = match rng.below(10) {
        0 => rng.next() as u16,
        1 => 0x8000,
        2 => 0x1000,
        3..6 => 0x2000,
        _ => 0,
    };
    let protocol: u16 = if rng.one_in(12) {
        0x6558
    } else if inner_v4 {
        0x0800
    } else {
        0x86dd
    };
    let mut header = [flags.to_be_bytes(), protocol.to_be_bytes()].concat();
    if flags == 0x2000 {
        let key = if rng.one_in(8) { rng.next() as u32 } else { KEY };
        header.extend(key.to_be_bytes());
    }
    header.extend(inner);
    header
}

fn gue(rng: &mut Rng, inner_v4: bool, inner: Vec<u8>) -> Vec<u8> {
    let protocol = if inner_v4 { 4 } else { 41 };
    let header = match rng.below(12) {
        0 => rng.octets(4),
        1 => vec![0x20, protocol, 0, 0],
        2 => vec![0x01, protocol, 0, 0],
        3 => vec![0, 6, 0, 0],
        4..8 => vec![0, protocol, 0, 0],
        _ => Vec::new(),
    };
    let port: u16 = if rng.one_in(10) { 6081 } else { 6080 };
    let length = 8 + header.len() + inner.len() + usize::from(rng.one_in(12));
    let mut datagram = (rng.next() as u16).to_be_bytes().to_vec();
    datagram.extend(port.to_be_bytes());
    datagram.extend((length as u16).to_be_bytes());
    datagram.extend(rng.pick(&[[0, 0], [0x12, 0x34]]));
    datagram.extend(header);
    datagram.extend(inner);
    datagram
}

/// An IP packet, at times with options or extension headers, or a fragment.
fn ip(rng: &mut Rng, is_v4: bool, [from, to]: [&str; 2], class: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let fragment: u16 = match rng.below(16) {
        0 => 1,
        1 => 0,
        2 => 5,
        _ => return whole(rng, is_v4, [from, to], class, protocol, payload),
    };
    if is_v4 {
        let flags = [0x2000, 0x4000, 0x0005, 0x2005][rng.below(4)];
        return v4([from, to], class, protocol, flags, 0, payload);
    }
    let more = rng.byte() & 1;
    let mut with = vec![protocol, 0, (fragment >> 5) as u8, (fragment << 3) as u8 | more, 1, 2, 3, 4];
    with.extend(payload);
    v6([from, to], class, 44, &with)
}

fn whole(rng: &mut Rng, is_v4: bool, addresses: [&str; 2], class: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let is_plain = !rng.one_in(6);
    if is_v4 {
        let options = if is_plain { 0 } else { rng.below(11) };
        return v4(addresses, class, protocol, 0x4000, options, payload);
    }
    let (mut next, mut with) = (protocol, payload.to_vec());
    let count = if is_plain { 0 } else { rng.below(10) };
    for _ in 0..count {
        let kind = rng.pick(&[0, 60, 60, 43, 51]);
        let mut header = vec![next, u8::from(kind == 51)];
        header.resize(if kind == 51 { 12 } else { 8 }, 0);
        header.extend(with);
        (next, with) = (kind, header);
    }
    v6(addresses, class, next, &with)
}

fn v4([from, to]: [&str; 2], class: u8, protocol: u8, flags: u16, options: usize, payload: &[u8]) -> Vec<u8> {
    let header = 20 + options * 4;
    let mut ip = vec![0x40 | (header / 4) as u8, class];
    ip.extend(((header + payload.len()) as u16).to_be_bytes());
    ip.extend([0, 1]);
    ip.extend(flags.to_be_bytes());
    ip.extend([64, protocol, 0, 0]);
    ip.extend(words(from));
    ip.extend(words(to));
    ip.resize(header, 1);
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    ip.extend(payload);
    ip
}

fn v6([from, to]: [&str; 2], class: u8, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x60 | class >> 4, class << 4, 0x12, 0x34];
    ip.extend((payload.len() as u16).to_be_bytes());
    ip.extend([next, 64]);
    ip.extend(words(from));
    ip.extend(words(to));
    ip.extend(payload);
    ip
}

/// Cuts the frame, or changes a few of its bytes.
fn break_it(rng: &mut Rng, frame: &mut Vec<u8>) {
    if rng.one_in(2) {
        let length = 14 + rng.below(frame.len() - 13);
        return frame.truncate(length);
    }
    for _ in 0..=rng.below(3) {
        let at = 12 + rng.below(frame.len() - 12);
        frame[at] = rng.byte();
    }
}

fn words(text: &str) -> Vec<u8> {
    bytes::read(text, &[]).unwrap()
}
