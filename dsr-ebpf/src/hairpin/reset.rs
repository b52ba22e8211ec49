//! The TCP reset for a segment to a closed port (RFC 9293, section 3.10.7.1).

use dsr_common::{
    checksum::{folded, halves},
    ip_header::length,
};

use crate::{
    frame::Frame,
    hairpin::answering,
    ip_header,
    parse::Ip,
    wire::{
        Be16, Be32,
        transport::{ACK, FIN, RST, SYN, TCP, TCP_MIN, TcpHeader},
    },
};

/// Writes the reset over the segment; `None`, with nothing written, if the segment is a reset itself or has invalid
/// lengths.
#[inline(always)]
pub(super) fn write(frame: &mut Frame, ip: &Ip) -> Option<()> {
    let segment: &TcpHeader = frame.at(ip.payload)?;
    let (flags, offset) = (segment.flags, usize::from(segment.offset >> 4) * 4);
    let (source, destination) = (segment.source, segment.destination);
    let (sequence, acknowledgement) = (segment.sequence, segment.acknowledgement);
    let data = (ip.end - ip.payload).checked_sub(offset)?;
    if flags & RST != 0 || offset < TCP_MIN {
        return None;
    }
    let consumed = data as u32 + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
    let (sequence, acknowledgement, flags) = if flags & ACK != 0 {
        (acknowledgement, Be32::new(0), RST)
    } else {
        (Be32::new(0), Be32::new(sequence.get().wrapping_add(consumed)), RST | ACK)
    };
    let at = ip.start + length(ip.family);
    frame.resize(at + TCP_MIN)?;
    let header = answering(ip, TCP, TCP_MIN as u16);
    ip_header::write(&header, frame, ip.start)?;
    let mut reset = TcpHeader {
        source: destination,
        destination: source,
        sequence,
        acknowledgement,
        offset: 5 << 4,
        flags,
        window: Be16::new(0),
        checksum: Be16::new(0),
        urgent: Be16::new(0),
    };
    let sum = header.pseudo_sum() + sum_of(&reset);
    reset.checksum = Be16::from_raw(!folded(sum));
    *frame.at_mut::<TcpHeader>(at)? = reset;
    Some(())
}

#[inline(always)]
fn sum_of(header: &TcpHeader) -> u64 {
    let ports = u64::from(header.source.raw()) + u64::from(header.destination.raw());
    let numbers = u64::from(header.sequence.raw()) + u64::from(header.acknowledgement.raw());
    ports + numbers + halves(u64::from(u16::from_ne_bytes([header.offset, header.flags])))
}
