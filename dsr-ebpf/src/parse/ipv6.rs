//! The IPv6 header and its extension headers.

use dsr_common::{
    address::{Address, Family},
    stats::Reason,
};

use super::{Fault, Ip, Part, extension, ipv4::fits};
use crate::{
    frame::Frame,
    wire::ipv6::{HEADER, Header},
};

/// Parses the header at `start` and walks its extension headers.
#[inline(always)]
pub(crate) fn parse(frame: &Frame, start: usize) -> Result<Ip, Fault> {
    let header: &Header = frame.at(start).ok_or(Fault::Absent(Reason::PassTruncated))?;
    if header.version() != 6 {
        return Err(Fault::Absent(Reason::PassNotIp));
    }
    let client = Address { hi: header.source.hi, lo: header.source.lo };
    let vip = Address { hi: header.destination.hi, lo: header.destination.lo };
    let end = start + HEADER + usize::from(header.payload_length.get());
    let last = if fits(frame, end) { extension::walk(frame, header.next_header, start + HEADER, end) } else { None };
    let last = last.ok_or(Fault::Malformed(Family::V6, vip))?;
    Ok(Ip {
        family: Family::V6,
        client,
        vip,
        protocol: last.protocol,
        traffic_class: header.traffic_class(),
        start,
        payload: last.payload,
        end,
        fragment: last.fragment,
        is_plain: last.payload == start + HEADER && matches!(last.fragment.part(), Part::Whole),
    })
}
