//! The tc program that sends health probes the way of a member, and its table.

use std::mem::offset_of;

use aya::{
    Ebpf, EbpfLoader, include_bytes_aligned,
    programs::{ProgramInfo, SchedClassifier, TcAttachType, tc},
    util::KernelVersion,
};
use dsr_common::{
    member::{MemberRow, MemberRows},
    names,
    probe::PROBE_NUMBERS,
};

use dsr_sys::verify;

use super::{
    Error,
    mapped::{self, Mapped},
};

/// The object of the tc program, as `cargo xtask build` made it.
static OBJECT: &[u8] = include_bytes_aligned!(env!("DSR_PROBE_OBJECT"));

/// The program on the egress of one link. Dropping it detaches it.
pub struct Prober {
    _ebpf: Ebpf,
    program: u32,
    probes: Mapped<MemberRows>,
    rows: u32,
}

impl Prober {
    /// Loads the program with room for this many probes, and attaches it to a link of the calling thread's network
    /// namespace.
    pub fn attach(link: &str, probes: u32) -> Result<Self, Error> {
        let rows = probes.clamp(1, PROBE_NUMBERS);
        let mut ebpf = EbpfLoader::new().map_max_entries(names::PROBES, rows).load(OBJECT)?;
        let program: &mut SchedClassifier =
            ebpf.program_mut(names::PROBE_PROGRAM).ok_or(Error::Missing(names::PROBE_PROGRAM))?.try_into()?;
        verify::load(|| program.load())?;
        let refused = |reason: String| Error::Attach { interface: link.to_owned(), reason };
        // Before tcx a classifier needs a queueing discipline to stand on. One that is there already is as good.
        let added = if has_tcx() { Ok(()) } else { tc::qdisc_add_clsact(link) };
        program.attach(link, TcAttachType::Egress).map_err(|error| match added {
            Ok(()) => refused(error.to_string()),
            Err(clsact) => refused(format!("{error}; clsact: {clsact}")),
        })?;
        let program = program.info()?.id();
        let probes = Mapped::of(ebpf.map(names::PROBES).ok_or(Error::Missing(names::PROBES))?, names::PROBES, rows)?;
        Ok(Self { _ebpf: ebpf, program, probes, rows })
    }

    /// The id that the kernel knows the program by.
    pub const fn program(&self) -> u32 {
        self.program
    }

    /// How many probes there is room for.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// Says how the probe of this number, which is below [`Self::rows`], is sent; with a row without a mode it is not.
    pub fn put(&mut self, number: u32, value: MemberRows) {
        if self.probes.load(number) == value {
            return;
        }
        // The word with the forward mode goes first where the row stops being used, and else last.
        let words = mapped::words(&value);
        let others = (0..words.len()).filter(|word| *word != MODE_WORD);
        let order: Vec<usize> = if value.member.mode == 0 {
            [MODE_WORD].into_iter().chain(others).collect()
        } else {
            others.chain([MODE_WORD]).collect()
        };
        for word in order {
            self.probes.store_word(number, word, words[word]);
        }
    }
}

/// The ids of the programs on the egress of a link of the calling thread's network namespace; nothing on a kernel without tcx,
/// where they are filters of a queueing discipline.
pub fn programs_on_egress(link: &str) -> Result<Option<Vec<u32>>, Error> {
    if !has_tcx() {
        return Ok(None);
    }
    let (_, programs) = SchedClassifier::query_tcx(link, TcAttachType::Egress)?;
    Ok(Some(programs.iter().map(ProgramInfo::id).collect()))
}

/// Whether programs stand on a link without a queueing discipline: since 6.6.
fn has_tcx() -> bool {
    KernelVersion::current().is_ok_and(|version| version >= KernelVersion::new(6, 6, 0))
}

impl std::fmt::Debug for Prober {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prober").field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// The 64-bit word of a row that holds the forward mode.
const MODE_WORD: usize = (offset_of!(MemberRows, member) + offset_of!(MemberRow, mode)) / 8;
