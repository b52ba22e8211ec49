//! Where the packets of a flow go, and why: what `dsr explain` shows, from the live tables.

use std::collections::BTreeSet;

use dsr_common::{flow::Flow, hash::HashKeys, vlan::Vlan};

use super::{Snapshot, check_vip, live::Live};
use crate::{
    api::{
        Failure, Kind,
        view::{ExplainRequest, ExplainedService, Explanation, ForwardView, MemberName},
    },
    model::Service,
    reconcile::{
        self, FlowTable, FoundService, MemberRowId, Part, Placement, Why, placement_of, previous, service_of, slot_of,
    },
};

impl<T: Live> Snapshot<T> {
    /// Explains a flow to a VIP.
    pub(in crate::agent) fn explain(&self, request: &ExplainRequest) -> Result<Explanation, Failure> {
        check_vip(&self.config, request.vip)?;
        if request.client.is_ipv6() != request.vip.is_ipv6() {
            let remedy = "name two IPv4 or two IPv6 addresses";
            return Err(Failure::new(Kind::Wrong, "client and VIP are of different IP versions", remedy));
        }
        let flow = Flow {
            family: reconcile::family(request.vip),
            protocol: request.protocol,
            client_port: request.client_port.to_be(),
            service_port: request.port.to_be(),
            client: reconcile::address(request.client),
            vip: reconcile::address(request.vip),
        };
        let keys = HashKeys::from_seed(self.config.desired.hash_seed);
        let Some(found) = service_of(&flow, &keys, &*self.maps) else {
            return Ok(nowhere());
        };
        let placement = placement_of(&flow, Part::Later, &found, &keys, &*self.maps);
        let if_opening = placement_of(&flow, Part::First, &found, &keys, &*self.maps);
        let (why, meaning) = words(placement);
        let (member, if_opening) = (self.member_at(placement.row), self.member_at(if_opening.row));
        let forward = self.forward(found.row, member.as_ref().or(if_opening.as_ref()));
        Ok(Explanation {
            service: Some(self.explained_service(&flow, &found, &keys, forward)),
            member,
            why: why.to_owned(),
            meaning: meaning.to_owned(),
            if_opening,
        })
    }

    fn explained_service(
        &self,
        flow: &Flow,
        found: &FoundService,
        keys: &HashKeys,
        forward: Option<ForwardView>,
    ) -> ExplainedService {
        let slot = slot_of(flow, found, keys, &*self.maps);
        let row = |number: Option<u16>| number.map(|number| MemberRowId::of(found.value.members, number));
        let (name, address) = self.service_name(found.row).unwrap_or_default();
        ExplainedService {
            name,
            address,
            vlans: self.vlans_of(found.row).iter().map(ToString::to_string).collect(),
            forward,
            hash: format!("{:#018x}", slot.hash),
            slot: slot.number,
            slots: found.value.table.size(),
            tracked: slot.slot.is_tracked(),
            current: self.member_at(row(slot.slot.member())),
            previous: self.member_at(row(previous(slot, found, &*self.maps))),
        }
    }

    /// How packets of the service in a row reach a backend.
    fn forward(&self, row: u32, to: Option<&MemberName>) -> Option<ForwardView> {
        let backends = to.into_iter().map(|to| (to.address, self.network.source_towards(to.address)));
        self.service_at(row).map(|service| ForwardView::new(service.forward, backends))
    }

    /// Name and address of the service in a row of the service table.
    pub(in crate::agent) fn service_name(&self, row: u32) -> Option<(String, String)> {
        self.service_at(row).map(|service| (service.name.clone(), service.id.to_string()))
    }

    fn service_at(&self, row: u32) -> Option<&Service> {
        let live = self.maps.service(row);
        let mut services = self.config.desired.services.iter();
        services.find(|service| reconcile::service_key(service.id) == (live.vip, live.key))
    }

    /// The VLANs that the VIP of a service is in, on any interface.
    fn vlans_of(&self, row: u32) -> BTreeSet<Vlan> {
        let list = self.service_at(row).and_then(|service| service.vlans.as_deref());
        let of_host = || self.network.vlans.values().flatten().copied().chain([Vlan::UNTAGGED]).collect();
        list.cloned().unwrap_or_else(of_host)
    }

    fn member_at(&self, row: Option<MemberRowId>) -> Option<MemberName> {
        row.and_then(|row| self.member_name(row))
    }
}

const fn words(placement: Placement) -> (&'static str, &'static str) {
    if placement.row.is_none() {
        return ("no_backend", "no backend is available");
    }
    match placement.why {
        Why::Stable => ("stable", "the slot is stable: all its flows go to its backend"),
        Why::Remembered(FlowTable::Established) => ("remembered", "the flow table has the flow and its backend"),
        Why::Remembered(FlowTable::Embryonic) => {
            ("remembered_syn", "the flow is embryonic: the flow table has its first packet and its backend")
        }
        Why::Previous => {
            ("previous", "the slot's backend changed and the flow is not tracked: it stays with the previous backend")
        }
        Why::PreviousIsGone => (
            "previous_is_gone",
            "the flow is not tracked and the slot's previous backend is gone: it goes to the current one",
        ),
        Why::New => ("new", "the flow is not tracked: it starts on the slot's backend"),
    }
}

/// A flow that no service has.
fn nowhere() -> Explanation {
    let meaning = "no service of the VIP has this protocol and port: its packets are dropped";
    Explanation {
        service: None,
        member: None,
        why: "no_service".to_owned(),
        meaning: meaning.to_owned(),
        if_opening: None,
    }
}
