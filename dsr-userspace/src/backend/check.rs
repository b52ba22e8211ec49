//! What can be wrong with a backend: a stable name, what it means, and the command that fixes it on Linux.

/// One thing that a check script looks at. The names are printed by the scripts of every system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// The VIP is an address of the backend.
    VipHeld,
    /// The VIP is on an interface that tells the network about it.
    VipElsewhere,
    /// The VIP is there with a prefix that makes other addresses local.
    VipPrefix,
    /// The backend answers ARP for addresses of other interfaces.
    ArpIgnore,
    /// The backend may ask by ARP from the VIP.
    ArpAnnounce,
    /// Strict reverse path filtering drops clients.
    RpFilter,
    /// IPv6 is off where the VIP is.
    Ipv6Enabled,
    /// Neighbour solicitations for the VIP are answered by proxy.
    NdpProxy,
    /// Nothing listens on the service's port.
    PortListening,
    /// What is set now would not outlast a restart.
    Persisted,
    /// The rule that turns the VIP's packets to the backend's address is not there.
    NatRule,
    /// No device takes off the headers of a tunnel.
    Tunnel,
    /// No rule turns a DSCP code back into its VIP.
    DscpRule,
    /// The system drops packets for an address of another interface.
    StrongHost,
    /// Windows: the loopback adapter is not there.
    Adapter,
    /// Windows: an interface takes no packets for addresses of others.
    WeakHostReceive,
    /// Windows: the loopback adapter's answers may not leave by another interface.
    WeakHostSend,
    /// Windows: the loopback adapter asks whether the VIP is taken.
    DuplicateDetection,
    /// Windows: file sharing or the Microsoft client is bound to the loopback adapter.
    Bindings,
    /// Windows: the loopback adapter registers its addresses in DNS.
    DnsRegistration,
    /// Windows: the server's name leads to the VIP.
    DnsName,
    /// Windows: no firewall rule lets the service's port through.
    Firewall,
}

impl Check {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::VipHeld,
        Self::VipElsewhere,
        Self::VipPrefix,
        Self::ArpIgnore,
        Self::ArpAnnounce,
        Self::RpFilter,
        Self::Ipv6Enabled,
        Self::NdpProxy,
        Self::PortListening,
        Self::Persisted,
        Self::NatRule,
        Self::Tunnel,
        Self::DscpRule,
        Self::StrongHost,
        Self::Adapter,
        Self::WeakHostReceive,
        Self::WeakHostSend,
        Self::DuplicateDetection,
        Self::Bindings,
        Self::DnsRegistration,
        Self::DnsName,
        Self::Firewall,
    ];

    /// The name, as scripts print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VipHeld => "vip-held",
            Self::VipElsewhere => "vip-elsewhere",
            Self::VipPrefix => "vip-prefix",
            Self::ArpIgnore => "arp-ignore",
            Self::ArpAnnounce => "arp-announce",
            Self::RpFilter => "rp-filter",
            Self::Ipv6Enabled => "ipv6-enabled",
            Self::NdpProxy => "ndp-proxy",
            Self::PortListening => "port-listening",
            Self::Persisted => "persisted",
            Self::NatRule => "nat-rule",
            Self::Tunnel => "tunnel",
            Self::DscpRule => "dscp-rule",
            Self::StrongHost => "strong-host",
            Self::Adapter => "adapter",
            Self::WeakHostReceive => "weak-host-receive",
            Self::WeakHostSend => "weak-host-send",
            Self::DuplicateDetection => "duplicate-detection",
            Self::Bindings => "bindings",
            Self::DnsRegistration => "dns-registration",
            Self::DnsName => "dns-name",
            Self::Firewall => "firewall",
        }
    }

    /// The check of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.name() == name)
    }

    /// The command that fixes it on a Linux backend. `subject` is what the fault is about: the VIP with its prefix
    /// (`192.0.2.10/32`), or the interface. Where no one command fixes it, the set-up run again does.
    pub fn remedy(self, subject: &str) -> String {
        match self {
            Self::VipHeld => format!("ip address add {subject} dev lo"),
            Self::VipElsewhere => format!("ip address del {subject}, on the interface that has it"),
            Self::ArpIgnore => format!("sysctl -w net/ipv4/conf/{subject}/arp_ignore=1"),
            Self::ArpAnnounce => format!("sysctl -w net/ipv4/conf/{subject}/arp_announce=2"),
            Self::RpFilter => format!("sysctl -w net/ipv4/conf/{subject}/rp_filter=2"),
            Self::Ipv6Enabled => format!("sysctl -w net/ipv6/conf/{subject}/disable_ipv6=0"),
            Self::NdpProxy => format!("ip -6 neighbour del proxy {subject}, on the interface that has it"),
            _ => "run the set-up again".to_owned(),
        }
    }
}
