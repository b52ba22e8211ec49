//! Which services use a backend, a pool or an address: what an event touches is found without looking at the others. Pure.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use crate::model::{Backend, Desired, Service, ServiceId};

/// The services of a configuration, by their places in [`Desired::services`].
#[derive(Clone, Debug, Default)]
pub(in crate::agent) struct Index {
    by_id: HashMap<ServiceId, usize>,
    /// By the name of a pool: those that use it, as their own or for their fallback.
    by_pool: HashMap<String, Vec<usize>>,
    /// Those with the same list of backends.
    lists: Vec<Vec<usize>>,
    /// By the address of a backend: the lists that it is in.
    by_address: HashMap<IpAddr, Vec<u32>>,
}

impl Index {
    pub(in crate::agent) fn of(desired: &Desired) -> Self {
        let mut index = Self::default();
        let mut lists = HashMap::new();
        for (place, service) in desired.services.iter().enumerate() {
            index.by_id.insert(service.id, place);
            for pool in pools(service) {
                match index.by_pool.get_mut(pool) {
                    Some(services) => services.push(place),
                    None => _ = index.by_pool.insert(pool.to_owned(), vec![place]),
                }
            }
            let list = *lists.entry(address_of(&service.backends)).or_insert_with(|| index.add(&service.backends));
            index.lists[list].push(place);
        }
        index
    }

    fn add(&mut self, backends: &[Backend]) -> usize {
        let list = self.lists.len();
        self.lists.push(Vec::new());
        for backend in backends {
            self.by_address.entry(backend.address).or_default().push(list as u32);
        }
        list
    }

    /// The place of a service.
    pub(in crate::agent) fn place(&self, id: ServiceId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The services that use a pool.
    pub(in crate::agent) fn of_pool(&self, pool: &str) -> &[usize] {
        self.by_pool.get(pool).map_or(&[], Vec::as_slice)
    }

    /// The services that have a backend at this address.
    pub(in crate::agent) fn of_address(&self, address: IpAddr) -> impl Iterator<Item = usize> + '_ {
        let lists = self.by_address.get(&address).into_iter().flatten();
        lists.flat_map(|list| self.lists[*list as usize].iter().copied())
    }

    /// The same, one service for each list of backends.
    pub(in crate::agent) fn lists_of_address(&self, address: IpAddr) -> impl Iterator<Item = usize> + '_ {
        let lists = self.by_address.get(&address).into_iter().flatten();
        lists.filter_map(|list| self.lists[*list as usize].first().copied())
    }

    /// One service for each list of backends.
    pub(in crate::agent) fn of_each_list(&self) -> impl Iterator<Item = usize> + '_ {
        self.lists.iter().filter_map(|services| services.first().copied())
    }
}

/// The pools of a service, each once.
fn pools(service: &Service) -> BTreeSet<&str> {
    let other = service.fallback.as_ref().map(|fallback| fallback.pool.as_str());
    other.into_iter().chain([service.pool.as_str()]).collect()
}

/// Where a list is in memory: the configuration holds it, so that no other list comes there.
pub(in crate::agent) fn address_of(list: &Arc<[Backend]>) -> usize {
    Arc::as_ptr(list).cast::<Backend>().addr()
}
