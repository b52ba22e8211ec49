//! Whether the agent is to end, for what takes long.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether a signal has asked the agent to end. Whatever takes long looks at it in between.
#[derive(Clone, Debug, Default)]
pub(in crate::agent) struct Ending(Arc<AtomicBool>);

impl Ending {
    /// Asks the agent to end.
    pub(in crate::agent) fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_asked_for(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
