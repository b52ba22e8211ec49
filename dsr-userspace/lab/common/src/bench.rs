//! What both sides of the benchmark share: how its driver is controlled, and the keys of the reference balancers'
//! tables.
//!
//! Not part of the product. Map values are plain words, in native byte order unless stated otherwise.

/// Length of the frame that every run starts with: room for the headers of a tagged IPv6 segment, or of an IPv4 segment in UDP,
/// in whole words.
pub const FRAME: usize = 88;

/// Bytes by which the floor `head` makes the frame longer: an IPv4 header.
pub const GROWN: usize = 20;
/// Words that hold it.
pub const FRAME_WORDS: usize = FRAME / 8;

/// The most flows that the driver can cycle through.
pub const FLOWS_MAX: u32 = 1 << 20;
/// Slots of the reference balancers' table.
pub const TABLE_ROWS: u32 = 1 << 16;
/// Entries of the flow table of `lru`.
pub const LRU_ROWS: u32 = 1 << 21;
/// Rows of the backends of `lru`.
pub const BACKEND_ROWS: u32 = 4096;

/// Restores the frame, selects the next flow, and tail-calls the program in [`PROGRAMS`].
pub const DRIVER: &str = "drive";
/// Array of one program: the one that is measured.
pub const PROGRAMS: &str = "PROGRAMS";
/// Device map of one interface: where `redirect` sends to.
pub const DEVICES: &str = "DEVICES";
/// Array of one [`Driver`].
pub const DRIVERS: &str = "DRIVERS";
/// Array of [`flow`] words, in the order of their packets.
pub const FLOWS: &str = "FLOWS";
/// Hash from [`vip_key`] to the first row of the VIP's table.
pub const VIPS: &str = "VIPS";
/// Hash from [`Vip6Key`] to the same.
pub const VIPS6: &str = "VIPS6";
/// Array of [`backend`] words: the table of a VIP.
pub const TABLE: &str = "TABLE";
/// Array of [`backend`] words, by number.
pub const BACKENDS: &str = "BACKENDS";
/// LRU hash from a flow to the number of its backend.
pub const LRU: &str = "LRU";

/// The driver's settings. All bytes zero is a valid value, but one that cannot be run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Driver {
    /// The frame, in frame byte order; client, port and checksum come from the flow.
    pub template: [u64; FRAME_WORDS],
    /// The row of the next flow.
    pub next: u32,
    /// Number of flows to cycle through.
    pub flows: u32,
    /// One if the frame is IPv6, else IPv4.
    pub ipv6: u32,
    /// One if it has a VLAN tag.
    pub tagged: u32,
    /// One if the measured program changes the frame's length: the frame is then restored by helpers for every run,
    /// whatever its length, so that the cost is the same for all programs.
    pub resizes: u32,
    /// One if every frame is the template as it is.
    pub is_constant: u32,
    /// Incremented atomically, so that the frame's bytes have left the store buffer before they are read.
    pub fence: u64,
    /// Padding, always zero.
    pub pad: u64,
}

const _: () = assert!(size_of::<Driver>() == 128);

/// The packet fields specific to a flow: the client's address (its last four bytes for IPv6) and port and the IPv4
/// header's checksum, each in frame byte order.
#[inline(always)]
pub const fn flow(client: u32, port: u16, checksum: u16) -> u64 {
    client as u64 | (port as u64) << 32 | (checksum as u64) << 48
}

/// A key of [`VIPS`]: address and port in frame byte order, and the protocol number.
#[inline(always)]
pub const fn vip_key(address: u32, port: u16, protocol: u8) -> u64 {
    address as u64 | (port as u64) << 32 | (protocol as u64) << 48
}

/// A key of [`VIPS6`]. All bytes zero is a valid value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Vip6Key {
    /// The address, as it lies in memory.
    pub address: [u32; 4],
    /// Port in frame byte order, and above it the protocol number.
    pub service: u32,
}

impl Vip6Key {
    /// The key of a service.
    #[inline(always)]
    pub const fn new(address: [u32; 4], port: u16, protocol: u8) -> Self {
        Self { address, service: port as u32 | (protocol as u32) << 16 }
    }
}

/// A backend of the reference balancers: its MAC in the low 48 bits, in frame byte order, and its number above.
#[inline(always)]
pub const fn backend(mac: u64, number: u16) -> u64 {
    mac | (number as u64) << 48
}

#[cfg(feature = "user")]
#[allow(unsafe_code)]
mod pod {
    // SAFETY: `repr(C)` integers without padding, asserted above.
    unsafe impl aya::Pod for super::Driver {}
}
