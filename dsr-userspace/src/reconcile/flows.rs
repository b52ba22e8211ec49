//! Entries of the flow table and of the table of SYNs, as the planner and the agent go through them.

use std::collections::BTreeSet;

use dsr_common::{service::MembersRef, track::Entry};

use super::{
    row_id::MemberRowId,
    tables::{Tables, TablesMut},
};

/// Which of the two tables an entry is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowTable {
    /// Established of which only the first packet has come.
    Embryonic,
    /// The others.
    Established,
}

impl FlowTable {
    /// Both, in the order in which a flow goes through them: who looks at them in this order misses none on its way.
    pub const BOTH: [Self; 2] = [Self::Embryonic, Self::Established];
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowPlace {
    /// The table.
    pub table: FlowTable,
    /// The word within the table, counted from the first of its first set.
    pub index: u32,
}

/// All entries that are not empty, with their places.
pub fn entries<T: Tables + ?Sized>(tables: &T) -> impl Iterator<Item = (FlowPlace, Entry)> + '_ {
    let places = FlowTable::BOTH
        .into_iter()
        .flat_map(|table| (0..tables.flow_capacity(table)).map(move |index| FlowPlace { table, index }));
    places.map(|place| (place, tables.flow(place))).filter(|(_, entry)| !entry.is_empty())
}

/// Gives the entries of some rows to others, or drops them. What the program writes at the same time counts too: it is
/// looked again until there is nothing left.
fn exchange<T: TablesMut + ?Sized>(tables: &mut T, new: impl Fn(Entry) -> Option<Entry>) {
    for _ in 0..LOOKS {
        let found: Vec<_> = entries(tables).filter_map(|(place, entry)| Some((place, entry, new(entry)?))).collect();
        if found.is_empty() {
            return;
        }
        for (place, entry, new) in found {
            tables.replace_flow(place, entry, new);
        }
    }
}

/// Gives the entries of some members to the rows of the same numbers.
pub(super) fn move_rows<T: TablesMut + ?Sized>(tables: &mut T, from: MembersRef, to: MembersRef) {
    exchange(tables, |entry| {
        let number = MemberRowId::of_flow(entry).number_in(from)?;
        Some(entry.with_row(MemberRowId::of(to, number).0))
    });
}

/// Removes the entries of these rows.
pub(super) fn forget_rows<T: TablesMut + ?Sized>(tables: &mut T, rows: &BTreeSet<MemberRowId>) {
    if !rows.is_empty() {
        exchange(tables, |entry| rows.contains(&MemberRowId::of_flow(entry)).then_some(Entry::EMPTY));
    }
}

/// Times that the tables are gone through; each time, only what was written while the program had read the entry before
/// is left, which is next to nothing.
const LOOKS: usize = 4;
