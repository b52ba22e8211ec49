//! The packet in a tunnel: only what is needed to give it to the local stack, which examines the rest.

use dsr_common::{
    address::{Address, Family},
    backend::Reason,
};

use crate::{
    frame::Frame,
    tunnel::Payload,
    wire::{ipv4, ipv6},
};

/// An IP packet within a tunnel, with valid lengths.
pub(crate) struct Inner {
    pub(crate) family: Family,
    /// Where its header starts.
    pub(crate) start: usize,
    pub(crate) destination: Address,
}

/// Reads the header; the packet must end within the outer one.
#[inline(always)]
pub(crate) fn parse(frame: &Frame, payload: &Payload) -> Result<Inner, Reason> {
    let start = payload.start;
    let (end, destination) = match payload.family {
        Family::V4 => v4(frame, start),
        Family::V6 => v6(frame, start),
    }
    .ok_or(Reason::PassMalformed)?;
    if end > payload.end {
        return Err(Reason::PassMalformed);
    }
    Ok(Inner { family: payload.family, start, destination })
}

#[inline(always)]
fn v4(frame: &Frame, start: usize) -> Option<(usize, Address)> {
    let ip: &ipv4::Header = frame.at(start)?;
    let total = usize::from(ip.total_length.get());
    if ip.version() != 4 || ip.length() < ipv4::MIN || total < ip.length() {
        return None;
    }
    Some((start + total, Address::from_v4(ip.destination)))
}

#[inline(always)]
fn v6(frame: &Frame, start: usize) -> Option<(usize, Address)> {
    let ip: &ipv6::Header = frame.at(start)?;
    let end = start + ipv6::HEADER + usize::from(ip.payload_length.get());
    (ip.version() == 6).then_some((end, Address { hi: ip.destination.hi, lo: ip.destination.lo }))
}
