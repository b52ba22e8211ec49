//! Desired and observed state against what is live: a list of changes, and their application.
//!
//! [`plan`] and [`plan_dirty`] are pure. The tables in the kernel are the truth about what is live: they are read, never remembered.

mod assignment;
mod change;
mod flows;
mod kind;
mod layout;
mod live;
mod lookup;
mod member;
mod memory;
mod migrate;
mod next_hops;
mod phases;
mod plan;
mod planner;
mod region;
mod row_id;
mod services;
mod slots;
mod tables;
mod transition;

pub use change::{Change, apply};
pub use flows::{FlowPlace, FlowTable, entries};
pub use kind::{keeps_flows, service_key};
pub use layout::{Full, Layout, PlacedMember, PlacedService, Plan};
pub use lookup::{
    FoundService, FoundSlot, Part, Placement, Why, placement_of, previous, service_of, slot_of, tracked_slots,
};
pub use member::{address, family, rows as member_rows};
pub use memory::InMemory;
pub use migrate::{Keep, migrate, migrate_flows, restamp};
pub use next_hops::GROUPS_MAX;
pub use plan::{Dirty, Goal, PartialPlan, plan, plan_dirty, plan_while};
pub use row_id::MemberRowId;
pub use tables::{SLOTS_PER_WORD, Sizes, Tables, TablesMut};
pub use transition::{DrainingMember, ServiceTransition, TransitionStep, advance, advance_some, ticks};
