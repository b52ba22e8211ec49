//! What can be read of a loaded program: its maps, in memory and by system calls.
//!
//! Readers hold it beside the one that writes. Each word is read at once; what spans several words may be of two moments,
//! as it may for the program.

use dsr_common::{
    claim::ClaimBudget,
    fragment::FragmentSet,
    heartbeat::Heartbeat,
    interface::InterfaceRow,
    member::{MemberRows, NextHopRow},
    previous::PreviousBlock,
    service::{ServiceRow, TableRef},
    slot::SlotBlock,
    stats::Counters,
    track::FlowSet,
};

use super::{batch::PerCpuRows, mapped::Mapped};
use crate::reconcile::Sizes;

/// The maps of one load of the program.
pub struct Maps {
    pub(super) sizes: Sizes,
    pub(super) services: Mapped<ServiceRow>,
    pub(super) members: Mapped<MemberRows>,
    pub(super) next_hops: Mapped<NextHopRow>,
    pub(super) slots: Mapped<SlotBlock>,
    pub(super) previous: Mapped<PreviousBlock>,
    pub(super) old_tables: Mapped<TableRef>,
    pub(super) flows: Mapped<FlowSet>,
    pub(super) embryonic: Mapped<FlowSet>,
    pub(super) clock: Mapped<u64>,
    pub(super) heartbeat: Mapped<Heartbeat>,
    pub(super) fragments: Mapped<FragmentSet>,
    pub(super) interfaces: Mapped<InterfaceRow>,
    pub(super) counters: PerCpuRows<Counters>,
    /// What the counters held before they were made anew, larger.
    pub(super) carried: Option<Mapped<Counters>>,
    pub(super) reasons: PerCpuRows<u64>,
    pub(super) tracking: PerCpuRows<u64>,
    /// Nothing where another agent loaded the program, which is gone.
    pub(super) claim_budget: Option<PerCpuRows<ClaimBudget>>,
}
