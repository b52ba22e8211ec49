//! The VLANs that VIPs are in.

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

/// Whether this host is in a VLAN of at most one tag on the interface in this row.
#[inline(always)]
pub(crate) fn has_vlan(row: u32, vlan: Vlan) -> bool {
    let (word, bit) = VlanSet::place(vlan);
    element(&VLANS, row).is_some_and(|set| set.word(word) >> bit & 1 != 0)
}

/// Whether a key is in the table. Calls a helper.
#[inline(always)]
pub(crate) fn has_vlan_key(key: VlanKey) -> bool {
    KEYS.get_ptr(&key).is_some()
}
