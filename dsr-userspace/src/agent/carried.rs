//! What an earlier load of the program counted: counters go on where a larger table or another constant made the agent
//! load it again.

use std::{collections::BTreeMap, net::IpAddr};

use dsr_common::stats::Reason;

use crate::{
    datapath::{Datapath, Error, Traffic},
    model::ServiceId,
    reconcile::Layout,
};

/// Counts of programs that are gone.
#[derive(Debug, Default)]
pub(super) struct Carried {
    members: BTreeMap<(ServiceId, IpAddr), Traffic>,
    reasons: BTreeMap<(String, &'static str), u64>,
}

impl Carried {
    /// Takes over what a program counted that no packet reaches any more.
    pub(super) fn add(
        &mut self,
        gone: &Datapath,
        layout: &Layout,
        entered: &BTreeMap<u32, String>,
    ) -> Result<(), Error> {
        for service in &layout.services {
            for member in &service.members {
                let sum = self.members.entry((service.id, member.address)).or_default();
                *sum = *sum + gone.traffic(member.row)?;
            }
        }
        entered.iter().try_for_each(|(ifindex, name)| self.add_reasons(gone, *ifindex, name))
    }

    /// Takes over what was counted on an interface, or a port, that counts for this name.
    pub(super) fn add_reasons(&mut self, datapath: &Datapath, ifindex: u32, name: &str) -> Result<(), Error> {
        for reason in Reason::ALL {
            let count = datapath.reason(Some(ifindex), *reason)?;
            *self.reasons.entry((name.to_owned(), reason.label())).or_default() += count;
        }
        Ok(())
    }

    /// Forgets members that are not in the layout any more: one that comes back begins at zero.
    pub(super) fn retain(&mut self, layout: &Layout) {
        let is_placed = |(id, address): &(ServiceId, IpAddr)| {
            let mut services = layout.services.iter().filter(|service| service.id == *id);
            services.any(|service| service.members.iter().any(|member| member.address == *address))
        };
        self.members.retain(|member, _| is_placed(member));
    }

    /// What was counted for a member.
    pub(super) fn member(&self, service: ServiceId, backend: IpAddr) -> Traffic {
        self.members.get(&(service, backend)).copied().unwrap_or_default()
    }

    /// What was counted for a reason.
    pub(super) fn reason(&self, interface: &str, reason: Reason) -> u64 {
        self.reasons.get(&(interface.to_owned(), reason.label())).copied().unwrap_or(0)
    }
}
