//! The VLANs of interfaces and VIPs.

use core::hint::black_box;

use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC},
    macros::map,
    maps::{Array, HashMap},
};
use dsr_common::{
    limits::{INTERFACE_ROWS, VLAN_KEYS_MAX},
    vlan::{Vlan, VlanKey, VlanSet},
};

use super::element;

#[map]
static VLANS: Array<VlanSet> = Array::with_max_entries(INTERFACE_ROWS, BPF_F_MMAPABLE);
#[map(name = "VLAN_KEYS")]
static KEYS: HashMap<VlanKey, u8> = HashMap::with_max_entries(VLAN_KEYS_MAX, BPF_F_NO_PREALLOC);

/// Whether this host is in an untagged or single-tagged VLAN on the interface of this row.
#[inline(always)]
pub(crate) fn has_vlan(row: u32, vlan: Vlan) -> bool {
    // Kernels 6.1 and 6.12 forget a value's bounds when its bytes are swapped, and the compiler masks a tag before it swaps
    // it. What it cannot see through it masks again.
    let (word, bit) = VlanSet::place(Vlan(black_box(vlan.0)));
    element(&VLANS, row).is_some_and(|set| set.word(word) >> bit & 1 != 0)
}

/// Whether a key is in the table. Calls a helper.
#[inline(always)]
pub(crate) fn has_vlan_key(key: VlanKey) -> bool {
    KEYS.get_ptr(key).is_some()
}
