//! The tc program that sends health probes the way of a member, and its table.

use aya::{
    Ebpf, EbpfLoader, include_bytes_aligned,
    programs::{SchedClassifier, TcAttachType, tc},
    util::KernelVersion,
};
use dsr_common::{member::MemberRow, names, probe::PROBE_NUMBERS};

use super::{Error, mapped::Mapped, verify};

/// The object of the tc program, as `cargo xtask build` made it.
static OBJECT: &[u8] = include_bytes_aligned!(env!("DSR_PROBE_OBJECT"));

/// The program on the egress of one link. Dropping it detaches it.
pub struct Prober {
    _ebpf: Ebpf,
    probes: Mapped<MemberRow>,
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
        let has_tcx = KernelVersion::current().is_ok_and(|version| version >= KernelVersion::new(6, 6, 0));
        let added = if has_tcx { Ok(()) } else { tc::qdisc_add_clsact(link) };
        program.attach(link, TcAttachType::Egress).map_err(|error| match added {
            Ok(()) => refused(error.to_string()),
            Err(clsact) => refused(format!("{error}; clsact: {clsact}")),
        })?;
        let probes = Mapped::of(ebpf.map(names::PROBES).ok_or(Error::Missing(names::PROBES))?, names::PROBES, rows)?;
        Ok(Self { _ebpf: ebpf, probes, rows })
    }

    /// How many probes there is room for.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// Says how the probe of this number, which is below [`Self::rows`], is sent; with a row without a mode it is not.
    pub fn put(&mut self, number: u32, value: MemberRow) {
        if self.probes.load(number) == value {
            return;
        }
        // Word 2 holds the forward mode: it goes first where the row stops being used, and else last.
        let words = Mapped::words(&value);
        let order: [usize; 8] = if value.mode == 0 { [2, 0, 1, 3, 4, 5, 6, 7] } else { [7, 6, 5, 4, 3, 1, 0, 2] };
        for word in order {
            self.probes.store_word(number, word, words[word]);
        }
    }
}

impl std::fmt::Debug for Prober {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prober").field("rows", &self.rows).finish_non_exhaustive()
    }
}
