//! Whether an agent is alive, for the program or the reference model.

use std::time::Duration;

use crate::program::Program;

/// Whether it gives signs of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heartbeat {
    /// It lives.
    #[default]
    Beats,
    /// It is dead, or hung for longer than is waited.
    Stopped,
}

impl Program {
    /// Makes it as if the agent lived, or not, for as long as nothing else is said.
    pub fn set_heartbeat(&mut self, heartbeat: Heartbeat) {
        self.datapath.set_alive_until(match heartbeat {
            Heartbeat::Beats => Duration::MAX,
            Heartbeat::Stopped => Duration::ZERO,
        });
    }
}
