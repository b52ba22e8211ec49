//! A row of the interface table: what the program has to know of the interface that a frame came in on.

use crate::limits::INTERFACE_ROWS;

/// One interface that frames come in on. All zero is an empty row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct InterfaceRow {
    /// The kernel's index of the interface, never zero in a row that is used; [`VACATED`] where it no longer is.
    pub ifindex: u32,
    /// The index of the interface that members are reached by from here: its own, or for a port of a bond that has the
    /// program, the bond's. The kernel runs a bond's program for its ports, and tells the port's index.
    pub leaves_by: u32,
    /// Its MAC, or its bond's, in the low 48 bits, loaded as it lies at the start of a frame.
    pub mac: u64,
}

const _: () = assert!(size_of::<InterfaceRow>() == 16);

/// The index in a row that was used and may be used again; an empty one would end the search for rows behind it.
pub const VACATED: u32 = u32::MAX;

/// The six bytes of a MAC within the first eight bytes of a frame, loaded as one native word.
pub const MAC_MASK: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);

/// The row of the table at which the search for an interface starts; it goes on upwards and wraps around.
#[inline(always)]
pub const fn first_row(ifindex: u32) -> u32 {
    ifindex & (INTERFACE_ROWS - 1)
}

/// A MAC as [`InterfaceRow::mac`] holds it.
pub const fn mac_word(mac: [u8; 6]) -> u64 {
    u64::from_ne_bytes([mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], 0, 0])
}
