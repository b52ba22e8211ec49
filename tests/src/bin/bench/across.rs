//! Frames in forward modes that cross routers: what the balancer has to send, and what a backend receives. Pure.

use dsr::{
    model::{DscpCode, Forward},
    reconcile,
};
use dsr_common::{
    address::Family,
    checksum::adjusted,
    flow::Flow,
    hash::{HashKeys, Keys as _},
    ip_header,
    tunnel::{Inner, Outer},
};

use crate::scenario::{SEED, SOURCE, backend_address};

/// The frame of a forward mode that crosses routers, MACs aside. `dsr_common::tunnel` makes the outer headers here too: that
/// they are right is what the tests show.
pub(crate) fn across(forward: Forward, frame: &[u8], flow: Flow, backend: u16) -> Vec<u8> {
    const ETHERNET: usize = 14;
    let (link, packet) = frame.split_at(ETHERNET);
    if let Forward::Dscp(code) = forward {
        return renamed(frame, code, backend);
    }
    let outer = Outer {
        mode: forward.mode(),
        family: Family::V4,
        source: reconcile::address(SOURCE),
        varied: 0,
        destination: reconcile::address(backend_address(backend).into()),
        packet: Family::V4,
        key: 0,
        port: if let Forward::Gue { port, .. } = forward { port.get() } else { 0 },
        flags: forward.flags(),
    };
    let row = outer.row(u16::MAX);
    let length = u16::from_be_bytes([packet[2], packet[3]]);
    let inner = Inner { length, traffic_class: packet[1], hash: HashKeys::from_seed(SEED).flow(&flow) };
    let (ip, shim) = row.headers(&inner);
    let ip = ip.into_iter().flat_map(u64::to_ne_bytes).take(ip_header::length(Family::V4));
    let headers: Vec<u8> = ip.chain(shim.into_iter().flat_map(u32::to_ne_bytes)).take(row.overhead.into()).collect();
    [link, &headers, packet].concat()
}

/// Where the transport header's checksum is in an untagged IPv4 frame.
pub(crate) fn checksum_at(frame: &[u8]) -> usize {
    if frame[23] == 6 { 34 + 16 } else { 34 + 6 }
}

/// The frame of `dscp`: its checksums are updated, as those of the benchmark's segments are not correct.
fn renamed(frame: &[u8], code: DscpCode, backend: u16) -> Vec<u8> {
    const TOS: usize = 15;
    const IP_CHECKSUM: usize = 24;
    const DESTINATION: std::ops::Range<usize> = 30..34;
    let at = checksum_at(frame);
    let word = |bytes: &[u8], at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
    let mut after = frame.to_vec();
    after[TOS] = code.get() << 2 | frame[TOS] & 3;
    after[DESTINATION].copy_from_slice(&backend_address(backend).octets());
    let mut update = |sum_at: usize, words: &[usize]| {
        let sum = words.iter().fold(word(frame, sum_at), |sum, at| adjusted(sum, word(frame, *at), word(&after, *at)));
        after[sum_at..sum_at + 2].copy_from_slice(&sum.to_ne_bytes());
    };
    update(IP_CHECKSUM, &[TOS - 1, DESTINATION.start, DESTINATION.start + 2]);
    if word(frame, at) != 0 || frame[23] == 6 {
        update(at, &[DESTINATION.start, DESTINATION.start + 2]);
    }
    after
}
