//! The agent's interface that a frame arrived on.

use dsr_common::{interface::first_row, limits::INTERFACE_ROWS};

use crate::maps;

/// The ingress interface of a frame.
pub(crate) struct Interface {
    /// Its row in the interface table, and its block of reason counters.
    pub(crate) row: u32,
    /// The ifindex by which frames leave if they leave by the ingress interface; for bond ports, the bond's.
    pub(crate) ifindex: u32,
    /// Its MAC, or its bond's, in the low 48 bits, in frame byte order.
    pub(crate) mac: u64,
}

/// Looks up the interface; `None` if the agent does not have it, or no longer does.
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
    /// The row of an interface that is not in its first row. Kernels assign indexes sequentially, so this is rare.
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
