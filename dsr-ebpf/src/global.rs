//! Global functions that touch no frame: the verifier looks at each once, with any arguments, and those that call them
//! keep their registers.

use dsr_common::{
    address::Address,
    service::{ServiceKey, TableRef},
    slot::Slot,
};

use crate::{
    maps::FlowTable,
    select::{self, Part, Tracked},
    service, trace,
};

global! {
    /// The row of a service that does not stand in its first one.
    fn search_services(first: u64, hi: u64, lo: u64, key: u64) -> u64 {
        u64::from(service::search_on(first as u32, Address { hi, lo }, ServiceKey(key as u32)))
    }
}

global! {
    /// The row of the member of a flow that may be remembered, see [`Tracked`]. `members` is the service's first row of the
    /// member map, and above bit 32 the flow's slot.
    fn follow_flow(hash: u64, table: u64, service: u64, members: u64, part: u64) -> u64 {
        select::row_of_flow(&Tracked {
            hash,
            table: TableRef(table),
            service: service as u32,
            base: members as u32,
            slot: Slot((members >> 32) as u16),
            part: Part::of_number(part),
        })
    }
}

global! {
    /// Where a flow is in one of the two tables, see [`select::place_of_flow`].
    fn place_of_flow(hash: u64, table: u64, clock: u64) -> u64 {
        select::place_of_flow(hash, FlowTable::of_number(table), clock).word()
    }
}

global! {
    /// Tells what became of a frame that is traced.
    fn tell_traced() -> u64 {
        trace::tell();
        0
    }
}

global! {
    /// Remembers the member of a datagram's fragments.
    fn remember_fragment(hash: u64, row: u64) -> u64 {
        select::store_fragment(hash, row as u32);
        0
    }
}

global! {
    /// Finds it again.
    fn find_fragment(hash: u64) -> u64 {
        select::load_fragment(hash)
    }
}
