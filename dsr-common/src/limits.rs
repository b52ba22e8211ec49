//! Limits that both sides must agree on. Sizes that depend on the configuration are not here.

/// The most rows probed for a service, starting at its first one.
pub const SERVICE_PROBES: u32 = 8;

/// The most interfaces of one agent.
pub const INTERFACES_MAX: u32 = 16;

/// Capacity of the table of VLAN keys: VLANs in the `vlans` of VIPs, and double-tagged VLANs of this host.
pub const VLAN_KEYS_MAX: u32 = 1 << 14;

/// Rows of the interface table, a power of two: one for each interface, and one for each port of a bond.
pub const INTERFACE_ROWS: u32 = 64;

/// The most IPv6 extension headers that are walked.
pub const EXTENSIONS: u32 = 8;

/// Longest payload in bytes of neighbour discovery that is parsed: room for eight options of the usual length.
pub const NDP_MAX: u16 = 96;

/// Sets of the fragment table, a power of two.
pub const FRAGMENT_SETS: u32 = 1024;

/// How long the member of a datagram is recorded: as long as hosts keep fragments (RFC 8200, 4.5: 60 s; Linux: 30 s,
/// `net.ipv4.ipfrag_time`).
pub const FRAGMENT_SECONDS: u64 = 30;

/// Rejections (`on_empty: reject`) per second and CPU; Linux limits its own likewise (`net.ipv4.icmp_msgs_per_sec`).
pub const REJECTS_PER_SECOND: u64 = 1000;

/// ICMP "fragmentation needed" and "packet too big" per second and CPU.
pub const TOO_BIG_PER_SECOND: u64 = 1000;

/// VIP claims reported per second and CPU; further ones are counted and not reported.
pub const CLAIMS_PER_SECOND: u64 = 64;

/// Bytes of the ring buffer of claims, a power of two and a multiple of every page size.
pub const EVENT_BYTES: u32 = 1 << 16;

/// Seconds without a heartbeat after which the agent counts as dead (`on_agent_death: pass`). The agent sends one every
/// second: this bounds the duration of a reload, and the time from the end of one agent until its successor has loaded
/// its program.
pub const AGENT_PATIENCE_SECONDS: u64 = 10;

/// Frames logged per second and CPU while `dsr trace` runs, to limit the cost of a flood.
pub const TRACES_PER_SECOND: u64 = 200;

/// Most bytes that a rejection quotes: an IPv4 header with all options, or an IPv6 header with some extensions, and
/// [`QUOTED_BYTES`].
pub const QUOTE_MAX: usize = 96;

/// Bytes after the IP headers that a rejection quotes (RFC 792).
pub const QUOTED_BYTES: usize = 8;

/// The most members of one service: a slot stores the member in 15 bits, and the highest number means "none".
pub const MEMBERS_PER_SERVICE: u32 = 0x7fff;

/// Slots in one row of the slot map: one cache line.
pub const SLOTS_PER_BLOCK: u32 = 32;

/// Possible sizes of a service's Maglev table: primes, so that every skip visits every slot.
///
/// A few coarse steps, because changing the size moves nearly every slot.
pub const TABLE_SIZES: [u32; 4] = [1021, 4093, 16381, 65537];

/// Slots per member that a table should have, for loads within one percent of the weights (Maglev, NSDI 2016, 5.3).
pub const SLOTS_PER_MEMBER: u32 = 100;
