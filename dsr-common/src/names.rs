//! Names of the object's programs, maps and load-time constants, by which the agent looks them up.

/// The XDP program.
pub const XDP_PROGRAM: &str = "dsr";
/// The same program, which also logs the frames that match a filter.
pub const TRACED_PROGRAM: &str = "dsr_traced";
/// The tc program that sends health probes by the path of their member.
pub const PROBE_PROGRAM: &str = "probe";
/// In the tc program's object: array of [`crate::member::MemberRows`], one row per probe number: how the
/// XDP program would send a packet to the probed member.
pub const PROBES: &str = "PROBES";

/// Array of [`crate::service::ServiceRow`].
pub const SERVICES: &str = "SERVICES";
/// Array of [`crate::slot::SlotBlock`].
pub const SLOTS: &str = "SLOTS";
/// Array of [`crate::member::MemberRows`].
pub const MEMBERS: &str = "MEMBERS";
/// Array of [`crate::member::NextHopRow`], in groups of [`crate::forward::NEXT_HOPS_PER_GROUP`].
pub const NEXT_HOPS: &str = "NEXT_HOPS";
/// Per-CPU array of [`crate::stats::Counters`], one row per member.
pub const COUNTERS: &str = "COUNTERS";
/// Per-CPU array of 64-bit packet counts, one row per interface and reason.
pub const REASONS: &str = "REASONS";
/// Array of [`crate::interface::InterfaceRow`].
pub const INTERFACES: &str = "INTERFACES";
/// Map: this host's single-tagged VLANs, a [`crate::vlan::VlanSet`] for each row of [`INTERFACES`].
pub const VLANS: &str = "VLANS";
/// Map: a hash table of [`crate::vlan::VlanKey`]; the values are unused.
pub const VLAN_KEYS: &str = "VLAN_KEYS";
/// Device map: the interfaces of packets that leave by another interface than they arrived on.
pub const DEVICES: &str = "DEVICES";

/// Array of [`crate::fragment::FragmentSet`].
pub const FRAGMENTS: &str = "FRAGMENTS";

/// Array of one [`crate::heartbeat::Heartbeat`].
pub const HEARTBEAT: &str = "HEARTBEAT";

/// Ring buffer of [`crate::claim::VipClaim`].
pub const EVENTS: &str = "EVENTS";
/// Per-CPU array of one [`crate::claim::ClaimBudget`].
pub const CLAIMS: &str = "CLAIMS";
/// Array of one [`crate::trace::TraceFilter`].
pub const TRACE_FILTER: &str = "TRACE_FILTER";
/// Array of [`crate::previous::PreviousBlock`], one row for each row of the slot map.
pub const PREVIOUS: &str = "PREVIOUS";
/// Array of [`crate::service::TableRef`], one row for each row of the service table: the table whose slots index
/// [`PREVIOUS`] for this service; zero if it is the service's own. While a service's table is replaced, it is the old
/// one.
pub const OLD_TABLES: &str = "OLD_TABLES";
/// Array of [`crate::track::FlowSet`]: flows of which more than one packet was seen.
pub const ESTABLISHED: &str = "ESTABLISHED";
/// Array of [`crate::track::FlowSet`]: flows of which one packet was seen, usually a SYN.
pub const EMBRYONIC: &str = "EMBRYONIC";
/// Array of one 64-bit counter: the flow clock, which the agent advances.
pub const CLOCK: &str = "CLOCK";
/// Per-CPU array of 64-bit packet counts, one row per [`crate::stats::Tracking`].
pub const TRACKING: &str = "TRACKING";

/// Load-time constant: [`crate::hash::HashKeys`].
pub const HASH_KEYS: &str = "HASH_KEYS";
/// Load-time constant: rows of the service map minus one, `u32`; the number of rows is a power of two.
pub const SERVICE_MASK: &str = "SERVICE_MASK";
/// Load-time constant: sets of the established table minus one, `u32`; the number of sets is a power of two.
pub const FLOW_MASK: &str = "FLOW_MASK";
/// Load-time constant: sets of the embryonic table minus one, `u32`; the number of sets is a power of two.
pub const SYN_MASK: &str = "SYN_MASK";
/// Load-time constant, `u8`: one if packets may leave by an interface other than the ingress interface.
pub const FEATURE_REDIRECT: &str = "FEATURE_REDIRECT";
/// Load-time constant, `u8`: one if VLAN tags are read, and written for members that need them.
pub const FEATURE_VLAN: &str = "FEATURE_VLAN";
/// Load-time constant, `u8`: one if any service is IPv6.
pub const FEATURE_IPV6: &str = "FEATURE_IPV6";
/// Load-time constant, `u8`: one if any service is on all ports, or all protocols.
pub const FEATURE_ANY: &str = "FEATURE_ANY";
/// Load-time constant, `u8`: one if an interface's MTU allows frames in several buffers.
pub const FEATURE_JUMBO: &str = "FEATURE_JUMBO";
/// Load-time constant, `u8`: one if slots may be tracked.
pub const FEATURE_TRACK: &str = "FEATURE_TRACK";
/// Load-time constant, `u8`: one if any service has [`crate::service::FLAG_SOURCE`].
pub const FEATURE_SOURCE: &str = "FEATURE_SOURCE";
/// Load-time constant, `u8`: one if any service has [`crate::service::FLAG_REMEMBER`].
pub const FEATURE_REMEMBER: &str = "FEATURE_REMEMBER";
/// Load-time constant, `u8`: one if any service has [`crate::service::FLAG_PASS`].
pub const FEATURE_HEARTBEAT: &str = "FEATURE_HEARTBEAT";
/// Load-time constant, `u8`: one if any service has [`crate::service::FLAG_VLANS`].
pub const FEATURE_VLAN_LISTS: &str = "FEATURE_VLAN_LISTS";
/// Load-time constant, `u8`: one if any pool has forward mode `dscp`.
pub const FEATURE_DSCP: &str = "FEATURE_DSCP";
/// Load-time constant, `u8`: one if any pool has a forward mode that encapsulates.
pub const FEATURE_ENCAPSULATION: &str = "FEATURE_ENCAPSULATION";
/// Load-time constant, `u8`: one if a backend may have several next hops.
pub const FEATURE_MULTIPATH: &str = "FEATURE_MULTIPATH";

/// The backend's XDP program.
pub const BACKEND_PROGRAM: &str = "backend";
/// In the backend's object: a hash table from [`crate::backend::AddressKey`] to a 32-bit word of roles.
pub const ADDRESSES: &str = "ADDRESSES";
/// In the backend's object: a longest-prefix-match trie over [`crate::backend::PrefixData`]; the values are unused.
pub const PREFIXES: &str = "PREFIXES";
/// In the backend's object: array of [`crate::backend::CodeRow`].
pub const CODES: &str = "CODES";
/// In the backend's object: per-CPU array of 64-bit frame counts, one row per [`crate::backend::Reason`].
pub const BACKEND_REASONS: &str = "BACKEND_REASONS";
/// Load-time constant of the backend's program, `u8`: one if IPIP tunnels end here.
pub const ACCEPT_IPIP: &str = "ACCEPT_IPIP";
/// Load-time constant of the backend's program, `u8`: one if GRE tunnels end here.
pub const ACCEPT_GRE: &str = "ACCEPT_GRE";
/// Load-time constant of the backend's program, `u8`: one if GRE packets must have the key [`GRE_KEY`], zero if they
/// must have none.
pub const GRE_KEYED: &str = "GRE_KEYED";
/// Load-time constant of the backend's program, `u32`: the key of GRE packets.
pub const GRE_KEY: &str = "GRE_KEY";
/// Load-time constant of the backend's program, `u32`: the UDP port where GUE tunnels end; zero if there are none.
pub const GUE_PORT: &str = "GUE_PORT";
/// Load-time constant of the backend's program, `u8`: one if [`CODES`] has any row.
pub const ACCEPT_DSCP: &str = "ACCEPT_DSCP";
/// Load-time constant of the backend's program, `u8`: one if [`PREFIXES`] has any entry.
pub const HAS_PREFIXES: &str = "HAS_PREFIXES";
