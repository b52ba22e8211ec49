//! One load of the program in the place of another: this agent's own, or one that an agent left which is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dsr_common::names;

use super::{
    Datapath, Error, Features, abi,
    attach::{Attachments, left},
    load::RETIRED_COUNTERS,
    pin::{Pins, State, pin_error},
    pinned::Pinned,
};
use crate::{
    model::InterfaceState,
    reconcile::{FlowTable, Keep, Sizes, migrate, migrate_flows},
};

/// What an agent left that is gone.
#[derive(Default)]
pub struct Predecessor {
    /// Its maps, where this build can read them.
    pub tables: Option<Datapath>,
    /// What of them can be used.
    pub keep: Option<Keep>,
    /// Seconds of a tick of its flow clock.
    pub tick_seconds: u64,
    /// Whether its maps are there and cannot be used.
    pub is_other_layout: bool,
    attached: Attachments,
}

impl Predecessor {
    /// Looks what is there for an agent with this seed, on interfaces with these names.
    pub fn find(
        pins: &Arc<Pins>,
        interfaces: &BTreeMap<String, InterfaceState>,
        hash_seed: u64,
    ) -> Result<Self, Error> {
        let name_of = |ifindex| interfaces.iter().find(|(_, state)| state.ifindex == ifindex);
        let attached = left(pins, |ifindex| name_of(ifindex).map(|(name, _)| name.clone()))?;
        let Some((number, state)) = pins.newest()? else { return Ok(Self { attached, ..Self::default() }) };
        let own = State::new(hash_seed, 0)?;
        if state.abi != *abi::NUMBER {
            return Ok(Self { attached, is_other_layout: true, ..Self::default() });
        }
        if state.namespace != own.namespace {
            return Err(Error::OtherNamespace(pins.directory().to_owned()));
        }
        let keep = if state.seed == own.seed { Keep::Everything } else { Keep::Members };
        let tables = Datapath::open_left(Pinned::new(Arc::clone(pins), number))?;
        let (tables, keep) = (Some(tables), Some(keep));
        Ok(Self { tables, keep, tick_seconds: state.tick_seconds, is_other_layout: false, attached })
    }

    /// The interfaces that have the program already.
    pub fn attached(&self, interfaces: &BTreeMap<String, InterfaceState>) -> BTreeSet<String> {
        self.attached.keys().filter(|name| interfaces.contains_key(*name)).cloned().collect()
    }

    /// Takes its attachments out.
    pub(super) fn take_attached(&mut self) -> Attachments {
        std::mem::take(&mut self.attached)
    }
}

impl Datapath {
    /// Loads the program, attached to nothing. What `old` has and what can be kept of it is shared, or copied where sizes
    /// differ; the rest is empty.
    pub fn load_beside(
        sizes: Sizes,
        features: Features,
        hash_seed: u64,
        pins: &Arc<Pins>,
        old: Option<(&Self, Keep)>,
    ) -> Result<Self, Error> {
        let pinned = Pinned::new(Arc::clone(pins), pins.begin()?);
        let Some((old, keep)) = old else { return Self::load_at(sizes, features, hash_seed, pinned) };
        let shared = shared(old.sizes, sizes, keep);
        old.share(&pinned, &shared)?;
        let mut fresh = Self::load_at(sizes, features, hash_seed, pinned)?;
        if !shared.contains(&names::SERVICES) {
            migrate(old, &mut fresh, hash_seed, keep)?;
        }
        for (name, table) in [(names::ESTABLISHED, FlowTable::Established), (names::EMBRYONIC, FlowTable::Embryonic)] {
            if keep == Keep::Everything && !shared.contains(&name) {
                migrate_flows(old, &mut fresh, table);
            }
        }
        Ok(fresh)
    }

    /// Marks the load as the one that the next agent starts from.
    pub fn finish(&mut self, hash_seed: u64, tick_seconds: u32) -> Result<(), Error> {
        let Some(pinned) = &mut self.pinned else { return Ok(()) };
        pinned.finish(State::new(hash_seed, tick_seconds)?)
    }

    /// Puts this program in the place of what was left, without a gap.
    pub fn take_over_from(&mut self, left: &mut Predecessor, kept: &BTreeSet<String>) -> Result<(), Error> {
        self.take_over(left.take_attached(), kept)
    }

    /// Takes over the counts of a program that this one has replaced, and removes what is left of any other.
    pub fn finish_takeover(&mut self, gone: Option<&Self>) -> Result<(), Error> {
        let shares = |gone: &&Self| gone.sizes.has_tables_of(self.sizes) && self.shares_counters(gone);
        if let Some(gone) = gone.filter(|gone| !shares(gone)) {
            self.add_traffic(gone)?;
        }
        self.pinned.as_ref().map_or(Ok(()), |pinned| pinned.pins.keep_only(Some(pinned.number)))
    }

    /// Takes back a load that nothing is to come of.
    pub fn abandon(&mut self) {
        let Some(pinned) = &self.pinned else { return };
        for ifindex in self.attached.values().map(|attached| attached.ifindex) {
            if let Err(error) = pinned.pins.unpin_link(ifindex) {
                tracing::warn!(%error, "cannot unpin a link");
            }
        }
        self.attached.clear();
        if let Err(error) = pinned.pins.forget(pinned.number) {
            tracing::warn!(%error, "cannot unpin maps");
        }
    }

    /// Ends it all: the program is detached, and nothing of it is left.
    pub fn detach(&mut self) -> Result<(), Error> {
        let removed = self.pinned.as_ref().map_or(Ok(0), |pinned| pinned.pins.remove());
        self.attached.clear();
        removed.map(|_| ())
    }

    /// Whether a member's row of the counters is the same memory in both.
    fn shares_counters(&self, other: &Self) -> bool {
        let id =
            |datapath: &Self| datapath.pinned.as_ref()?.map(names::COUNTERS).ok()?.info().ok().map(|info| info.id());
        id(self).is_some_and(|own| id(other) == Some(own))
    }

    /// Lets another load use these maps too.
    fn share(&self, with: &Pinned, names: &[&'static str]) -> Result<(), Error> {
        let Some(pinned) = &self.pinned else { return Ok(()) };
        let to = with.pins.load(with.number);
        for name in names {
            pinned.map(name)?.pin(to.join(name)).map_err(|error| pin_error(&to, error))?;
        }
        Ok(())
    }
}

/// The maps that two loads of these sizes can share.
fn shared(old: Sizes, new: Sizes, keep: Keep) -> Vec<&'static str> {
    let mut shared = vec![names::INTERFACES, names::REASONS, names::DEVICES, names::TRACKING];
    shared.extend([names::CLOCK, names::HEARTBEAT]);
    if keep == Keep::Members {
        return shared;
    }
    shared.push(names::FRAGMENTS);
    if old.has_tables_of(new) {
        shared.extend([names::SERVICES, names::OLD_TABLES, names::SLOTS, names::PREVIOUS, names::MEMBERS]);
        shared.extend([names::NEXT_HOPS]);
        shared.extend([names::COUNTERS, RETIRED_COUNTERS]);
    }
    shared.extend((old.established_sets == new.established_sets).then_some(names::ESTABLISHED));
    shared.extend((old.embryonic_sets == new.embryonic_sets).then_some(names::EMBRYONIC));
    shared
}
