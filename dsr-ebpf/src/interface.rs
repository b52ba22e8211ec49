//! Which of the agent's interfaces a frame came in on.

use dsr_common::{interface::first_row, limits::INTERFACE_ROWS};

use crate::maps;

/// The interface that a frame came in on.
pub(crate) struct Interface {
    /// Its row of the interface table, also its block of reasons.
    pub(crate) row: u32,
    /// The kernel's index.
    pub(crate) ifindex: u32,
    /// Its MAC in the low 48 bits, as it lies in a frame.
    pub(crate) mac: u64,
}

/// Looks the interface up; nothing where the agent does not (any longer) know it.
#[inline(always)]
pub(crate) fn find(ifindex: u32) -> Option<Interface> {
    for step in 0..INTERFACE_ROWS {
        let index = first_row(ifindex + step);
        let row = maps::interface(index)?;
        if row.ifindex == ifindex {
            return Some(Interface { row: index, ifindex, mac: row.mac });
        }
        if row.ifindex == 0 {
            return None;
        }
    }
    None
}
