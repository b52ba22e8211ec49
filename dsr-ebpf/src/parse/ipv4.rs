//! The IPv4 header, with or without options.

use dsr_common::{
    address::{Address, Family},
    stats::Reason,
};

use super::{Fault, Fragment, Ip};
use crate::{
    frame::Frame,
    maps,
    wire::ipv4::{Header, MIN},
};

/// Parses the header at `start`.
#[inline(always)]
pub(crate) fn parse(frame: &Frame, start: usize) -> Result<Ip, Fault> {
    let ip: &Header = frame.at(start).ok_or(Fault::Absent(Reason::PassTruncated))?;
    if ip.version() != 4 {
        return Err(Fault::Absent(Reason::PassNotIp));
    }
    let (client, vip) = (Address::from_v4(ip.source), Address::from_v4(ip.destination));
    let (header, total) = (ip.length(), usize::from(ip.total_length.get()));
    if header < MIN || total < header || !fits(frame, start + total) {
        return Err(Fault::Malformed(Family::V4, vip));
    }
    Ok(Ip {
        family: Family::V4,
        client,
        vip,
        protocol: ip.protocol,
        traffic_class: ip.tos,
        start,
        payload: start + header,
        end: start + total,
        fragment: Fragment::of_ipv4(ip.fragment.raw(), u32::from(ip.id.raw())),
        is_plain: header == MIN,
    })
}

/// Whether the frame contains `length` bytes, in one buffer or several.
#[inline(always)]
pub(super) fn fits(frame: &Frame, length: usize) -> bool {
    length <= frame.length() || (maps::jumbo() && frame.whole_length() >= length)
}
