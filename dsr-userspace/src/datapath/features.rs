//! What the program has to be able to do: its load-time constants.

use dsr_common::names;

/// What the program has to be able to do. The verifier takes out what it need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each is a constant of its own in the program.
pub struct Features {
    /// A member may leave by another interface than its packets came in on.
    pub redirect: bool,
    /// VLAN tags are read, and written where a member needs them.
    pub vlan: bool,
    /// A service is IPv6.
    pub ipv6: bool,
    /// A service has all ports, or all protocols.
    pub any: bool,
    /// Frames may come in several buffers.
    pub jumbo: bool,
    /// A slot may be tracked.
    pub track: bool,
    /// In a service a client's flows share a slot.
    pub source: bool,
    /// In a service every flow is remembered.
    pub remember: bool,
    /// In a service packets are passed to the node while no agent lives.
    pub heartbeat: bool,
    /// A VIP is in the VLANs of a list of its own.
    pub vlan_lists: bool,
    /// A pool has forward mode `dscp`.
    pub dscp: bool,
    /// A pool has a forward mode that encapsulates.
    pub encapsulation: bool,
    /// A backend may have several next hops.
    pub multipath: bool,
}

impl Features {
    /// All of them.
    pub const ALL: Self = Self {
        redirect: true,
        vlan: true,
        ipv6: true,
        any: true,
        jumbo: true,
        track: true,
        source: true,
        remember: true,
        heartbeat: true,
        vlan_lists: true,
        dscp: true,
        encapsulation: true,
        multipath: true,
    };
    /// None of them.
    pub const NONE: Self = Self {
        redirect: false,
        vlan: false,
        ipv6: false,
        any: false,
        jumbo: false,
        track: false,
        source: false,
        remember: false,
        heartbeat: false,
        vlan_lists: false,
        dscp: false,
        encapsulation: false,
        multipath: false,
    };

    /// Each with the name of its constant.
    pub(super) fn constants(self) -> [(&'static str, bool); 13] {
        [
            (names::FEATURE_REDIRECT, self.redirect),
            (names::FEATURE_VLAN, self.vlan),
            (names::FEATURE_IPV6, self.ipv6),
            (names::FEATURE_ANY, self.any),
            (names::FEATURE_JUMBO, self.jumbo),
            (names::FEATURE_TRACK, self.track),
            (names::FEATURE_SOURCE, self.source),
            (names::FEATURE_REMEMBER, self.remember),
            (names::FEATURE_HEARTBEAT, self.heartbeat),
            (names::FEATURE_VLAN_LISTS, self.vlan_lists),
            (names::FEATURE_DSCP, self.dscp),
            (names::FEATURE_ENCAPSULATION, self.encapsulation),
            (names::FEATURE_MULTIPATH, self.multipath),
        ]
    }
}
