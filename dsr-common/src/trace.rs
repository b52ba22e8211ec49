//! The filter that `dsr trace` gives the program, and the record that the program makes of a frame.

use crate::{
    address::{Address, Family},
    stats::Reason,
};

/// Selects the frames to trace: from one client, or all of them, to a VIP. All zero matches nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct TraceFilter {
    /// The client's address.
    pub client: Address,
    /// The VIP.
    pub vip: Address,
    /// The client's port, in network byte order as loaded from memory; zero matches all.
    pub client_port: u16,
    /// The service's port, likewise.
    pub service_port: u16,
    /// 4 or 6: the family of both addresses.
    pub family: u8,
    /// One if every client matches, whatever [`TraceFilter::client`] is.
    pub any_client: u8,
    /// Padding, always zero.
    pub pad: u16,
}

const _: () = assert!(size_of::<TraceFilter>() == 40);

/// The record of one frame: one cache line, as written to the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct TraceRecord {
    /// Time in nanoseconds of the kernel's monotonic clock.
    pub time: u64,
    /// The sender.
    pub client: Address,
    /// The VIP.
    pub vip: Address,
    /// The sender's port, in network byte order as loaded from memory; zero if the packet has none.
    pub client_port: u16,
    /// The destination port, likewise.
    pub service_port: u16,
    /// The protocol number of the IP header.
    pub protocol: u8,
    /// 4 or 6; zero in an unused record.
    pub family: u8,
    /// One if it opens a TCP connection.
    pub opens: u8,
    /// Padding, always zero.
    pub pad: u8,
    /// The row of the selected member; [`NO_ROW`] for none.
    pub row: u32,
    /// The ifindex of the ingress interface.
    pub ifindex: u32,
    /// [`SENT`], or the number of the [`Reason`] plus one.
    pub outcome: u32,
    /// Padding, always zero.
    pub pad2: u32,
}

/// Bytes of a record.
pub const RECORD: usize = size_of::<TraceRecord>();

const _: () = assert!(RECORD == 64);

/// The row in a record of a frame for which no member was selected.
pub const NO_ROW: u32 = u32::MAX;

/// The outcome of a frame that was sent to a member.
pub const SENT: u32 = 0;

/// The outcome of a frame that ended for a reason.
#[inline(always)]
pub const fn ended(reason: Reason) -> u32 {
    reason as u32 + 1
}

impl TraceRecord {
    /// A record from its bytes, in native byte order.
    pub fn from_octets(bytes: &[u8; RECORD]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_ne_bytes(word)
        };
        let half = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let quarter = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Self {
            time: word(0),
            client: Address { hi: word(8), lo: word(16) },
            vip: Address { hi: word(24), lo: word(32) },
            client_port: quarter(40),
            service_port: quarter(42),
            protocol: bytes[44],
            family: bytes[45],
            opens: bytes[46],
            pad: 0,
            row: half(48),
            ifindex: half(52),
            outcome: half(56),
            pad2: 0,
        }
    }

    /// The family of both addresses.
    pub const fn family(&self) -> Option<Family> {
        match self.family {
            4 => Some(Family::V4),
            6 => Some(Family::V6),
            _ => None,
        }
    }

    /// The reason of the frame; `None` if it was sent to a member.
    pub fn reason(&self) -> Option<Reason> {
        let number = self.outcome.checked_sub(1)?;
        Reason::ALL.get(number as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_lies_in_memory() {
        let mut bytes = [0; RECORD];
        (0..).zip(&mut bytes).for_each(|(number, byte)| *byte = number);
        let record = TraceRecord::from_octets(&bytes);
        assert_eq!(record.time, u64::from_ne_bytes([0, 1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(record.vip.lo, u64::from_ne_bytes([32, 33, 34, 35, 36, 37, 38, 39]));
        assert_eq!(core::mem::offset_of!(TraceRecord, protocol), usize::from(record.protocol));
        assert_eq!(core::mem::offset_of!(TraceRecord, opens), usize::from(record.opens));
        assert_eq!(record.row.to_ne_bytes()[0] as usize, core::mem::offset_of!(TraceRecord, row));
        assert_eq!(record.outcome.to_ne_bytes()[0] as usize, core::mem::offset_of!(TraceRecord, outcome));
    }

    #[test]
    fn an_outcome_is_sent_or_a_reason() {
        let record = |outcome| TraceRecord { outcome, ..TraceRecord::default() };
        assert_eq!(record(SENT).reason(), None);
        for reason in Reason::ALL {
            assert_eq!(record(ended(*reason)).reason(), Some(*reason));
        }
    }
}
