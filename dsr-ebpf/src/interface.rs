//! Which of the agent's interfaces a frame came in on.

use dsr_common::{interface::first_row, limits::INTERFACE_ROWS};

use crate::maps;

/// The interface that a frame came in on.
pub(crate) struct Interface {
    /// Its row of the interface table, also its block of reasons.
    pub(crate) row: u32,
    /// The kernel's index of the interface that frames leave by where they leave by the same, a bond's for its ports.
    pub(crate) ifindex: u32,
    /// Its MAC, or its bond's, in the low 48 bits, as it lies in a frame.
    pub(crate) mac: u64,
}

/// Looks the interface up; nothing where the agent does not (any longer) know it.
#[inline(always)]
pub(crate) fn find(ifindex: u32) -> Option<Interface> {
    let index = first_row(ifindex);
    let row = maps::interface(index)?;
    if row.ifindex == ifindex {
        return Some(Interface { row: index, ifindex: row.leaves_by, mac: row.mac });
    }
    let index = search_interfaces(ifindex)?;
    let row = maps::interface(index)?;
    Some(Interface { row: index, ifindex: row.leaves_by, mac: row.mac })
}

subprogram! {
    /// The row of an interface that does not stand in its first one. Kernels number interfaces one after the other, so that
    /// few ever come here.
    fn search_interfaces(ifindex: u32) -> Option<u32> {
        search(ifindex)
    }
}

#[inline(always)]
fn search(ifindex: u32) -> Option<u32> {
    for step in 1..INTERFACE_ROWS {
        let index = first_row(ifindex.wrapping_add(step));
        match maps::interface(index)?.ifindex {
            found if found == ifindex => return Some(index),
            0 => break,
            _ => {}
        }
    }
    None
}
