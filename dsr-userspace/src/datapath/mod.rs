//! The only door to the kernel: loads and attaches the program, reads and writes its maps.

mod attach;
mod counters;
mod holder;
mod load;
mod mapped;
mod pass;
mod trace;
mod track;

use std::collections::BTreeMap;

use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray, xdp::DevMap},
};
use dsr_common::{
    fragment::{self, FragmentSet, WAYS},
    interface::{InterfaceRow, first_row, mac_word},
    limits::{FRAGMENT_SETS, INTERFACE_ROWS, SLOTS_PER_BLOCK},
    member::MemberRow,
    previous::{Previous, PreviousBlock},
    service::{ServiceRow, TableRef},
    slot::{Slot, SlotBlock},
    stats::Counters,
    track::{Entry, FlowSet},
};

pub use self::{
    attach::Mode,
    counters::Traffic,
    holder::Holder,
    load::{Features, OBJECT},
    pass::Pass,
};
use self::{mapped::Mapped, trace::Tracer};
use crate::{
    model::InterfaceState,
    reconcile::{FlowPlace, FlowTable, Sizes, Tables, TablesMut},
};

/// What can go wrong between the agent and the kernel.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused the object; the message holds the verifier's last words.
    #[error("cannot load the XDP program: {0}")]
    Load(#[from] aya::EbpfError),
    /// The kernel refused the program.
    #[error("the kernel refused the XDP program: {0}")]
    Program(#[from] aya::programs::ProgramError),
    /// A map could not be read or written.
    #[error("cannot use map {0}: {1}")]
    Map(&'static str, aya::maps::MapError),
    /// The object lacks a program or map that this binary was built with.
    #[error("the embedded object has no {0}: build it again with `cargo xtask build`")]
    Missing(&'static str),
    /// The tables would be larger than the program can address.
    #[error("{0} rows of members are more than the {1} that the flow table can name: use fewer services or backends")]
    Members(u32, u32),
    /// An interface could not be entered in the device map.
    #[error("cannot make {0} a target of redirects: {1}")]
    Device(u32, aya::maps::xdp::XdpMapError),
    /// A map could not be mapped into memory.
    #[error("cannot map {0} into memory: {1}")]
    Mmap(&'static str, std::io::Error),
    /// The log of the program that tells of frames could not be used.
    #[error("cannot read the program's log: {0}")]
    Log(#[from] aya_log::Error),
    /// The interface takes no program as it is.
    #[error("cannot attach to {interface}: {reason}")]
    Attach {
        /// The interface.
        interface: String,
        /// What the kernel says and what to do.
        reason: String,
    },
}

/// The loaded program and its maps. Dropping it detaches the program.
pub struct Datapath {
    ebpf: Ebpf,
    sizes: Sizes,
    services: Mapped<ServiceRow>,
    members: Mapped<MemberRow>,
    slots: Mapped<SlotBlock>,
    previous: Mapped<PreviousBlock>,
    old_tables: Mapped<TableRef>,
    flows: Mapped<FlowSet>,
    syns: Mapped<FlowSet>,
    clock: Mapped<u64>,
    fragments: Mapped<FragmentSet>,
    interfaces: Mapped<InterfaceRow>,
    counters: PerCpuArray<MapData, Counters>,
    reasons: PerCpuArray<MapData, u64>,
    tracking: PerCpuArray<MapData, u64>,
    devices: DevMap<MapData>,
    tracer: Tracer,
    attached: BTreeMap<String, attach::Attached>,
}

impl Datapath {
    /// Tells the program which interfaces there are, each with its row of the device map. An interface keeps its row
    /// of the interface table, and with it its counts of reasons.
    pub fn set_interfaces(&mut self, interfaces: &[(u32, InterfaceState)]) -> Result<(), Error> {
        for (device, interface) in interfaces {
            let Some(row) = self.interface_row(interface.ifindex) else {
                continue; // The configuration allows no more interfaces than there are rows.
            };
            // The MAC first: a row is found by its index.
            self.interfaces.store_word(row, 1, mac_word(interface.mac.0));
            self.interfaces.store_word(row, 0, u64::from(interface.ifindex));
            self.devices
                .set(*device, interface.ifindex, None, 0)
                .map_err(|error| Error::Device(interface.ifindex, error))?;
        }
        Ok(())
    }

    /// Empties the fragment table's entries for a member's row.
    fn forget_fragments(&mut self, row: u32) {
        for set in 0..FRAGMENT_SETS {
            for way in 0..WAYS {
                let word = self.fragments.word_at(set, way);
                if word != 0 && fragment::Entry::from_word(word).row() == row {
                    self.fragments.store_word(set, way, 0);
                }
            }
        }
    }

    /// The row of an interface, or the first free one on its way.
    fn interface_row(&self, ifindex: u32) -> Option<u32> {
        let is_its_own =
            |row: &u32| matches!(self.interfaces.load(*row).ifindex, found if found == 0 || found == ifindex);
        (0..INTERFACE_ROWS).map(|step| first_row(ifindex.wrapping_add(step))).find(is_its_own)
    }
}

impl Tables for Datapath {
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn service(&self, row: u32) -> ServiceRow {
        self.services.load(row)
    }

    fn member(&self, row: u32) -> MemberRow {
        self.members.load(row)
    }

    fn slot(&self, index: u32) -> Slot {
        let SlotBlock(slots) = self.slots.load(index / SLOTS_PER_BLOCK);
        Slot(slots[(index % SLOTS_PER_BLOCK) as usize])
    }

    fn previous(&self, index: u32) -> Previous {
        Self::previous(self, index)
    }

    fn old_table(&self, row: u32) -> TableRef {
        Self::old_table(self, row)
    }

    fn clock(&self) -> u64 {
        Self::clock(self)
    }

    fn flow_capacity(&self, table: FlowTable) -> u32 {
        Self::flow_capacity(self, table)
    }

    fn flow(&self, FlowPlace { table, index }: FlowPlace) -> Entry {
        self.flow_entry(table, index)
    }
}

impl TablesMut for Datapath {
    fn put_previous(&mut self, index: u32, previous: Previous) {
        Self::put_previous(self, index, previous);
    }

    fn put_old_table(&mut self, row: u32, table: TableRef) {
        Self::put_old_table(self, row, table);
    }

    fn replace_flow(&mut self, FlowPlace { table, index }: FlowPlace, old: Entry, new: Entry) -> bool {
        self.exchange_flow_entry(table, index, old, new)
    }

    fn put_service(&mut self, row: u32, value: ServiceRow) {
        // Words: VIP (0, 1), key and members (2), table (3). A row that gets a new key shows it last; in a row that
        // keeps its key the members are right before the table is, see ServiceRow's readers in the kernel side.
        let words = Mapped::words(&value);
        let same = self.services.load(row).key == value.key;
        let order: [usize; 4] = if same { [0, 1, 2, 3] } else { [3, 0, 1, 2] };
        if !same {
            self.services.store_word(row, 2, u64::from(dsr_common::service::ServiceKey::VACATED.0));
        }
        for word in order {
            self.services.store_word(row, word, words[word]);
        }
    }

    fn put_member(&mut self, row: u32, value: MemberRow) {
        // Word 2 holds the forward mode: it goes first where the row stops being used, and else last.
        let words = Mapped::words(&value);
        let order: [usize; 8] = if value.mode == 0 { [2, 0, 1, 3, 4, 5, 6, 7] } else { [7, 6, 5, 4, 3, 1, 0, 2] };
        for word in order {
            self.members.store_word(row, word, words[word]);
        }
    }

    fn put_slot(&mut self, index: u32, slot: Slot) {
        self.slots.store_u16(index / SLOTS_PER_BLOCK, index % SLOTS_PER_BLOCK, slot.0);
    }

    fn reset_member(&mut self, row: u32) {
        self.forget_fragments(row);
        if let Err(error) = self.zero_counters(row) {
            tracing::warn!(row, %error, "a member's counters could not be cleared: they go on from an older member's");
        }
    }
}
