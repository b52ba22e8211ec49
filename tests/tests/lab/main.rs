//! The lab itself: what it builds, that labs do not meet, and that nothing stays behind. Needs root.

mod agent;
mod arp;
mod command;
mod leftovers;
mod network;
mod traffic;
