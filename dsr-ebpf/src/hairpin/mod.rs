//! Answers that the program makes itself, in the frame that asked.

pub(crate) mod arp;
pub(crate) mod echo;
pub(crate) mod ndp;

mod checksum;
