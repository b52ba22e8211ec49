//! Parts of the page that a program under test may lack, so that the rest of it can be compared.

/// A part of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// IPv6 and neighbour discovery; without it IPv6 is no IP at all.
    Ipv6,
    /// A second VLAN tag.
    TwoTags,
    /// Fragments that follow their first; without it `drop_fragment`.
    Fragments,
    /// ICMP errors that reach the flow's backend, and a count of cut messages.
    IcmpErrors,
    /// SCTP, and services on any port or protocol.
    MoreProtocols,
    /// Frames that came back from a backend.
    LoopGuard,
    /// Echo requests that claim to come from a VIP are dropped.
    EchoFromVip,
}

/// Parts that the program does not have yet.
pub const MISSING: &[Part] = &[
    Part::Ipv6,
    Part::TwoTags,
    Part::Fragments,
    Part::IcmpErrors,
    Part::MoreProtocols,
    Part::LoopGuard,
    Part::EchoFromVip,
];

impl Part {
    /// Every part, with the name that fixtures have for it.
    pub const ALL: [(&'static str, Self); 7] = [
        ("ipv6", Self::Ipv6),
        ("two tags", Self::TwoTags),
        ("fragments", Self::Fragments),
        ("icmp errors", Self::IcmpErrors),
        ("more protocols", Self::MoreProtocols),
        ("loop guard", Self::LoopGuard),
        ("echo from vip", Self::EchoFromVip),
    ];
}
