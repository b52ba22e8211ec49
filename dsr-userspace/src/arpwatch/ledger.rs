//! Which VIPs are claimed by whom: what was seen, and what is new in it. Pure.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use dsr_common::claim::ClaimKind;

use super::{
    sighting::Sighting,
    view::{Owner, View},
};
use crate::model::{Mac, VlanTag};

/// A host's claim to a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRecord {
    /// The VIP.
    pub vip: IpAddr,
    /// The host's MAC.
    pub mac: Mac,
    /// Whose that is.
    pub owner: Owner,
    /// The interface that it was heard on last.
    pub interface: String,
    /// The kernel's index of that interface, or of the bond's port.
    pub ifindex: u32,
    /// The VLAN tags that it was heard with last, outermost first.
    pub tags: Vec<VlanTag>,
    /// By what kind of packet it was made last.
    pub kind: ClaimKind,
    /// How often it was heard since the agent started.
    pub count: u64,
    /// When it was heard last.
    pub seen: Instant,
    /// Whether it still holds: it was heard not long ago.
    pub holds: bool,
}

/// What is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// A claim that did not hold before, or whose owner was not known.
    Claimed(ClaimRecord),
    /// A claim that was not heard for a while.
    Ended(ClaimRecord),
}

/// All claims that were heard.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    claims: BTreeMap<(IpAddr, Mac), ClaimRecord>,
    /// Claims of unknown hosts beyond [`MOST_UNKNOWN`], by VIP.
    others: BTreeMap<IpAddr, u64>,
}

impl Ledger {
    /// Enters a claim; gives what is new about it.
    pub(super) fn see(&mut self, sighting: &Sighting, view: &View, now: Instant) -> Option<Note> {
        let Sighting { vip, mac, ifindex, ref tags, kind, .. } = *sighting;
        if view.own.contains(&mac) || !view.is_in(vip, ifindex, tags) {
            return None;
        }
        let owner = match view.owner(mac) {
            Owner::Unknown if sighting.marked => Owner::Balancer,
            owner => owner,
        };
        if !self.claims.contains_key(&(vip, mac)) && owner == Owner::Unknown && self.unknown() >= MOST_UNKNOWN {
            *self.others.entry(vip).or_default() += 1;
            return None;
        }
        let interface = view.interfaces.get(&ifindex).cloned();
        let interface = interface.unwrap_or_else(|| format!("interface {ifindex}"));
        let fresh = || ClaimRecord {
            vip,
            mac,
            owner: Owner::Unknown,
            interface: String::new(),
            ifindex,
            tags: Vec::new(),
            kind,
            count: 0,
            seen: now,
            holds: false,
        };
        let claim = self.claims.entry((vip, mac)).or_insert_with(fresh);
        let known = claim.holds && claim.owner == owner;
        (claim.owner, claim.interface, claim.ifindex) = (owner, interface, ifindex);
        (claim.tags, claim.kind) = (tags.clone(), kind);
        (claim.count, claim.seen, claim.holds) = (claim.count + 1, now, true);
        (!known).then(|| Note::Claimed(claim.clone()))
    }

    /// Ends the claims that were not heard since `quiet`, and those in VLANs that the VIP is in no more; gives them. What
    /// unknown hosts said long ago is forgotten.
    pub(super) fn end(&mut self, quiet: Duration, view: &View, now: Instant) -> Vec<Note> {
        let mut notes = Vec::new();
        for claim in self.claims.values_mut() {
            let is_over = || {
                now.saturating_duration_since(claim.seen) > quiet || !view.is_in(claim.vip, claim.ifindex, &claim.tags)
            };
            if claim.holds && is_over() {
                claim.holds = false;
                notes.push(Note::Ended(claim.clone()));
            }
        }
        let forgotten = quiet.max(FORGET_AFTER);
        self.claims
            .retain(|_, claim| claim.owner != Owner::Unknown || now.saturating_duration_since(claim.seen) <= forgotten);
        notes
    }

    /// Whether a host with this MAC claims a VIP.
    pub(super) fn is_claimed(&self, vip: IpAddr, mac: Mac) -> bool {
        self.claims.get(&(vip, mac)).is_some_and(|claim| claim.holds)
    }

    /// Every claim, those that hold no more too.
    pub(super) fn claims(&self) -> impl Iterator<Item = &ClaimRecord> {
        self.claims.values()
    }

    /// How often hosts that there was no room for claimed a VIP.
    pub(super) fn others(&self) -> impl Iterator<Item = (IpAddr, u64)> {
        self.others.iter().map(|(vip, count)| (*vip, *count))
    }

    fn unknown(&self) -> usize {
        self.claims.values().filter(|claim| claim.owner == Owner::Unknown).count()
    }
}

/// Unknown hosts that are kept apart: anybody can make up MACs.
pub(super) const MOST_UNKNOWN: usize = 64;
/// How long what an unknown host said is kept.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use dsr_common::vlan::Vlan;

    use super::*;

    const WEB1: Mac = Mac([2, 0, 0, 0, 1, 1]);
    const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const QUIET: Duration = Duration::from_secs(180);

    fn view() -> View {
        View {
            hosts: BTreeMap::from([(WEB1, Owner::Backend("web1".to_owned()))]),
            vips: BTreeMap::from([("192.0.2.10".parse().unwrap(), None)]),
            interfaces: BTreeMap::from([(2, "eth0".to_owned())]),
            own: [OWN].into(),
            ..View::default()
        }
    }

    fn sighting(mac: Mac, marked: bool) -> Sighting {
        let vip = "192.0.2.10".parse().unwrap();
        Sighting { vip, mac, ifindex: 2, tags: Vec::new(), kind: ClaimKind::ArpReply, marked }
    }

    #[test]
    fn a_claim_is_news_once_until_it_has_ended() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let Some(Note::Claimed(claim)) = ledger.see(&sighting(WEB1, false), &view(), start) else { panic!() };
        assert_eq!((claim.owner.to_string(), claim.interface.as_str(), claim.count), ("web1".to_owned(), "eth0", 1));
        assert_eq!(ledger.see(&sighting(WEB1, false), &view(), start + QUIET), None);
        assert_eq!(ledger.end(QUIET, &view(), start + 2 * QUIET), [], "heard not long enough ago");
        let ended = ledger.end(QUIET, &view(), start + 3 * QUIET);
        assert!(matches!(&ended[..], [Note::Ended(claim)] if claim.count == 2), "{ended:?}");
        assert_eq!(ledger.end(QUIET, &view(), start + 4 * QUIET), [], "told once");
        let again = ledger.see(&sighting(WEB1, false), &view(), start + 4 * QUIET);
        assert!(matches!(again, Some(Note::Claimed(claim)) if claim.count == 3), "the count goes on");
    }

    #[test]
    fn a_claim_counts_only_in_a_vlan_that_the_vip_is_in() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let listed = |numbers: &[u16]| {
            let list: BTreeSet<Vlan> = numbers.iter().map(|number| Vlan::of(*number, 0)).collect();
            View { vips: [("192.0.2.10".parse().unwrap(), Some(Arc::new(list)))].into(), ..view() }
        };
        let tagged = Sighting { tags: vec![VlanTag { tpid: 0x8100, id: 20 }], ..sighting(WEB1, false) };
        assert_eq!(ledger.see(&sighting(WEB1, false), &listed(&[20]), now), None, "another tenant's host");
        assert_eq!(ledger.see(&tagged, &view(), now), None, "this host is not in VLAN 20");
        assert_eq!(ledger.claims().count(), 0);
        assert!(ledger.see(&tagged, &listed(&[20, 30]), now).is_some());
        assert_eq!(ledger.end(QUIET, &listed(&[20]), now), []);
        let ended = ledger.end(QUIET, &listed(&[30]), now);
        assert!(matches!(&ended[..], [Note::Ended(_)]), "the VIP left the VLAN: {ended:?}");
    }

    #[test]
    fn owners_are_told_apart() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let mut owner = |mac, marked| match ledger.see(&sighting(mac, marked), &view(), now) {
            Some(Note::Claimed(claim)) => Some(claim.owner.to_string()),
            _ => None,
        };
        assert_eq!(owner(WEB1, true).as_deref(), Some("web1"), "a backend is one, whatever its frames look like");
        assert_eq!(owner(Mac([9; 6]), true).as_deref(), Some("balancer"));
        assert_eq!(owner(Mac([8; 6]), false).as_deref(), Some("unknown"));
        assert_eq!(owner(OWN, false), None, "what we say ourselves is no claim");
    }

    #[test]
    fn an_owner_that_becomes_known_is_news() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let early = View { hosts: BTreeMap::new(), ..view() };
        assert!(ledger.see(&sighting(WEB1, false), &early, now).is_some());
        let note = ledger.see(&sighting(WEB1, false), &view(), now);
        assert!(matches!(note, Some(Note::Claimed(claim)) if claim.owner.to_string() == "web1" && claim.count == 2));
    }

    #[test]
    fn made_up_macs_take_no_more_than_their_room() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        for number in 0..200 {
            ledger.see(&sighting(Mac([6, 0, 0, 0, 0, number]), false), &view(), now);
        }
        assert_eq!(ledger.claims().count(), MOST_UNKNOWN);
        assert_eq!(ledger.others().map(|(_, count)| count).sum::<u64>(), 200 - MOST_UNKNOWN as u64);
        assert!(ledger.see(&sighting(WEB1, false), &view(), now).is_some(), "a backend has room always");
        ledger.end(QUIET, &view(), now + 2 * FORGET_AFTER);
        assert_eq!(ledger.claims().count(), 1, "unknown hosts are forgotten");
    }
}
