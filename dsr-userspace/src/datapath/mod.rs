//! The only door to the kernel: loads and attaches the program, reads and writes its maps.

mod abi;
mod attach;
mod backend;
mod batch;
mod claims;
mod counters;
mod features;
mod heartbeat;
mod holder;
mod interfaces;
mod load;
mod mapped;
mod maps;
mod memory;
mod pin;
mod pinned;
mod probe;
mod tables;
mod takeover;
mod trace;
mod track;
mod vlans;

use std::{ops::Deref, path::PathBuf, sync::Arc};

use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray, xdp::DevMap},
};
use dsr_common::{
    fragment::{self, WAYS},
    limits::FRAGMENT_SETS,
    stats::Counters,
};

pub use self::{
    attach::Mode,
    backend::{BackendCounters, BackendProgram, DEFAULT_BACKEND_PINS},
    claims::{ClaimEvents, ClaimStream},
    counters::Traffic,
    features::Features,
    holder::Holder,
    load::OBJECT,
    maps::Maps,
    memory::{memory, memory_of},
    pin::{DEFAULT_PINS, Pins},
    probe::{Prober, programs_on_egress},
    takeover::Predecessor,
};
use self::{trace::Tracer, vlans::Vlans};
use crate::reconcile::MemberRowId;

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
    #[error("{0} members exceed the flow table's limit of {1}: use fewer services or backends")]
    Members(u32, u32),
    /// An interface could not be entered in the device map.
    #[error("cannot add {0} to the redirect map: {1}")]
    Device(u32, aya::maps::xdp::XdpMapError),
    /// More interfaces and ports than the program can tell apart.
    #[error(
        "no room for interface {0}: at most {max} interfaces and bond ports",
        max = dsr_common::limits::INTERFACE_ROWS
    )]
    TooManyInterfaces(u32),
    /// A map could not be mapped into memory.
    #[error("cannot map {0} into memory: {1}")]
    Mmap(&'static str, std::io::Error),
    /// What is to outlive the agent cannot be kept, or found.
    #[error(
        "cannot pin maps and links in {path}: {error}; it must be on a BPF file system (`mount -t bpf \
         bpf /sys/fs/bpf`)",
        path = .0.display(),
        error = .1
    )]
    Pins(PathBuf, std::io::Error),
    /// What is kept of an attachment cannot be used.
    #[error("cannot use the link at {path}: {error}; `dsr detach` removes it", path = .0.display(), error = .1)]
    Link(PathBuf, String),
    /// Another agent runs.
    #[error(
        "{path} is in use by another agent: stop that one, or give this one another directory with `--pins`",
        path = .0.display()
    )]
    Held(PathBuf),
    /// Somebody removed the pins and put something else there.
    #[error(
        "{path} was removed and another directory is in its place: remove that one, and the agent pins its maps and \
         links there again",
        path = .0.display()
    )]
    Replaced(PathBuf),
    /// Another agent ran elsewhere.
    #[error(
        "{path} was left by an agent in another network namespace: `dsr detach` removes it; or give this one another \
         directory with `--pins`",
        path = .0.display()
    )]
    OtherNamespace(PathBuf),
    /// A table is too small for what was in another one.
    #[error("{0}")]
    Full(#[from] crate::reconcile::Full),
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

/// The loaded program and its maps. Dropping it detaches the program, unless it is pinned.
pub struct Datapath {
    /// Nothing where another agent loaded it, which is gone.
    ebpf: Option<Ebpf>,
    maps: Arc<Maps>,
    /// For writing only: readers have the handles in `maps`.
    counters_written: PerCpuArray<MapData, Counters>,
    /// As above.
    reasons_written: PerCpuArray<MapData, u64>,
    /// Written by the agent alone.
    vlans: Vlans,
    devices: DevMap<MapData>,
    /// Nothing where another agent loaded it, which is gone; or where somebody listens.
    claims: Option<ClaimEvents>,
    /// Nothing where another agent loaded the program.
    tracer: Option<Tracer>,
    attached: attach::Attachments,
    pinned: Option<pinned::Pinned>,
}

/// Everything that can be read of it.
impl Deref for Datapath {
    type Target = Maps;

    fn deref(&self) -> &Maps {
        &self.maps
    }
}

impl Datapath {
    /// A handle that reads the maps of this load for as long as it is held, beside whoever writes them.
    pub fn maps(&self) -> Arc<Maps> {
        Arc::clone(&self.maps)
    }

    /// Empties the fragment table: datagrams under way lose the rest of their fragments.
    pub fn forget_all_fragments(&mut self) {
        self.forget_fragments(|_| true);
    }

    /// Empties those of the fragment table's entries that are for such a member's row.
    fn forget_fragments(&mut self, is_gone: impl Fn(MemberRowId) -> bool) {
        for set in 0..FRAGMENT_SETS {
            for way in 0..WAYS {
                let word = self.fragments.word_at(set, way);
                if word != 0 && is_gone(MemberRowId(fragment::Entry::from_word(word).row())) {
                    self.fragments.store_word(set, way, 0);
                }
            }
        }
    }
}
