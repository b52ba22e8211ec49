//! The only door to the kernel: loads and attaches the program, reads and writes its maps.

mod attach;
mod counters;
mod holder;
mod interfaces;
mod load;
mod mapped;
mod pass;
mod track;

use std::collections::BTreeMap;

use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray, xdp::DevMap},
};
use dsr_common::{
    fragment::{Entry, FragmentSet, WAYS},
    interface::InterfaceRow,
    limits::{FRAGMENT_SETS, SLOTS_PER_BLOCK},
    member::MemberRow,
    previous::PreviousBlock,
    service::{ServiceRow, TableRef},
    slot::{Slot, SlotBlock},
    stats::Counters,
    track::FlowSet,
};

use self::mapped::Mapped;
pub use self::{
    attach::Mode,
    counters::Traffic,
    holder::Holder,
    load::{Features, OBJECT},
    pass::Pass,
    track::FlowTable,
};
use crate::reconcile::{Sizes, Tables, TablesMut};

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
    /// More interfaces and ports than the program can tell apart.
    #[error(
        "interface {0} finds no place: the interfaces and the ports of bonds are more than {max}",
        max = dsr_common::limits::INTERFACE_ROWS
    )]
    TooManyInterfaces(u32),
    /// A map could not be mapped into memory.
    #[error("cannot map {0} into memory: {1}")]
    Mmap(&'static str, std::io::Error),
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
    attached: BTreeMap<String, attach::Attached>,
}

impl Datapath {
    /// Empties the fragment table's entries for a member's row.
    fn forget_fragments(&mut self, row: u32) {
        for set in 0..FRAGMENT_SETS {
            for way in 0..WAYS {
                let word = self.fragments.word_at(set, way);
                if word != 0 && Entry::from_word(word).row() == row {
                    self.fragments.store_word(set, way, 0);
                }
            }
        }
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
}

impl TablesMut for Datapath {
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
        self.forget_flows(row);
        if let Err(error) = self.zero_counters(row) {
            tracing::warn!(row, %error, "a member's counters could not be cleared: they go on from an older member's");
        }
    }
}
