//! What a plan is made of, and where everything is once it is carried out.

use std::net::IpAddr;

use super::change::Change;
use crate::model::ServiceId;

/// A table has no room for what is desired: it has to be built anew, larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} table is full")]
pub struct Full(pub(super) &'static str);

/// What to change, and where everything is afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The changes, to be made in this order.
    pub changes: Vec<Change>,
    /// Where everything is once they are made.
    pub layout: Layout,
}

/// Where services and members are in the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// One for each desired service, in that order.
    pub services: Vec<PlacedService>,
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
    /// Its row of the member map and of the counters.
    pub row: u32,
    /// Slots that name it.
    pub slots: u32,
    /// Whether packets can be sent to it.
    pub reachable: bool,
}
