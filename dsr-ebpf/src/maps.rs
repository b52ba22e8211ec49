//! The maps and load-time constants: the only module that accesses them.
//!
//! Sizes here are placeholders; the agent sets them before it loads the program.
#![allow(unsafe_code)]

mod claims;
mod counts;
mod fragments;
mod heartbeat;
mod members;
mod rate;
mod trace;
mod track;
mod vlans;

use core::ptr::{addr_of, read_volatile, write_volatile};

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    helpers::{bpf_jiffies64, bpf_ktime_get_coarse_ns, bpf_ktime_get_ns},
    macros::map,
    maps::{Array, DevMap, PerCpuArray},
};
use dsr_common::{
    address::Address,
    hash::{HashKeys, KEY_WORDS, Keys},
    interface::InterfaceRow,
    limits::{INTERFACE_ROWS, INTERFACES_MAX, SLOTS_PER_BLOCK},
    service::{MembersRef, ServiceKey, ServiceRow, TableRef},
    slot::{Slot, SlotBlock},
};

pub(crate) use self::{
    claims::tell,
    counts::{add_loop, add_member, add_reason},
    fragments::fragments,
    heartbeat::agent_lives,
    members::{Member, NextHop, Tunnel, member, next_hop},
    rate::{may_reject, may_tell_too_big, seconds},
    trace::{may_tell, set_traced, set_traced_outcome, set_traced_row, trace_filter, traced},
    track::{FlowTable, add_tracking, clock, flows, old_table, previous},
    vlans::{has_vlan, has_vlan_key},
};

#[map]
static SERVICES: Array<ServiceRow> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static SLOTS: Array<SlotBlock> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static INTERFACES: Array<InterfaceRow> = Array::with_max_entries(INTERFACE_ROWS, BPF_F_MMAPABLE);
#[map]
static DEVICES: DevMap = DevMap::with_max_entries(INTERFACES_MAX, 0);

#[unsafe(no_mangle)]
static FLOW_MASK: u32 = 0;
#[unsafe(no_mangle)]
static SYN_MASK: u32 = 0;
#[unsafe(no_mangle)]
static HASH_KEYS: HashKeys = HashKeys([0; KEY_WORDS]);
#[unsafe(no_mangle)]
static SERVICE_MASK: u32 = 0;

/// The secret words of the loaded program.
pub(crate) struct LoadedKeys;

impl Keys for LoadedKeys {
    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        // SAFETY: callers index with constants below KEY_WORDS. Volatile, because the loader replaces the value.
        unsafe { read_volatile(addr_of!(HASH_KEYS).cast::<u64>().add(index)) }
    }
}

/// Rows of the service map minus one.
#[inline(always)]
pub(crate) fn service_mask() -> u32 {
    // SAFETY: a static; volatile because the loader replaces the value.
    unsafe { read_volatile(addr_of!(SERVICE_MASK)) }
}

macro_rules! features {
    ($($(#[doc = $doc:literal])+ $name:ident => $constant:ident,)+) => {$(
        #[unsafe(no_mangle)]
        static $constant: u8 = 1;

        $(#[doc = $doc])+
        #[inline(always)]
        pub(crate) fn $name() -> bool {
            // SAFETY: a static; volatile because the loader replaces the value.
            unsafe { read_volatile(addr_of!($constant)) != 0 }
        }
    )+};
}

// The verifier knows these constants and removes the code that they disable.
features! {
    /// Whether packets may leave by an interface other than the ingress interface.
    redirects => FEATURE_REDIRECT,
    /// Whether VLAN tags are read and written.
    vlans => FEATURE_VLAN,
    /// Whether any service is IPv6.
    ipv6 => FEATURE_IPV6,
    /// Whether any service is on all ports, or all protocols.
    any => FEATURE_ANY,
    /// Whether frames may arrive in several buffers.
    jumbo => FEATURE_JUMBO,
    /// Whether slots may be tracked.
    tracks => FEATURE_TRACK,
    /// Whether in any service a client's flows share a slot.
    sources => FEATURE_SOURCE,
    /// Whether in any service every flow is recorded.
    remembers => FEATURE_REMEMBER,
    /// Whether any service's packets are passed to the node while the agent is dead.
    heartbeats => FEATURE_HEARTBEAT,
    /// Whether any VIP has a VLAN list of its own.
    vlan_lists => FEATURE_VLAN_LISTS,
    /// Whether any pool has forward mode `dscp`.
    dscp => FEATURE_DSCP,
    /// Whether any pool has a forward mode that encapsulates.
    encapsulates => FEATURE_ENCAPSULATION,
    /// Whether a member may have several next hops.
    multipath => FEATURE_MULTIPATH,
}

/// A row of the interface table.
#[inline(always)]
pub(crate) fn interface(row: u32) -> Option<InterfaceRow> {
    let row = INTERFACES.get_ptr(row)?;
    // SAFETY: an element of the array. The agent writes the MAC as one word.
    unsafe {
        Some(InterfaceRow {
            ifindex: read_volatile(addr_of!((*row).ifindex)),
            leaves_by: read_volatile(addr_of!((*row).leaves_by)),
            mac: read_volatile(addr_of!((*row).mac)),
        })
    }
}

/// A row of the service table. The agent may write it at any time, one word at a time, so each word is read once.
pub(crate) struct Service(*const ServiceRow);

/// A row of the service table; `None` past its end.
#[inline(always)]
pub(crate) fn service(row: u32) -> Option<Service> {
    SERVICES.get_ptr(row).map(Service)
}

impl Service {
    #[inline(always)]
    pub(crate) fn key(&self) -> ServiceKey {
        // SAFETY: an element of the array.
        unsafe { read_volatile(addr_of!((*self.0).key)) }
    }

    #[inline(always)]
    pub(crate) fn vip(&self) -> Address {
        // SAFETY: as above.
        unsafe {
            Address { hi: read_volatile(addr_of!((*self.0).vip.hi)), lo: read_volatile(addr_of!((*self.0).vip.lo)) }
        }
    }

    #[inline(always)]
    pub(crate) fn members(&self) -> MembersRef {
        // SAFETY: as above.
        unsafe { read_volatile(addr_of!((*self.0).members)) }
    }

    #[inline(always)]
    pub(crate) fn table(&self) -> TableRef {
        // SAFETY: as above.
        unsafe { read_volatile(addr_of!((*self.0).table)) }
    }
}

/// The slot at `index` of the table that starts at row `block`.
#[inline(always)]
pub(crate) fn slot(block: u32, index: u32) -> Option<Slot> {
    let row = SLOTS.get_ptr(block + index / SLOTS_PER_BLOCK)?;
    // SAFETY: an element of the array, and the remainder is below its length.
    Some(Slot(unsafe { read_volatile(addr_of!((*row).0).cast::<u16>().add((index % SLOTS_PER_BLOCK) as usize)) }))
}

/// Sets of the established and the embryonic table, each minus one.
#[inline(always)]
fn flow_masks() -> (u32, u32) {
    // SAFETY: statics; volatile because the loader replaces the values.
    unsafe { (read_volatile(addr_of!(FLOW_MASK)), read_volatile(addr_of!(SYN_MASK))) }
}

/// An array element found by a lookup. Others may write it at any time, so each word is read once.
struct Element<T>(*mut T);

/// The element in a row; `None` past the end.
#[inline(always)]
fn element<T>(map: &Array<T>, row: u32) -> Option<Element<T>> {
    map.get_ptr_mut(row).map(Element)
}

impl<T: Copy> Element<T> {
    #[inline(always)]
    fn load(&self) -> T {
        // SAFETY: an element of the array.
        unsafe { read_volatile(self.0) }
    }

    /// Its 32-bit word at `index`, which wraps around.
    #[inline(always)]
    fn half_word(&self, index: usize) -> u32 {
        // SAFETY: an element of the array; the remainder keeps the index within it.
        unsafe { read_volatile(self.0.cast::<u32>().add(index % (size_of::<T>() / 4))) }
    }

    /// Its 64-bit word at `index`, which wraps around.
    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        // SAFETY: as above.
        unsafe { read_volatile(self.0.cast::<u64>().add(index % (size_of::<T>() / 8))) }
    }

    #[inline(always)]
    fn set_word(&self, index: usize, word: u64) {
        // SAFETY: as above.
        unsafe { write_volatile(self.0.cast::<u64>().add(index % (size_of::<T>() / 8)), word) };
    }
}

/// This CPU's element of a per-CPU array.
struct Own<T>(*mut T);

/// This CPU's element in a row; `None` past the end.
#[inline(always)]
fn own<T>(map: &PerCpuArray<T>, row: u32) -> Option<Own<T>> {
    map.get_ptr_mut(row).map(Own)
}

impl<T> Own<T> {
    /// Updates it in place.
    #[inline(always)]
    fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: this CPU's element; XDP does not run twice at once on a CPU.
        change(unsafe { &mut *self.0 })
    }

    /// Its bytes; nothing may change it while they are borrowed.
    #[inline(always)]
    fn bytes<const LENGTH: usize>(&self) -> &'static [u8; LENGTH] {
        const { assert!(LENGTH == size_of::<T>()) };
        // SAFETY: as above, and as long as that.
        unsafe { &*self.0.cast() }
    }
}

/// Nanoseconds since boot. Calls a helper.
#[inline(always)]
fn nanoseconds() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_ns() }
}

/// The same at the last timer tick, at most a few milliseconds ago; cheaper, because it does not read the hardware
/// clock. Calls a helper.
#[inline(always)]
fn coarse_nanoseconds() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_coarse_ns() }
}

/// Kernel timer ticks. The verifier replaces the call by the helper's one load.
#[inline(always)]
fn ticks() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_jiffies64() }
}

/// Redirects the frame to the interface at `device`; returns the XDP action.
#[inline(always)]
pub(crate) fn redirect(device: u32) -> Option<u32> {
    DEVICES.redirect(device, 0).ok()
}
