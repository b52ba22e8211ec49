//! What balancers tell each other, and the bytes that it takes on the wire.

use super::{slots::Slots, tracked::State, tracked::Tables};
use crate::pool::Member;

/// Bytes of an entry of this design's messages: the flow's hash (8), its member's identity, which is the same on every
/// balancer (4), the service (2), the table and the flow's age (2). A digest takes the place of hash and member.
const ENTRY_BYTES: usize = 16;
/// Bytes of a slot in a snapshot: slot, member before and its age (2, 4, 2).
const SLOT_BYTES: usize = 8;
/// Bytes of an IPv4 connection in a message of IPVS: `struct ip_vs_sync_v4` (`net/netfilter/ipvs/ip_vs_sync.c`).
const IPVS_BYTES: usize = 36;

/// A message of one balancer to its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A flow of a slot in transition.
    Flow { hash: u64, member: Member, state: State },
    /// Where unknown flows are sent to, in one number, and whether the sender waits for those of its peers.
    Digest { digest: u64, waits: bool },
    /// A connection as IPVS has it.
    Connection { hash: u64, member: Member },
}

impl Message {
    /// Its bytes, headers aside.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Flow { .. } | Self::Digest { .. } => ENTRY_BYTES,
            Self::Connection { .. } => IPVS_BYTES,
        }
    }
}

/// All that a balancer knows of what is in transition, for one that starts.
pub(crate) struct Snapshot {
    pub(super) slots: Slots,
    pub(super) tables: Tables,
}

impl Snapshot {
    /// Its bytes, headers aside.
    pub(crate) fn bytes(&self) -> usize {
        self.slots.held() * SLOT_BYTES + self.tables.held() * ENTRY_BYTES
    }
}
