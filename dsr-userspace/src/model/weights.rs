//! The weights that count, where they are not those of the file.

use std::{collections::BTreeMap, sync::Arc};

use super::{Backend, Service};

/// Backends with other weights than the file's. Services of one pool share one list of backends, and so they do here: one
/// weight that changes makes one new list, however many services use it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// By the address in memory of the file's list: that list, which keeps its address while it is held here, and the one
    /// that counts.
    lists: BTreeMap<usize, Lists>,
}

/// The file's list, and the one that counts.
type Lists = (Arc<[Backend]>, Arc<[Backend]>);

impl Weights {
    /// The backends of a service with the weights that count, in the order of [`Service::backends`].
    pub fn backends<'a>(&'a self, service: &'a Service) -> &'a Arc<[Backend]> {
        self.lists.get(&place(&service.backends)).map_or(&service.backends, |(_, weighted)| weighted)
    }

    /// Lets other weights count for all services with the same list of backends as this one; those of the file where
    /// `weighted` has the same.
    pub fn set(&mut self, service: &Service, weighted: Arc<[Backend]>) {
        let own = &service.backends;
        if weighted == *own {
            self.lists.remove(&place(own));
        } else {
            self.lists.insert(place(own), (Arc::clone(own), weighted));
        }
    }
}

/// Where a list is in memory.
fn place(list: &Arc<[Backend]>) -> usize {
    Arc::as_ptr(list).cast::<Backend>().addr()
}
