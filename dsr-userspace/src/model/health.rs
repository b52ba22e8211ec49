//! What the checks say of each backend, as far as the planner has to know it.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use super::ServiceId;

/// What a backend may get of a service's packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// New flows, by its weight.
    #[default]
    Up,
    /// The flows that it has, and no new ones.
    Draining,
    /// The flows that it has: it is of the fallback, and not needed.
    Standby,
    /// Nothing: its flows go to other backends.
    Down,
}

/// The condition of each backend seen from each service. What is not in here is [`Condition::Up`]: not checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    conditions: BTreeMap<(ServiceId, IpAddr), Condition>,
}

impl Health {
    /// The condition of a backend, known by its own address, seen from a service.
    pub fn of(&self, service: ServiceId, backend: IpAddr) -> Condition {
        self.conditions.get(&(service, backend)).copied().unwrap_or_default()
    }
}

impl Health {
    /// The backends of a service with another condition than [`Condition::Up`], by address.
    pub fn of_service(&self, service: ServiceId) -> Vec<(IpAddr, Condition)> {
        let from = (service, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let own = self.conditions.range(from..).take_while(|((id, _), _)| *id == service);
        own.map(|((_, address), condition)| (*address, *condition)).collect()
    }

    /// Replaces the conditions of a service's backends.
    pub fn set(&mut self, service: ServiceId, conditions: impl IntoIterator<Item = (IpAddr, Condition)>) {
        for (address, _) in self.of_service(service) {
            self.conditions.remove(&(service, address));
        }
        let other = conditions.into_iter().filter(|(_, condition)| *condition != Condition::Up);
        self.conditions.extend(other.map(|(address, condition)| ((service, address), condition)));
    }
}

impl FromIterator<((ServiceId, IpAddr), Condition)> for Health {
    fn from_iter<I: IntoIterator<Item = ((ServiceId, IpAddr), Condition)>>(conditions: I) -> Self {
        let other_than_up = conditions.into_iter().filter(|(_, condition)| *condition != Condition::Up);
        Self { conditions: other_than_up.collect() }
    }
}
