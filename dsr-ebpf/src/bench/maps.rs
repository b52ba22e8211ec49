//! The benchmark's maps: the only module that accesses them.
#![allow(unsafe_code)]

use core::arch::asm;

use aya_ebpf::{
    bindings::xdp_action,
    macros::map,
    maps::{Array, DevMap, HashMap, LruHashMap, ProgramArray},
    programs::XdpContext,
};
use dsr_lab_common::bench::{BACKEND_ROWS, Driver, FLOWS_MAX, LRU_ROWS, TABLE_ROWS, Vip6Key};

#[map]
static PROGRAMS: ProgramArray = ProgramArray::with_max_entries(1, 0);
#[map]
static DEVICES: DevMap = DevMap::with_max_entries(1, 0);
#[map]
static DRIVERS: Array<Driver> = Array::with_max_entries(1, 0);
#[map]
static FLOWS: Array<u64> = Array::with_max_entries(FLOWS_MAX, 0);
#[map]
static VIPS: HashMap<u64, u32> = HashMap::with_max_entries(4096, 0);
#[map]
static VIPS6: HashMap<Vip6Key, u32> = HashMap::with_max_entries(4096, 0);
#[map]
static TABLE: Array<u64> = Array::with_max_entries(TABLE_ROWS, 0);
#[map]
static BACKENDS: Array<u64> = Array::with_max_entries(BACKEND_ROWS, 0);
#[map]
static LRU: LruHashMap<FlowKey, Remembered> = LruHashMap::with_max_entries(LRU_ROWS, 0);

/// A flow, as `lru` records it.
#[repr(C)]
pub(crate) struct FlowKey {
    pub(crate) client: [u8; 4],
    pub(crate) vip: [u8; 4],
    /// Client's and service's port, in network byte order as loaded from memory.
    pub(crate) ports: u32,
    pub(crate) protocol: u32,
}

/// The record of a flow. Balancers also store a time: its space is reserved, but nothing is written.
#[repr(C)]
struct Remembered {
    backend: u32,
    pad: u32,
    time: u64,
}

/// Tail-calls the measured program; returns only if there is none. The index is a constant, so that the kernel makes it
/// a direct jump (5.5).
#[inline(always)]
pub(crate) fn jump(ctx: &XdpContext) {
    // SAFETY: nothing that is held here needs to be dropped.
    unsafe { PROGRAMS.tail_call(ctx, 0) };
}

/// Sends the frame by the interface of the device map; returns the action.
#[inline(always)]
pub(crate) fn redirect() -> u32 {
    DEVICES.redirect(0, 0).unwrap_or(xdp_action::XDP_ABORTED)
}

/// The driver's settings.
#[inline(always)]
pub(crate) fn driver() -> Option<&'static mut Driver> {
    // SAFETY: an element of the array; the measurement runs on one CPU.
    DRIVERS.get_ptr_mut(0).map(|driver| unsafe { &mut *driver })
}

/// A flow of the driver.
#[inline(always)]
pub(crate) fn flow(row: u32) -> Option<u64> {
    FLOWS.get(row).copied()
}

/// Waits until everything this CPU wrote is in its cache, as a locked instruction does on x86. In assembly, because
/// Rust's atomics for this target cannot add.
#[inline(always)]
pub(crate) fn drain_stores(driver: &mut Driver) {
    // SAFETY: an aligned word, and the exclusive reference keeps all others away.
    unsafe {
        asm!("lock *(u64 *)({0} + 0) += {1}", in(reg) &raw mut driver.fence, in(reg) 1_u64, options(nostack));
    }
}

/// The first row of a VIP's table.
#[inline(always)]
pub(crate) fn vip(key: u64) -> Option<u32> {
    // SAFETY: nothing is removed while the measurement runs.
    unsafe { VIPS.get(key) }.copied()
}

/// The same for an IPv6 VIP.
#[inline(always)]
pub(crate) fn vip6(key: &Vip6Key) -> Option<u32> {
    // SAFETY: as above.
    unsafe { VIPS6.get(key) }.copied()
}

/// A slot of the table.
#[inline(always)]
pub(crate) fn table(row: u32) -> Option<u64> {
    TABLE.get(row).copied()
}

/// A backend by its number.
#[inline(always)]
pub(crate) fn backend(number: u32) -> Option<u64> {
    BACKENDS.get(number).copied()
}

/// The number of a flow's recorded backend.
#[inline(always)]
pub(crate) fn remembered(key: &FlowKey) -> Option<u32> {
    // SAFETY: an entry may be reused while it is read; the number is then another flow's, as in any such balancer.
    unsafe { LRU.get(key) }.map(|value| value.backend)
}

/// Records the backend of a flow.
#[inline(always)]
pub(crate) fn remember(key: &FlowKey, backend: u32) {
    // A failed insertion changes nothing for this packet.
    let _ = LRU.insert(key, Remembered { backend, pad: 0, time: 0 }, 0);
}
