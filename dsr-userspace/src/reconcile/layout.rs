//! What a plan is made of, and where everything is once it is carried out.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use super::{change::Change, row_id::MemberRowId};
use crate::model::{Desired, ServiceId};

/// A table has no room for what is desired: it has to be built anew, larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// [`super::Sizes::services`] rows are too few, or too many services probe the same ones.
    #[error("the service table is full")]
    Services,
    /// [`super::Sizes::members`] rows are too few.
    #[error("the member table is full")]
    Members,
    /// [`super::Sizes::blocks`] are too few.
    #[error("the slot table is full")]
    Slots,
}

/// What to change, and where everything is afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The changes, to be made in this order.
    pub changes: Vec<Change>,
    /// Where everything is once they are made.
    pub layout: Layout,
}

/// Where services and members are in the tables.
///
/// It is copied when a reader holds it while it changes: services are shared, so that a copy is a list of pointers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// One for each desired service, in that order.
    pub services: Vec<Arc<PlacedService>>,
}

impl Layout {
    /// Puts the services in the order of what is desired now. New ones are nowhere until they are set.
    pub fn follow(&mut self, desired: &Desired) {
        let known: HashMap<_, _> = self.services.drain(..).map(|service| (service.id, service)).collect();
        let nowhere = |id| Arc::new(PlacedService { id, slots: 0, members: Vec::new() });
        let ids = desired.services.iter().map(|service| service.id);
        self.services = ids.map(|id| known.get(&id).cloned().unwrap_or_else(|| nowhere(id))).collect();
    }

    /// Says where a service is, by its place in what is desired.
    pub fn set(&mut self, place: usize, service: PlacedService) {
        if let Some(known) = self.services.get_mut(place) {
            *known = Arc::new(service);
        }
    }
}

/// Where one service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedService {
    /// Which service.
    pub id: ServiceId,
    /// Slots of its table.
    pub slots: u32,
    /// One for each of its backends, in that order.
    pub members: Vec<PlacedMember>,
}

/// Where one member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedMember {
    /// Which backend: its own address.
    pub address: IpAddr,
    /// Its row.
    pub row: MemberRowId,
    /// Slots that name it.
    pub slots: u32,
    /// Whether packets can be sent to it.
    pub reachable: bool,
    /// Whether its route has several next hops of which it uses the first alone, since all [`super::GROUPS_MAX`] groups of next
    /// hops are in use.
    pub ungrouped: bool,
}
