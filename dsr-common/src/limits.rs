//! Bounds that both sides must agree on. What a configuration can size is not here.

/// How many rows from its first one a service may stand; the program looks at no more.
pub const SERVICE_PROBES: u32 = 8;

/// The most interfaces that one agent can serve.
pub const INTERFACES_MAX: u32 = 16;

/// Entries of the table of VLAN keys: VLANs in the `vlans` of VIPs, and VLANs of two tags that this host is in.
pub const VLAN_KEYS_MAX: u32 = 1 << 14;

/// Rows of the interface table, a power of two: one for each interface, and one for each port of those that are bonds.
pub const INTERFACE_ROWS: u32 = 64;

/// The most IPv6 extension headers that are walked.
pub const EXTENSIONS: u32 = 8;

/// Bytes of the longest payload of neighbour discovery that is read: room for eight options of the usual length.
pub const NDP_MAX: u16 = 96;

/// Sets of the fragment table, a power of two.
pub const FRAGMENT_SETS: u32 = 1024;

/// How long the member of a datagram's fragments is remembered; as long as hosts keep fragments (RFC 8200, 4.5: 60 s;
/// Linux: 30 s, `net.ipv4.ipfrag_time`).
pub const FRAGMENT_SECONDS: u64 = 30;

/// Refusals (`on_empty: reject`) that a CPU makes in a second; Linux limits its own likewise (`net.ipv4.icmp_msgs_per_sec`).
pub const REJECTS_PER_SECOND: u64 = 1000;

/// Claims to VIPs that a CPU tells of in a second; what is beyond is counted and not told.
pub const CLAIMS_PER_SECOND: u64 = 64;

/// Bytes of the ring buffer of claims, a power of two and a multiple of every page size.
pub const EVENT_BYTES: u32 = 1 << 16;

/// Seconds without a sign of life after which the agent counts as gone (`on_agent_death: pass`). It gives one every second:
/// so long may a reload take, and the time from the end of one agent until the next one has loaded its program.
pub const AGENT_PATIENCE_SECONDS: u64 = 10;

/// Frames that a CPU tells of in a second while `dsr trace` runs, so that a flood of them costs little.
pub const TRACES_PER_SECOND: u64 = 200;

/// Bytes of a refused packet that a refusal quotes at most: an IPv4 header with all options, or an IPv6 header with some
/// extensions, and [`QUOTED_BYTES`].
pub const QUOTE_MAX: usize = 96;

/// Bytes behind the IP headers of a refused packet that a refusal quotes (RFC 792).
pub const QUOTED_BYTES: usize = 8;

/// The most members of one service: a slot names a member in 15 bits, and the highest number means "none".
pub const MEMBERS_PER_SERVICE: u32 = 0x7fff;

/// Slots in one row of the slot map: one cache line.
pub const SLOTS_PER_BLOCK: u32 = 32;

/// Sizes that a service's Maglev table can have: primes, so that every skip visits every slot.
///
/// A few coarse steps, because a step from one size to the next moves nearly every slot.
pub const TABLE_SIZES: [u32; 4] = [1021, 4093, 16381, 65537];

/// Slots a member that a table should have, for loads within one percent of the weights (Maglev, NSDI 2016, 5.3).
pub const SLOTS_PER_MEMBER: u32 = 100;
