//! Desired and observed state against what is live: a list of changes, and their application.
//!
//! [`plan`] is pure. The tables in the kernel are the truth about what is live: they are read, never remembered.

mod change;
mod layout;
mod lookup;
mod member;
mod memory;
mod plan;
mod region;
mod services;
mod tables;

pub use change::{Change, apply};
pub use layout::{Full, Layout, PlacedMember, PlacedService, Plan};
pub use lookup::{FoundService, FoundSlot, service_of, slot_of};
pub use member::address;
pub use memory::InMemory;
pub use plan::{plan, service_key};
pub use tables::{Sizes, Tables, TablesMut};
