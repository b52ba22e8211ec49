//! Explicit congestion notification at the end of a tunnel (RFC 6040, section 4.2).

use dsr_common::{
    address::Family,
    backend::Reason,
    checksum::{adjusted, word},
};

use crate::{
    frame::Frame,
    inner::Inner,
    wire::{Be16, ipv4, ipv6},
};

/// Not ECN-capable.
const NOT_ECT: u8 = 0;
/// ECN-capable, ECT(1).
const ECT_1: u8 = 1;
/// ECN-capable, ECT(0).
const ECT_0: u8 = 2;
/// Congestion experienced.
const CE: u8 = 3;

/// Writes the ECN field that the inner packet leaves the tunnel with.
#[inline(always)]
pub(crate) fn combine(frame: &mut Frame, outer: u8, inner: &Inner) -> Result<(), Reason> {
    if outer == NOT_ECT || outer == ECT_0 {
        return Ok(()); // Every inner field stays.
    }
    match inner.family {
        Family::V4 => {
            let ip: &mut ipv4::Header = frame.at_mut(inner.start).ok_or(Reason::PassMalformed)?;
            let (old, new) = (ip.tos, ip.tos & !CE | egress(outer, ip.tos & CE)?);
            ip.tos = new;
            let [old, new] = [old, new].map(|tos| word(ip.version_length, tos));
            ip.checksum = Be16::from_raw(adjusted(ip.checksum.raw(), old, new));
        }
        Family::V6 => {
            let ip: &mut ipv6::Header = frame.at_mut(inner.start).ok_or(Reason::PassMalformed)?;
            let byte = ip.version_class_label[1];
            let field = egress(outer, byte >> 4 & CE)?;
            ip.version_class_label[1] = byte & !(CE << 4) | field << 4;
        }
    }
    Ok(())
}

/// Figure 4 of RFC 6040.
#[inline(always)]
const fn egress(outer: u8, inner: u8) -> Result<u8, Reason> {
    match (inner, outer) {
        (NOT_ECT, CE) => Err(Reason::DropEcn),
        (ECT_0 | ECT_1, CE) => Ok(CE),
        (ECT_0, ECT_1) => Ok(ECT_1),
        _ => Ok(inner),
    }
}
