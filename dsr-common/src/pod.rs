//! Marks the rows as plain old data for aya's typed maps.
#![allow(unsafe_code)]

use crate::{
    backend::{AddressKey, CodeRow},
    claim::ClaimBudget,
    fragment::FragmentSet,
    hash::HashKeys,
    heartbeat::Heartbeat,
    interface::InterfaceRow,
    member::{MemberRow, MemberRows, NextHopRow},
    previous::PreviousBlock,
    service::{ServiceRow, TableRef},
    slot::SlotBlock,
    stats::Counters,
    trace::TraceFilter,
    track::FlowSet,
    tunnel::TunnelRow,
    vlan::{VlanKey, VlanSet},
};

// SAFETY: integers only, `repr(C)` or transparent, no implicit padding (asserted by size), any bit pattern is valid.
unsafe impl aya::Pod for InterfaceRow {}
// SAFETY: as above.
unsafe impl aya::Pod for FragmentSet {}
// SAFETY: as above.
unsafe impl aya::Pod for MemberRow {}
// SAFETY: as above.
unsafe impl aya::Pod for NextHopRow {}
// SAFETY: as above.
unsafe impl aya::Pod for TunnelRow {}
// SAFETY: as above.
unsafe impl aya::Pod for MemberRows {}
// SAFETY: as above.
unsafe impl aya::Pod for ServiceRow {}
// SAFETY: as above.
unsafe impl aya::Pod for SlotBlock {}
// SAFETY: as above.
unsafe impl aya::Pod for PreviousBlock {}
// SAFETY: as above.
unsafe impl aya::Pod for TableRef {}
// SAFETY: as above.
unsafe impl aya::Pod for FlowSet {}
// SAFETY: as above.
unsafe impl aya::Pod for VlanSet {}
// SAFETY: as above.
unsafe impl aya::Pod for VlanKey {}
// SAFETY: as above.
unsafe impl aya::Pod for Counters {}
// SAFETY: as above.
unsafe impl aya::Pod for Heartbeat {}
// SAFETY: as above.
unsafe impl aya::Pod for ClaimBudget {}
// SAFETY: as above.
unsafe impl aya::Pod for TraceFilter {}
// SAFETY: as above.
unsafe impl aya::Pod for HashKeys {}
// SAFETY: as above.
unsafe impl aya::Pod for AddressKey {}
// SAFETY: as above.
unsafe impl aya::Pod for CodeRow {}
