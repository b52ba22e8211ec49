//! Health of backends.
pub mod link;
pub mod socket;
