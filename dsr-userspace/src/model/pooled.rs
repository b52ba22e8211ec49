//! Backends by their pools: a name is unique within one.

use super::Backend;

/// A backend with the name of the pool that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PooledBackend<'a> {
    /// The pool's name.
    pub pool: &'a str,
    /// The backend.
    pub backend: &'a Backend,
}

impl PooledBackend<'_> {
    /// Whether it has these names.
    pub fn is(self, key: &BackendKey) -> bool {
        self.pool == key.pool && self.backend.name == key.backend
    }

    /// Its names.
    pub fn key(self) -> BackendKey {
        BackendKey { pool: self.pool.to_owned(), backend: self.backend.name.clone() }
    }
}

/// A backend, by the names of its pool and its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendKey {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
}
