//! How the backends of a service are checked, as the operator wrote it.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use super::{Service, ServiceId, Tls, Weight};

/// How backends are checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// The check of each service that has one.
    pub services: BTreeMap<ServiceId, Arc<Check>>,
    /// The same for the backends of its fallback.
    pub fallbacks: BTreeMap<ServiceId, Arc<Check>>,
    /// Of each pool that has it, by name: where its backends say themselves what they can take.
    pub agents: BTreeMap<String, Arc<AgentCheck>>,
}

impl Checks {
    /// The check of a backend, known by its address, seen from a service.
    pub fn of(&self, service: &Service, backend: IpAddr) -> Option<&Arc<Check>> {
        let checks = if service.is_standby(backend) { &self.fallbacks } else { &self.services };
        checks.get(&service.id)
    }
}

/// Where a backend says itself what it can take: a TCP port at its own address that answers a line of words
/// (`HAProxy`, configuration manual, `agent-check`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCheck {
    /// The port.
    pub port: NonZeroU16,
    /// From one question to the next.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// What is sent when the connection is open; nothing where it answers unasked.
    pub send: Option<String>,
}

/// What a backend said of itself. What an answer does not speak of stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentReport {
    /// The share of its weight that it wants, in percent.
    pub percent: u16,
    /// Whether it wants no new flows, whatever its weight: `drain` or `maint`, until `ready`.
    pub drains: bool,
    /// Whether it says that it is down: `down`, `failed` or `stopped`, until `up`.
    pub is_down: bool,
}

impl Default for AgentReport {
    fn default() -> Self {
        Self { percent: 100, drains: false, is_down: false }
    }
}

impl AgentReport {
    /// What is left of a weight; no weight is lost by rounding.
    pub fn applied_to(self, weight: Weight) -> Weight {
        let share = u32::from(weight.get()) * u32::from(self.percent);
        let rounded = share.div_ceil(100).min(Weight::MAX.into()) as u16;
        if self.drains { Weight::ZERO } else { Weight::new(rounded).unwrap_or(weight) }
    }
}

impl fmt::Display for AgentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_down, self.drains) {
            (true, _) => f.write_str("down"),
            (false, true) => f.write_str("drain"),
            (false, false) => write!(f, "{}%", self.percent),
        }
    }
}

/// The check of one service's backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is asked, and which answer is right.
    pub probe: Probe,
    /// The port that is asked, on the VIP.
    pub port: NonZeroU16,
    /// From one probe to the next; what is added or taken off by chance comes on top.
    pub interval: Duration,
    /// How long a probe may take.
    pub timeout: Duration,
    /// So many probes in a row have to pass before a backend is up again.
    pub rise: NonZeroU32,
    /// So many probes in a row have to fail before a backend is down.
    pub fall: NonZeroU32,
    /// With fewer backends up, all of them are used.
    pub min_healthy: MinHealthy,
    /// What becomes of the flows of a backend that goes down.
    pub on_down: OnDown,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether a TCP connection is taken.
    Tcp,
    /// For a page.
    Http(Http),
    /// For a record, by UDP.
    Dns(Dns),
    /// A program that the operator wrote.
    Command(Vec<String>),
}

impl Probe {
    /// What YAML calls it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http(Http { tls: None, .. }) => "http",
            Self::Http(_) => "https",
            Self::Dns(_) => "dns",
            Self::Command(_) => "command",
        }
    }
}

/// A question for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Whether and how it is asked through TLS.
    pub tls: Option<Tls>,
    /// The method, like GET.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The host that is asked for; the VIP where none is written.
    pub host: Option<String>,
    /// The status codes that are right.
    pub status: Vec<RangeInclusive<u16>>,
    /// What the page has to contain.
    pub body: Option<String>,
}

/// A question for a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// The name, as it is asked for.
    pub name: String,
    /// The type of the record.
    pub kind: DnsType,
    /// What a record of the answer has to be, as `dig +short` prints it; any answer without an error is right where
    /// this is not written.
    pub expect: Option<String>,
}

/// A type of DNS records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::upper_case_acronyms)] // As RFC 1035 writes them.
#[allow(missing_docs)]
pub enum DnsType {
    A,
    AAAA,
    CNAME,
    MX,
    NS,
    PTR,
    SOA,
    SRV,
    TXT,
}

/// With fewer backends up than this, all of a pool are used: what is left of them would be overrun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinHealthy {
    /// This many; with zero, none is used where none is up.
    Count(u32),
    /// This share of those that have a weight, in percent.
    Percent(u8),
}

impl MinHealthy {
    /// Whether `up` of `all` backends are fewer.
    pub const fn is_missed(self, up: usize, all: usize) -> bool {
        match self {
            Self::Count(count) => up < count as usize,
            Self::Percent(percent) => up * 100 < all * percent as usize,
        }
    }
}

impl Default for MinHealthy {
    fn default() -> Self {
        Self::Count(0)
    }
}

/// What becomes of the flows of a backend that goes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDown {
    /// They move where the host is gone, and stay where it is there and only the check fails.
    #[default]
    Auto,
    /// They stay, as with a backend that drains.
    Keep,
    /// They move to other backends.
    Move,
}

/// Why a backend does not pass its check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// It does not answer at its own address either.
    HostDown,
    /// It takes the VIP's packets, and refuses them or answers wrongly.
    ApplicationDown,
    /// It answers at its own address, and nothing at the VIP.
    VipMissing,
    /// It answers at its own address, and nothing at the VIP through the tunnel: the tunnel does not end there, or it does not
    /// hold the VIP.
    NoDecap,
    /// It, or its firewall, refuses the packets of the tunnel: ICMP protocol or port unreachable.
    TunnelRefused,
    /// Small packets through the tunnel arrive, and those as large as the path MTU has it do not.
    Mtu,
    /// It holds the VIP, and its answers from there, or the packets to that port, get lost.
    ReplyLost,
    /// It tells the network that the VIP is at its MAC.
    ArpLeak,
    /// It never had a MAC.
    NoNeighbour,
    /// It passes its check, or has none, and says itself that it is down.
    ReportedDown,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::HostDown,
        Self::ApplicationDown,
        Self::VipMissing,
        Self::NoDecap,
        Self::TunnelRefused,
        Self::Mtu,
        Self::ReplyLost,
        Self::ArpLeak,
        Self::NoNeighbour,
        Self::ReportedDown,
    ];

    /// The name as metrics and messages have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HostDown => "host-down",
            Self::ApplicationDown => "application-down",
            Self::VipMissing => "vip-missing",
            Self::NoDecap => "no-decap",
            Self::TunnelRefused => "tunnel-refused",
            Self::Mtu => "mtu",
            Self::ReplyLost => "reply-lost",
            Self::ArpLeak => "arp-leak",
            Self::NoNeighbour => "no-neighbour",
            Self::ReportedDown => "reported-down",
        }
    }

    /// Whether nothing that is sent to the backend can be answered.
    pub const fn is_of_the_host(self) -> bool {
        matches!(self, Self::HostDown | Self::NoNeighbour)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One backend seen from one service: what is checked.
pub type Checked = (ServiceId, IpAddr);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_are_fewer_than_asked_for() {
        assert!(!MinHealthy::default().is_missed(0, 3));
        assert!(MinHealthy::Count(2).is_missed(1, 3) && !MinHealthy::Count(2).is_missed(2, 3));
        assert!(MinHealthy::Percent(50).is_missed(1, 3) && !MinHealthy::Percent(50).is_missed(2, 4));
    }

    #[test]
    fn a_word_scales_a_weight() {
        let of = |percent, weight| {
            AgentReport { percent, ..AgentReport::default() }.applied_to(Weight::new(weight).unwrap()).get()
        };
        assert_eq!([of(75, 100), of(1, 10), of(100, 7), of(0, 100), of(50, 0)], [75, 1, 7, 0, 0]);
        assert_eq!(of(256, 1000), Weight::MAX, "no weight is larger");
        let drains = AgentReport { drains: true, ..AgentReport::default() };
        assert_eq!((drains.applied_to(Weight::DEFAULT), drains.to_string()), (Weight::ZERO, "drain".to_owned()));
    }
}
