//! A packet socket on an interface that is known by its name.

use std::time::Duration;

use dsr_sys::packet::{self, SockFilter};

use super::link;
use crate::error::{Doing, Result};

/// Sees the frames of one interface that pass its filter, both those that come in and those that go out.
#[derive(Debug)]
pub struct PacketSocket(packet::PacketSocket);

impl PacketSocket {
    /// Opens a socket on `interface`. An empty filter lets all frames through.
    pub fn open(interface: &str, filter: &[SockFilter]) -> Result<Self> {
        let index = link::index(interface)?;
        packet::PacketSocket::open(index, filter).map(Self).doing(|| format!("open a packet socket on {interface}"))
    }

    /// Sends a frame, Ethernet header first.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        self.0.send(frame).doing(|| "send a frame")
    }

    /// The next frame with its tags, or nothing after `patience`.
    pub fn receive(&self, patience: Duration) -> Result<Option<Vec<u8>>> {
        self.0.receive(patience).doing(|| "receive a frame")
    }

    /// How many frames passed the filter since the last call, also those for which there was no room. They are
    /// thrown away, and can no longer be received.
    pub fn take_count(&self) -> Result<u32> {
        self.0.take_count().doing(|| "read a packet socket's statistics")
    }
}
