//! One change of the live tables, and its application.

use std::collections::BTreeSet;

use dsr_common::{
    forward::NEXT_HOPS_PER_GROUP,
    member::{MemberRow, NextHopRow},
    previous::Previous,
    service::{MembersRef, ServiceKey, ServiceRow, TableRef},
    slot::Slot,
    track::Entry,
    tunnel::TunnelRow,
};

use super::{
    flows::{self, FlowPlace},
    row_id::MemberRowId,
    tables::TablesMut,
};

/// One change. After each of a plan's changes, applied in order, every packet is treated right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Write a member's row.
    Member {
        /// Its row.
        row: MemberRowId,
        /// Its new contents.
        value: MemberRow,
        /// Whether another member, or none, had the row: nothing of that one is left in counters and fragments.
        fresh: bool,
    },
    /// Write the tunnel of a member.
    Tunnel {
        /// The member's row.
        row: MemberRowId,
        /// Its new contents.
        value: TunnelRow,
    },
    /// Write a group of next hops that no member uses.
    NextHops {
        /// Its number.
        group: u16,
        /// Its new contents.
        rows: Vec<NextHopRow>,
    },
    /// Write slots that follow each other.
    Slots {
        /// The first one, counted from the first slot of the slot map.
        first: u32,
        /// Their new contents.
        slots: Vec<Slot>,
    },
    /// Write what slots that follow each other were before they are tracked.
    Previous {
        /// The slot of the first one, counted from the first slot of the slot map.
        first: u32,
        /// Their new contents.
        previous: Vec<Previous>,
    },
    /// Say which table's slots tell what was before; the service's own where it has no slots.
    OldTable {
        /// The service's row of the service table.
        row: u32,
        /// The table.
        table: TableRef,
    },
    /// Give the flows that are remembered of some members to the rows that these are moved to.
    MoveFlows {
        /// The rows that they had.
        from: MembersRef,
        /// The rows that they have, by the same numbers.
        to: MembersRef,
    },
    /// Forget a flow, if its entry is still as it was read.
    ForgetFlow {
        /// Where it is.
        place: FlowPlace,
        /// What it was.
        entry: Entry,
    },
    /// Write a service's row, or a VIP's.
    Service {
        /// Row of the service table.
        row: u32,
        /// Its new contents.
        value: ServiceRow,
    },
    /// Take a service, or a VIP, out of the table.
    Vacate {
        /// Row of the service table.
        row: u32,
        /// [`ServiceKey::VACATED`], or [`ServiceKey::EMPTY`] where no search passes over the row.
        key: ServiceKey,
    },
}

/// Makes the changes, in order.
pub fn apply(changes: &[Change], tables: &mut impl TablesMut) {
    make_ready(changes, tables);
    for change in changes {
        match change {
            Change::Member { row, value, .. } => tables.put_member(*row, *value),
            Change::NextHops { group, rows } => {
                let first = u32::from(*group) * NEXT_HOPS_PER_GROUP;
                (first..).zip(rows).for_each(|(row, value)| tables.put_next_hop(row, *value));
            }
            Change::Tunnel { row, value } => tables.put_tunnel(*row, *value),
            Change::Slots { first, slots } => {
                (*first..).zip(slots).for_each(|(index, slot)| tables.put_slot(index, *slot));
            }
            Change::Previous { first, previous } => {
                (*first..).zip(previous).for_each(|(index, previous)| tables.put_previous(index, *previous));
            }
            Change::OldTable { row, table } => tables.put_old_table(*row, *table),
            Change::MoveFlows { from, to } => flows::move_rows(tables, *from, *to),
            Change::ForgetFlow { place, entry } => {
                tables.replace_flow(*place, *entry, Entry::EMPTY);
            }
            Change::Service { row, value } => tables.put_service(*row, *value),
            Change::Vacate { row, key } => tables.put_service(*row, ServiceRow { key: *key, ..ServiceRow::default() }),
        }
    }
}

/// Clears what earlier owners left in rows that get new owners. The rows are unused, so that it can be done at once
/// for all of them.
fn make_ready(changes: &[Change], tables: &mut impl TablesMut) {
    let fresh = changes.iter().filter_map(|change| match change {
        Change::Member { row, fresh: true, .. } => Some(*row),
        _ => None,
    });
    let fresh: BTreeSet<MemberRowId> = fresh.collect();
    if !fresh.is_empty() {
        flows::forget_rows(tables, &fresh);
        tables.reset_members(&fresh);
    }
}
