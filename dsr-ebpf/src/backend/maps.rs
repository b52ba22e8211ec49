//! The maps and load-time constants: the only module that accesses them.
//!
//! Sizes here are placeholders; the user side sets them before it loads the program.
#![allow(unsafe_code)]

use core::ptr::{addr_of, read_volatile};

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, LpmTrie, PerCpuArray, lpm_trie::Key},
};
use dsr_common::{
    address::{Address, Family},
    backend::{
        AddressKey, BALANCER, CODE_ROWS, CodeRow, OWN, PrefixData, REASON_ROWS, Reason, VIP, code_row, prefix_data,
    },
};

#[map]
static ADDRESSES: HashMap<AddressKey, u32> = HashMap::with_max_entries(1, 0);
#[map]
static PREFIXES: LpmTrie<PrefixData, u32> = LpmTrie::with_max_entries(1, 0);
#[map]
static CODES: Array<CodeRow> = Array::with_max_entries(CODE_ROWS, 0);
#[map]
static BACKEND_REASONS: PerCpuArray<u64> = PerCpuArray::with_max_entries(REASON_ROWS, 0);

macro_rules! constants {
    ($($(#[doc = $doc:literal])+ $name:ident => $constant:ident: $type:ty,)+) => {$(
        #[unsafe(no_mangle)]
        static $constant: $type = 0;

        $(#[doc = $doc])+
        #[inline(always)]
        pub(crate) fn $name() -> $type {
            // SAFETY: a static; volatile because the loader replaces the value.
            unsafe { read_volatile(addr_of!($constant)) }
        }
    )+};
}

// The verifier knows these constants and removes the code that they disable.
constants! {
    /// Whether IPIP tunnels end here.
    ipip => ACCEPT_IPIP: u8,
    /// Whether GRE tunnels end here.
    gre => ACCEPT_GRE: u8,
    /// Whether GRE packets must have a key.
    gre_keyed => GRE_KEYED: u8,
    /// That key.
    gre_key => GRE_KEY: u32,
    /// The UDP port where GUE tunnels end, or zero.
    gue_port => GUE_PORT: u32,
    /// Whether any DSCP code stands for a VIP.
    dscp => ACCEPT_DSCP: u8,
    /// Whether balancers are listed by prefix.
    prefixes => HAS_PREFIXES: u8,
}

/// Whether the address is this host's own.
#[inline(always)]
pub(crate) fn is_own(family: Family, address: Address) -> bool {
    has_role(family, address, OWN)
}

/// Whether the address is a VIP.
#[inline(always)]
pub(crate) fn is_vip(family: Family, address: Address) -> bool {
    has_role(family, address, VIP)
}

/// Whether the address is a balancer's.
#[inline(always)]
pub(crate) fn is_balancer(family: Family, address: Address) -> bool {
    if has_role(family, address, BALANCER) {
        return true;
    }
    prefixes() != 0 && PREFIXES.get(Key::new(ALL_BITS, prefix_data(family, address))).is_some()
}

#[inline(always)]
fn has_role(family: Family, address: Address, role: u32) -> bool {
    let roles = ADDRESSES.get_ptr(AddressKey::new(family, address));
    // SAFETY: an element of the map; a stale one is read if it is removed meanwhile, and that is one packet late.
    roles.is_some_and(|roles| unsafe { read_volatile(roles) } & role != 0)
}

/// The VIP that a DSCP code stands for.
#[inline(always)]
pub(crate) fn vip_of(family: Family, code: u8) -> Option<Address> {
    let row = CODES.get_ptr(code_row(family, code))?;
    // SAFETY: an element of the array, which is written before the program is attached.
    let row = unsafe { read_volatile(row) };
    (row.used != 0).then_some(row.vip)
}

/// Counts a frame.
#[inline(always)]
pub(crate) fn count(reason: Reason) {
    if let Some(count) = BACKEND_REASONS.get_ptr_mut(reason as u32) {
        // SAFETY: this CPU's element; XDP does not run twice at once on a CPU.
        unsafe { *count += 1 };
    }
}

/// Bits of [`PrefixData`].
const ALL_BITS: u32 = 128;
