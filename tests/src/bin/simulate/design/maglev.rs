//! Plain Maglev: a packet goes where its slot says, and nothing is remembered.

use super::{Balancer, Memory, Packet, slot_bytes};
use crate::{
    pool::{Member, View},
    time::Moment,
};

/// A balancer without memory.
pub(crate) struct Stateless;

impl Balancer for Stateless {
    fn route(&mut self, view: &View, packet: Packet, _now: Moment) -> Option<Member> {
        view.current(packet.hash)
    }

    fn memory(&self, view: &View) -> Memory {
        Memory { used: slot_bytes(view), reserved: slot_bytes(view) }
    }
}
