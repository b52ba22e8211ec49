//! A flag that ends what is going on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::error::{Error, Result};

/// Tells everyone who holds a clone to come to an end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Tells everyone.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether [`Stop::set`] was called.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// An error once [`Stop::set`] was called.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_set() { Err(Error::Stopped) } else { Ok(()) }
    }
}
