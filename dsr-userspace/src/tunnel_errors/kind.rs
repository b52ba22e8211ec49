//! Kinds of ICMP errors about a tunnel's packets, the same for ICMP and `ICMPv6`.

/// What a router or the backend says of an outer packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// No route leads to the backend's network.
    NetUnreachable,
    /// The backend does not answer its last router.
    HostUnreachable,
    /// The backend does not know the outer protocol.
    ProtocolUnreachable,
    /// Nothing at the backend listens at the outer UDP port.
    PortUnreachable,
    /// A filter or a policy forbids the packet.
    Prohibited,
    /// The packet is larger than a link on the path takes.
    TooBig,
    /// The packet has passed too many routers.
    TimeExceeded,
    /// Any other error.
    Other,
}

impl ErrorKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 8] = [
        Self::NetUnreachable,
        Self::HostUnreachable,
        Self::ProtocolUnreachable,
        Self::PortUnreachable,
        Self::Prohibited,
        Self::TooBig,
        Self::TimeExceeded,
        Self::Other,
    ];

    pub(super) const FIRST: Self = Self::NetUnreachable;
    pub(super) const LAST: Self = Self::Other;

    /// The kind of an ICMP message (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1); nothing for what is no
    /// error about a packet.
    pub(super) const fn of_icmp(kind: u8, code: u8) -> Option<Self> {
        Some(match (kind, code) {
            (UNREACHABLE, 0 | 6 | 11) => Self::NetUnreachable,
            (UNREACHABLE, 1 | 7 | 8 | 12) => Self::HostUnreachable,
            (UNREACHABLE, 2) => Self::ProtocolUnreachable,
            (UNREACHABLE, 3) => Self::PortUnreachable,
            (UNREACHABLE, 4) => Self::TooBig,
            (UNREACHABLE, 9 | 10 | 13) => Self::Prohibited,
            (TIME_EXCEEDED, _) => Self::TimeExceeded,
            (UNREACHABLE | PARAMETER_PROBLEM, _) => Self::Other,
            _ => return None,
        })
    }

    /// The same for `ICMPv6` (RFC 4443). It has no "protocol unreachable": hosts report an unrecognized next header.
    pub(super) const fn of_icmpv6(kind: u8, code: u8) -> Option<Self> {
        Some(match (kind, code) {
            (UNREACHABLE6, 0) => Self::NetUnreachable,
            (UNREACHABLE6, 1 | 5 | 6) => Self::Prohibited,
            (UNREACHABLE6, 3) => Self::HostUnreachable,
            (UNREACHABLE6, 4) => Self::PortUnreachable,
            (TOO_BIG6, _) => Self::TooBig,
            (TIME_EXCEEDED6, _) => Self::TimeExceeded,
            (PARAMETER_PROBLEM6, 1) => Self::ProtocolUnreachable,
            (UNREACHABLE6 | PARAMETER_PROBLEM6, _) => Self::Other,
            _ => return None,
        })
    }

    /// The value of the metric's label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NetUnreachable => "net-unreachable",
            Self::HostUnreachable => "host-unreachable",
            Self::ProtocolUnreachable => "protocol-unreachable",
            Self::PortUnreachable => "port-unreachable",
            Self::Prohibited => "prohibited",
            Self::TooBig => "too-big",
            Self::TimeExceeded => "time-exceeded",
            Self::Other => "other",
        }
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NetUnreachable => "give the router that reports it a route to the backend",
            Self::HostUnreachable => "start the backend, or correct its address or that of the route to it",
            Self::ProtocolUnreachable | Self::PortUnreachable => {
                "run `dsr backend run` on the backend with this tunnel in its `accept`, or `dsr backend setup` for its \
                 kernel's own tunnel"
            }
            Self::Prohibited => "let firewalls on the path and on the backend pass the tunnel",
            Self::TooBig => "set the metric `mtu` of this node's route to the backend to the path's MTU, or raise that",
            Self::TimeExceeded => "look for a routing loop with `traceroute` from this node to the backend",
            Self::Other => "capture it with `tcpdump -v icmp or icmp6`",
        }
    }
}

/// Types of ICMP and of `ICMPv6` that are errors about a packet.
pub(super) const ERRORS: [u8; 3] = [UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM];
pub(super) const ERRORS6: [u8; 4] = [UNREACHABLE6, TOO_BIG6, TIME_EXCEEDED6, PARAMETER_PROBLEM6];

const UNREACHABLE: u8 = 3;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;

const UNREACHABLE6: u8 = 1;
const TOO_BIG6: u8 = 2;
const TIME_EXCEEDED6: u8 = 3;
const PARAMETER_PROBLEM6: u8 = 4;
