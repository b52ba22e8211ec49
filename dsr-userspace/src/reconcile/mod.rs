//! Desired and observed state against what is live: a list of changes, and their application.
//!
//! [`plan`] is pure. The tables in the kernel are the truth about what is live: they are read, never remembered.

mod change;
mod layout;
mod member;
mod memory;
mod plan;
mod region;
mod services;
mod tables;

pub use change::{Change, apply};
pub use layout::{Full, Layout, PlacedMember, PlacedService, Plan};
pub use member::row as member_row;
pub use memory::InMemory;
pub use plan::plan;
pub use tables::{Sizes, Tables, TablesMut};
