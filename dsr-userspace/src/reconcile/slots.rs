//! What becomes of a service's slots when they get other members: those that served flows are tracked from then on.
//!
//! The rules are those of `docs/datapath.md`, "Tracked slots". What was there before a change is written before the slot
//! that says to look for it.

use std::collections::BTreeSet;

use dsr_common::{
    limits::SLOTS_PER_BLOCK,
    previous::Previous,
    service::{FLAG_REHASHED, TableRef},
    slot::{self, Slot},
};

use super::{change::Change, layout::Full, live::LiveServices, tables::Tables};

/// The slots of one service on their way to others.
pub(super) struct SlotPlan<'a, T> {
    pub(super) live: &'a T,
    /// The service's row of the service table.
    pub(super) row: u32,
    /// The new owner of each slot; as stable slots.
    pub(super) wanted: &'a [Slot],
    /// The table's new flags.
    pub(super) flags: u8,
    /// The numbers of the members whose flows are kept, those that are away and may come back too; nothing where no
    /// flow need be.
    pub(super) keeps: Option<&'a BTreeSet<u16>>,
    /// Where the service's slots are now.
    pub(super) before: Option<TableRef>,
}

/// What to write, in this order, and where the slots are then.
pub(super) struct SlotChanges {
    /// Before the slots.
    pub(super) first: Vec<Change>,
    /// The slots.
    pub(super) slots: Vec<Change>,
    /// When the service has its table.
    pub(super) last: Vec<Change>,
    /// First block and size of the table.
    pub(super) block: u32,
}

impl<T: Tables> SlotPlan<'_, T> {
    /// A table of the same size is changed where it differs; another size, or another part of the flow that picks the
    /// slot, gets a table of its own.
    pub(super) fn make(&self, blocks: &mut LiveServices<'_, T>) -> Result<SlotChanges, Full> {
        match self.before.filter(|table| table.size() > 0) {
            Some(table) if table.size() == self.size() && self.has_rule_of(table) => Ok(self.change(table)),
            Some(table) => self.replace(table, blocks),
            None => self.fresh(blocks, |slot| slot),
        }
    }

    fn has_rule_of(&self, table: TableRef) -> bool {
        table.has_rule_of(TableRef::new(0, 0, self.flags))
    }

    fn size(&self) -> u32 {
        self.wanted.len() as u32
    }

    fn change(&self, table: TableRef) -> SlotChanges {
        let first = table.block() * SLOTS_PER_BLOCK;
        let oldest = self.live.old_table(self.row);
        let mut slots = Runs::default();
        let mut previous = Runs::default();
        for (index, wanted) in (first..).zip(self.wanted) {
            let live = self.live.slot(index);
            let before = || self.live.previous(index);
            let (slot, remembered) = self.follow(live, before, *wanted);
            if slot != live {
                slots.push(index, slot);
            }
            // While a resize is under way the oldest table says what was before.
            if let Some(remembered) = remembered.filter(|_| oldest.size() == 0) {
                previous.push(index, remembered);
            }
        }
        SlotChanges {
            first: previous.changes(|first, previous| Change::Previous { first, previous }),
            slots: slots.changes(|first, slots| Change::Slots { first, slots }),
            last: self.forget_oldest(self.keeps.is_none()),
            block: table.block(),
        }
    }

    /// What a slot becomes, and what is to be remembered of it, if anything is.
    fn follow(&self, live: Slot, before: impl Fn() -> Previous, wanted: Slot) -> (Slot, Option<Previous>) {
        let Some(keeps) = self.keeps else { return (wanted, None) };
        if live.member() == wanted.member() {
            return (live, None);
        }
        let served = live.member().filter(|member| keeps.contains(member));
        let remembered = served.map(|member| Previous::new(Some(member), self.live.clock()));
        match (live.is_tracked(), remembered) {
            // No flows here.
            (false, None) => (wanted, None),
            (false, remembered) => (wanted.as_tracked(), remembered),
            // Flows that began since the first change are in the flow table: the oldest stays, if there is one.
            (true, remembered) => (wanted.as_tracked(), remembered.filter(|_| before().member().is_none())),
        }
    }

    /// Another table: every slot of it is tracked, and the table that was tells who had a flow. The one that was before a
    /// change which is still under way goes on doing so.
    fn replace(&self, table: TableRef, blocks: &mut LiveServices<'_, T>) -> Result<SlotChanges, Full> {
        let oldest = self.live.old_table(self.row);
        let (kept, has_flows) = match self.keeps {
            None => (Vec::new(), false),
            Some(_) if oldest.size() > 0 && self.has_rule_of(table) => (Vec::new(), true),
            Some(_) if oldest.size() > 0 => (self.renew(oldest), true),
            Some(keeps) => self.keep(table, keeps),
        };
        if !has_flows {
            let mut changes = self.fresh(blocks, |slot| slot)?;
            changes.last = self.forget_oldest(true);
            return Ok(changes);
        }
        let mut changes = self.fresh(blocks, Slot::as_tracked)?;
        let none = vec![Previous::NONE; self.wanted.len()];
        changes.first.push(Change::Previous { first: changes.block * SLOTS_PER_BLOCK, previous: none });
        changes.first.extend(kept);
        let old = if oldest.size() == 0 { table } else { oldest };
        let old = if self.has_rule_of(table) { old } else { old.with_flag(FLAG_REHASHED) };
        if old != oldest {
            changes.first.push(Change::OldTable { row: self.row, table: old });
        }
        Ok(changes)
    }

    /// Lets all that the old table tells count as written now: flows that are known by the hash that they have had until
    /// now may be silent for as long again.
    fn renew(&self, table: TableRef) -> Vec<Change> {
        let first = table.block() * SLOTS_PER_BLOCK;
        let slots = first..first + table.size();
        let previous = slots.map(|index| Previous::new(self.live.previous(index).member(), self.live.clock()));
        vec![Change::Previous { first, previous: previous.collect() }]
    }

    /// Who had the flows of each slot of a table that is left: what to write, and whether anybody had. Where flows are
    /// hashed another way, all of it is written anew: see [`SlotPlan::renew`].
    fn keep(&self, table: TableRef, keeps: &BTreeSet<u16>) -> (Vec<Change>, bool) {
        let first = table.block() * SLOTS_PER_BLOCK;
        let mut runs = Runs::default();
        let mut has_flows = false;
        for index in first..first + table.size() {
            let live = self.live.slot(index);
            let before = self.live.previous(index);
            let is_kept = |member: &u16| keeps.contains(member);
            let now = |member| Previous::new(member, self.live.clock());
            let had = before.member().filter(|_| live.is_tracked()).filter(is_kept);
            let kept = match (had, live.member().filter(is_kept)) {
                (Some(_), _) if self.has_rule_of(table) => before,
                (None, None) if self.has_rule_of(table) => Previous::NONE,
                (had, has) => now(had.or(has)),
            };
            // A tracked slot may have entries of members other than these.
            has_flows |= kept.member().is_some() || live.is_tracked();
            if kept != before {
                runs.push(index, kept);
            }
        }
        (runs.changes(|first, previous| Change::Previous { first, previous }), has_flows)
    }

    fn fresh(&self, blocks: &mut LiveServices<'_, T>, as_slot: impl Fn(Slot) -> Slot) -> Result<SlotChanges, Full> {
        let block = blocks.allocate_blocks(slot::blocks(self.size())).ok_or(Full::Slots)?;
        let slots = self.wanted.iter().map(|slot| as_slot(*slot)).collect();
        let slots = vec![Change::Slots { first: block * SLOTS_PER_BLOCK, slots }];
        Ok(SlotChanges { first: Vec::new(), slots, last: Vec::new(), block })
    }

    fn forget_oldest(&self, is_needless: bool) -> Vec<Change> {
        let is_there = self.live.old_table(self.row).size() > 0;
        let forget = Change::OldTable { row: self.row, table: TableRef::default() };
        if is_needless && is_there { vec![forget] } else { Vec::new() }
    }
}

/// What to forget of members that leave a service: their numbers are given to others afterwards.
pub(super) fn forget<T: Tables>(live: &T, row: u32, table: TableRef, gone: &BTreeSet<u16>) -> Vec<Change> {
    let mut runs = Runs::default();
    if !gone.is_empty() {
        for table in [live.old_table(row), table].into_iter().filter(|table| table.size() > 0) {
            let first = table.block() * SLOTS_PER_BLOCK;
            let names_gone = |index: &u32| live.previous(*index).member().is_some_and(|member| gone.contains(&member));
            for index in (first..first + table.size()).filter(names_gone) {
                runs.push(index, Previous::new(None, live.previous(index).since().into()));
            }
        }
    }
    runs.changes(|first, previous| Change::Previous { first, previous })
}

/// Values that follow each other in a map, gathered.
#[derive(Debug)]
pub(super) struct Runs<V>(Vec<(u32, Vec<V>)>);

impl<V> Default for Runs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Runs<V> {
    /// Adds the value at `index`.
    pub(super) fn push(&mut self, index: u32, value: V) {
        match self.0.last_mut() {
            Some((first, values)) if *first + values.len() as u32 == index => values.push(value),
            _ => self.0.push((index, vec![value])),
        }
    }

    /// A change for each run.
    pub(super) fn changes(self, change: impl Fn(u32, Vec<V>) -> Change) -> Vec<Change> {
        self.0.into_iter().map(|(first, values)| change(first, values)).collect()
    }
}
