//! One change of the live tables, and its application.

use dsr_common::{
    member::MemberRow,
    service::{ServiceKey, ServiceRow},
    slot::Slot,
};

use super::tables::TablesMut;

/// One change. After each of a plan's changes, applied in order, every packet is treated right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Write a member's row.
    Member {
        /// Row of the member map.
        row: u32,
        /// What it shall hold.
        value: MemberRow,
        /// Whether another member, or none, had the row: nothing of that one is left in counters and fragments.
        fresh: bool,
    },
    /// Write slots that follow each other.
    Slots {
        /// The first one, counted from the first slot of the slot map.
        first: u32,
        /// What they shall hold.
        slots: Vec<Slot>,
    },
    /// Write a service's row, or a VIP's.
    Service {
        /// Row of the service table.
        row: u32,
        /// What it shall hold.
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
    for change in changes {
        match change {
            Change::Member { row, value, fresh } => {
                if *fresh {
                    tables.reset_member(*row);
                }
                tables.put_member(*row, *value);
            }
            Change::Slots { first, slots } => {
                for (index, slot) in (*first..).zip(slots) {
                    tables.put_slot(index, *slot);
                }
            }
            Change::Service { row, value } => tables.put_service(*row, *value),
            Change::Vacate { row, key } => tables.put_service(*row, ServiceRow { key: *key, ..ServiceRow::default() }),
        }
    }
}
