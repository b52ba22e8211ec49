//! Breaks frames: fields that matter get values that matter, bits flip, ends are cut or grow.

use super::{
    cluster::{VIPS_V4, VIPS_V6},
    link::ETHERNET,
    rng::Rng,
};
use crate::{
    frame::{OWN_MAC, checksum},
    program::backend_mac,
};

type Mutation = fn(&mut Rng, &mut [u8]);

/// One to three fields of one frame, or of each alike, get another value; often the IPv4 checksum is made right.
pub(super) fn fields(rng: &mut Rng, frames: &mut [Vec<u8>]) {
    let (first, last) = if rng.one_in(3) {
        (0, frames.len())
    } else {
        let one = rng.below(frames.len());
        (one, one + 1)
    };
    let mutations: Vec<Mutation> = (0..=rng.below(3)).map(|_| rng.pick(&[link, ip, ip, ip, behind, behind])).collect();
    for frame in &mut frames[first..last] {
        for mutate in &mutations {
            mutate(rng, frame);
        }
        if rng.one_in(2) {
            repair(frame);
        }
    }
}

/// One to eight bits, most of them early in the frame.
pub(super) fn bits(rng: &mut Rng, frames: &mut [Vec<u8>]) {
    let one = rng.below(frames.len());
    let frame = &mut frames[one];
    for _ in 0..=rng.below(8) {
        let bound = if rng.one_in(3) { frame.len() } else { frame.len().min(64) };
        let at = rng.below(bound);
        frame[at] ^= 1 << rng.below(8);
    }
}

/// One frame ends early.
pub(super) fn cut(rng: &mut Rng, frames: &mut [Vec<u8>]) {
    let one = rng.below(frames.len());
    let length = ETHERNET + rng.below(frames[one].len() - ETHERNET + 1);
    frames[one].truncate(length);
}

/// Every frame gets bytes behind its packet.
pub(super) fn pad(rng: &mut Rng, frames: &mut [Vec<u8>]) {
    for frame in frames {
        let more = rng.below(60);
        let more = if rng.one_in(2) { vec![0; more] } else { rng.octets(more) };
        frame.extend_from_slice(&more);
    }
}

/// The last frame, cut at every length, instead of it.
pub(super) fn every_length(_: &mut Rng, frames: &mut Vec<Vec<u8>>) {
    if let Some(last) = frames.pop() {
        frames.extend((ETHERNET..=last.len()).map(|length| last[..length].to_vec()));
    }
}

/// A field of the link header.
fn link(rng: &mut Rng, frame: &mut [u8]) {
    match rng.below(6) {
        0 => frame[rng.below(6)] ^= 1 << rng.below(8),
        1 => frame[6..12].copy_from_slice(&backend_mac(rng.below(5) as u8 + 1)),
        2 => frame[..6].copy_from_slice(&OWN_MAC),
        3 => set16(frame, 12, rng.pick(&[0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x9100])),
        4 => set16(frame, network(frame) - 2, rng.pick(&[0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8])),
        _ => set16(frame, 16, rng.pick(&[0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8])),
    }
}

/// A field of the IP header: version, lengths, fragment, protocol, addresses.
fn ip(rng: &mut Rng, frame: &mut [u8]) {
    let at = network(frame);
    let is_v4 = frame.get(at).is_none_or(|byte| byte >> 4 != 6);
    let rest = frame.len().saturating_sub(at) as u16;
    let near = (rest + 3).wrapping_sub(rng.below(7) as u16);
    let any = rng.next() as u16;
    let protocols = [0, 1, 6, 17, 43, 44, 50, 51, 58, 59, 60, 132, rng.byte()];
    if is_v4 {
        match rng.below(8) {
            0 => set8(frame, at, rng.pick(&[0x44, 0x46, 0x4f, 0x40, 0x55, 0x65, 0x60])),
            1 => set16(frame, at + 2, rng.pick(&[near, 0, 19, 20, 28, 39, 40, 65535, any])),
            2 => set16(frame, at + 6, rng.pick(&[0x2000, 0x4000, 0x8000, 1, 0x1fff, 0x2001, 0, any])),
            3 | 4 => set8(frame, at + 9, rng.pick(&protocols)),
            5 => set(frame, at + 16, &rng.pick(&VIPS_V4).octets()),
            6 => set(frame, at + 12, &rng.pick(&[[0; 4], [127, 0, 0, 1], [224; 4], VIPS_V4[1].octets()])),
            _ => set8(frame, at + rng.below(20), any as u8),
        }
    } else {
        match rng.below(8) {
            0 => set8(frame, at, rng.pick(&[0x45, 0x40, 0x70, 0x6f])),
            1 | 2 => set16(frame, at + 4, rng.pick(&[near.wrapping_sub(40), 0, 7, 8, 20, 65535, any])),
            3 | 4 => set8(frame, at + 6, rng.pick(&protocols)),
            5 => set(frame, at + 24, &rng.pick(&VIPS_V6).octets()),
            6 => set8(frame, at + 7, rng.pick(&[0, 1, 255])),
            _ => set8(frame, at + rng.below(40), any as u8),
        }
    }
}

/// Something behind the IP header: extension headers, ports, flags, types, an embedded packet.
fn behind(rng: &mut Rng, frame: &mut [u8]) {
    let at = network(frame);
    let start = at + if frame.get(at).is_some_and(|byte| byte >> 4 == 6) { 40 } else { 20 };
    let protocols = [0, 6, 17, 43, 44, 51, 58, 59, 60, 132];
    match rng.below(8) {
        // Next header and length of the first extension header, or the type and code of ICMP.
        0 => set8(frame, start, rng.pick(&protocols)),
        1 => set8(frame, start + 1, rng.pick(&[0, 1, 2, 5, 31, 255])),
        2 => set16(frame, start + 2, rng.pick(&[0, 1, 8, 9, 0xfff8, 80, 53, 443])),
        3 => set8(frame, start, rng.pick(&[0, 3, 8, 11, 1, 2, 128, 135, 136])),
        4 => set8(frame, start + 13, rng.pick(&[0x02, 0x12, 0x10])),
        // What an ICMP error holds.
        5 => set8(frame, start + 8, rng.pick(&[0x45, 0x46, 0x4f, 0x60, 0x44])),
        6 => set8(frame, start + 8 + rng.below(48), rng.byte()),
        _ => set8(frame, start + rng.below(64), rng.pick(&protocols)),
    }
}

/// Makes the IPv4 checksum right, where there is a header.
fn repair(frame: &mut [u8]) {
    let at = network(frame);
    let Some(length) = frame.get(at).map(|byte| usize::from(byte & 15) * 4) else { return };
    if length >= 20 && at + length <= frame.len() && frame[at] >> 4 == 4 {
        set16(frame, at + 10, 0);
        let sum = checksum(&frame[at..at + length]);
        set16(frame, at + 10, sum);
    }
}

/// Where the packet begins, behind all tags.
fn network(frame: &[u8]) -> usize {
    let is_tag = |at: usize| matches!(frame.get(at..at + 2), Some([0x81, 0] | [0x88, 0xa8]));
    let mut at = 12;
    while is_tag(at) {
        at += 4;
    }
    at + 2
}

fn set8(frame: &mut [u8], at: usize, value: u8) {
    set(frame, at, &[value]);
}

fn set16(frame: &mut [u8], at: usize, value: u16) {
    set(frame, at, &value.to_be_bytes());
}

/// Nothing happens beyond the frame's end.
fn set(frame: &mut [u8], at: usize, bytes: &[u8]) {
    for (n, byte) in bytes.iter().enumerate() {
        if let Some(here) = frame.get_mut(at + n) {
            *here = *byte;
        }
    }
}
