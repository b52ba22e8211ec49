//! The table of datagrams whose first fragment was sent, or passed to the node.

use aya_ebpf::{bindings::BPF_F_MMAPABLE, macros::map, maps::Array};
use dsr_common::{
    fragment::{Entry, FragmentSet},
    limits::FRAGMENT_SETS,
};

use super::{Element, element};

#[map]
static FRAGMENTS: Array<FragmentSet> = Array::with_max_entries(FRAGMENT_SETS, BPF_F_MMAPABLE);

/// One set of the table. CPUs may write it concurrently: each word is written atomically, and a lost entry costs one
/// datagram.
pub(crate) struct Fragments(Element<FragmentSet>);

/// A set of the table; `None` past its end.
#[inline(always)]
pub(crate) fn fragments(set: u32) -> Option<Fragments> {
    element(&FRAGMENTS, set).map(Fragments)
}

impl Fragments {
    /// The entry at `way`, below [`dsr_common::fragment::WAYS`].
    #[inline(always)]
    pub(crate) fn entry(&self, way: usize) -> Entry {
        Entry::from_word(self.0.word(way))
    }

    #[inline(always)]
    pub(crate) fn set_entry(&self, way: usize, entry: Entry) {
        self.0.set_word(way, entry.word());
    }
}
