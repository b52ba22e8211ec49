//! Answers packets that are not forwarded: those of services with `on_empty: reject` that have no backend, by a TCP reset
//! or ICMP unreachable, and those too big for the path to their backend, by ICMP. Rate-limited, and never in reply to
//! packets that must not be answered (RFC 9293 section 3.10.7.1; RFC 1122 section 3.2.2; RFC 4443 section 2.4).

use dsr_common::limits::{REJECTS_PER_SECOND, TOO_BIG_PER_SECOND};

use super::{icmp_error, is_from_host, is_host, reset, swap_macs};
use crate::{
    frame::Frame,
    interface::Interface,
    maps,
    parse::{self, Ip, Link, Part, Payload},
    service,
    wire::{icmp, transport::TCP},
};

/// Why a packet is not forwarded, but answered.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    /// There is no backend, and the service rejects such packets.
    Unserved,
    /// It is larger than this, the largest that fits the path.
    TooBig(u32),
}

// Zero: unserved. Otherwise the largest packet and bit 32.
scalars! {
    Refusal: |refusal| match refusal {
            Self::Unserved => 0,
            Self::TooBig(limit) => TOO_BIG | u64::from(limit),
        },
        |word| if word == 0 { Self::Unserved } else { Self::TooBig(word as u32) };
}

const TOO_BIG: u64 = 1 << 32;

/// Turns a packet into its answer; `None` if it must be dropped.
#[inline(always)]
pub(crate) fn answer(frame: &mut Frame, interface: &Interface, why: Refusal) -> Option<()> {
    let arrival = parse::link(frame, interface).ok()?;
    let start = arrival.link.end();
    let ip = match arrival.payload {
        Payload::Ipv6 => parse::ipv6(frame, start),
        _ => parse::ipv4(frame, start),
    }
    .ok()?;
    answer_packet(frame, &arrival.link, &ip, interface.mac, why)
}

#[inline(always)]
fn answer_packet(frame: &mut Frame, link: &Link, ip: &Ip, mac: u64, why: Refusal) -> Option<()> {
    let is_answerable_part = match (ip.fragment.part(), why) {
        (Part::Whole, _) | (Part::First, Refusal::TooBig(_)) => true,
        (Part::First, Refusal::Unserved) | (Part::Later, _) => false,
    };
    let answerable = ip.protocol != icmp::protocol(ip.family)
        && is_answerable_part
        && is_from_host(link)
        && is_host(ip.family, ip.client)
        && !service::is_vip(ip.family, ip.client);
    if !answerable || !may_answer(why) {
        return None;
    }
    if ip.protocol == TCP && matches!(why, Refusal::Unserved) {
        reset::write(frame, ip)?;
    } else {
        icmp_error::write(frame, link, ip, why)?;
    }
    swap_macs(frame, link, mac)
}

#[inline(always)]
fn may_answer(why: Refusal) -> bool {
    match why {
        Refusal::Unserved => maps::may_reject(REJECTS_PER_SECOND),
        Refusal::TooBig(_) => maps::may_tell_too_big(TOO_BIG_PER_SECOND),
    }
}
