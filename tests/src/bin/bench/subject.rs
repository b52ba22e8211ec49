//! The programs that are measured, and what each must do with a frame.

use std::num::NonZeroU16;

use anyhow::Context as _;
use aya::{
    Ebpf,
    programs::{ProgramFd, Xdp},
};
use dsr::{
    datapath::{Datapath, Features},
    model::{
        DscpCode, Forward, GueVariant,
        OnAgentDeath::{Keep, Pass},
        OuterSources,
    },
};

use dsr_common::{address::Family, forward::GUE_PORT};

use crate::{
    backend, floors,
    inspect::{self, Inspection},
    scenario::{
        self,
        Leave::{self, Across, OtherInterface, Tagged, Untagged},
        Scenario,
    },
    traffic::Headers,
};

/// One program, and the frames that it is measured with.
pub(crate) struct Subject {
    /// What the report calls it.
    pub(crate) name: &'static str,
    /// The frames' headers.
    pub(crate) headers: Headers,
    /// The subject whose cost is taken off.
    pub(crate) base: &'static str,
    /// The subject that it is compared with.
    pub(crate) stock: &'static str,
    /// For a jump to it.
    pub(crate) program: ProgramFd,
    /// What it does with a frame.
    pub(crate) duty: Duty,
    /// What became of it in the kernel.
    pub(crate) inspection: Inspection,
}

/// What a program does with a frame.
pub(crate) enum Duty {
    /// Sends it back as it is.
    Reflect,
    /// Sends it back longer, with anything before it.
    Grow,
    /// Sends it by another interface as it is.
    Divert,
    /// Sends it to any of the backends.
    Balance,
    /// Sends it to the backend that the tables name, and so.
    Follow(Box<Datapath>, Leave),
    /// Gives it to the host as the client sent it.
    Receive,
}

/// What forward modes are measured with.
const DSCP: Forward = Forward::Dscp(CODE);
/// The VIP's code.
pub(crate) const CODE: DscpCode = DscpCode::new(8).unwrap();
const SOURCES: OuterSources = OuterSources { ipv4: None, ipv6: None };
const IPIP: Forward = Forward::Ipip(SOURCES);
const GRE: Forward = Forward::Gre { key: None, sources: SOURCES };
const GUE: Forward =
    Forward::Gue { port: NonZeroU16::new(GUE_PORT).unwrap(), variant: GueVariant::One, sources: SOURCES };

/// A program of the benchmark's object, and frames that it is measured with: name, program, and what it does.
type Floor = (&'static str, &'static str, Headers, fn() -> Duty);

/// The floors. `tx` with each kind of frames is what is taken off of what others cost with the same.
const FLOORS: [Floor; 13] = [
    ("tx", "tx", V4, || Duty::Reflect),
    ("stock", "stock", V4, || Duty::Balance),
    ("lru", "lru", V4, || Duty::Balance),
    ("tx ipv6", "tx", V6, || Duty::Reflect),
    ("stock ipv6", "stock6", V6, || Duty::Balance),
    ("tx tag", "tx", V4.tagged(), || Duty::Reflect),
    ("tx tag out", "tx", V4.resized(), || Duty::Reflect),
    ("head", "head", V4.resized(), || Duty::Grow),
    ("redirect", "redirect", V4, || Duty::Divert),
    ("tx received", "tx", V4.across(DSCP), || Duty::Reflect),
    ("tx tunnel", "tx", V4.resized().across(IPIP), || Duty::Reflect),
    ("tx tag in", "tx", V4.tagged().resized(), || Duty::Reflect),
    ("tx ipv6 tag", "tx", V6.tagged(), || Duty::Reflect),
];

const V4: Headers = Headers::IPV4;
const V6: Headers = Headers::IPV6;

/// The program as the agent loads it for an ordinary file: one interface, TCP or UDP on a port of an IPv4 VIP.
pub(crate) const RELEASED: &str = "dsr";
/// The same for an IPv6 VIP.
pub(crate) const RELEASED6: &str = "dsr ipv6";

const NONE: Features = Features::NONE;
const ORDINARY: Features = Features { vlan: true, track: true, ..NONE };

/// The product: its name, the frames, how they leave, the features that it is loaded with, and how many of a hundred slots
/// are tracked.
const VARIANTS: [(&str, Headers, Leave, Features, u32); 24] = [
    (RELEASED, V4, Untagged, ORDINARY, 0),
    ("dsr other interface", V4, OtherInterface, Features { redirect: true, ..ORDINARY }, 0),
    ("dsr tag", V4.tagged(), Tagged, ORDINARY, 0),
    ("dsr tag in", V4.tagged().resized(), Untagged, ORDINARY, 0),
    ("dsr tag out", V4.resized(), Tagged, ORDINARY, 0),
    ("dsr dscp", V4, Across(DSCP), Features { dscp: true, ..ORDINARY }, 0),
    ("dsr ipip", V4.resized(), Across(IPIP), Features { encapsulation: true, ..ORDINARY }, 0),
    ("dsr gre", V4.resized(), Across(GRE), Features { encapsulation: true, ..ORDINARY }, 0),
    ("dsr gue", V4.resized(), Across(GUE), Features { encapsulation: true, ..ORDINARY }, 0),
    (RELEASED6, V6, Untagged, Features { ipv6: true, ..ORDINARY }, 0),
    ("dsr ipv6 tag", V6.tagged(), Tagged, Features { ipv6: true, ..ORDINARY }, 0),
    ("dsr bare", V4, Untagged, NONE, 0),
    ("dsr+redirect", V4, Untagged, Features { redirect: true, ..NONE }, 0),
    ("dsr+vlan", V4, Untagged, Features { vlan: true, ..NONE }, 0),
    ("dsr+ipv6", V4, Untagged, Features { ipv6: true, ..NONE }, 0),
    ("dsr+any", V4, Untagged, Features { any: true, ..NONE }, 0),
    ("dsr+jumbo", V4, Untagged, Features { jumbo: true, ..NONE }, 0),
    ("dsr+track", V4, Untagged, Features { track: true, ..NONE }, 0),
    ("dsr 1% tracked", V4, Untagged, ORDINARY, 1),
    ("dsr 10% tracked", V4, Untagged, ORDINARY, 10),
    ("dsr all tracked", V4, Untagged, ORDINARY, 100),
    (PASSING, V4, Untagged, Features { heartbeat: true, ..ORDINARY }, 0),
    ("dsr+all", V4, Untagged, Features::ALL, 0),
    ("dsr+all ipv6", V6, Untagged, Features::ALL, 0),
];

/// A backend's program: its name, and the frames.
const BACKENDS: [(&str, Headers); 5] = [
    ("backend pass", V4),
    ("backend dscp", V4.across(DSCP)),
    ("backend ipip", V4.resized().across(IPIP)),
    ("backend gre", V4.resized().across(GRE)),
    ("backend gue", V4.resized().across(GUE)),
];

/// The one whose services are passed to the node without an agent. It lives.
const PASSING: &str = "dsr pass";

impl Subject {
    /// The floors first, then the product. Where `only` names some, those, and what they are compared with.
    pub(crate) fn all(floors: &Ebpf, only: &[String]) -> anyhow::Result<Vec<Self>> {
        let variants = VARIANTS.map(|(name, headers, ..)| (name, headers));
        let product = || variants.into_iter().chain(BACKENDS);
        let names: Vec<_> = FLOORS.map(|(name, ..)| name).into_iter().chain(product().map(|(name, _)| name)).collect();
        if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
            anyhow::bail!("no program is called {unknown}: write one of {}", names.join(", "));
        }
        let asked = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
        let asked_headers: Vec<_> = FLOORS
            .map(|(name, _, headers, _)| (name, headers))
            .into_iter()
            .chain(product())
            .filter_map(|(name, headers)| asked(name).then_some(headers))
            .collect();
        let plain = |headers: Headers| if headers.family == Family::V4 { V4 } else { V6 };
        let needed: Vec<_> =
            asked_headers.iter().flat_map(|headers| [base(*headers), stock(*headers), base(plain(*headers))]).collect();
        let wanted = |name: &str| asked(name) || needed.contains(&name);
        let mut subjects = Vec::new();
        for (name, program, headers, duty) in FLOORS.into_iter().filter(|(name, ..)| wanted(name)) {
            let program: &Xdp = floors.program(program).with_context(|| format!("no program {program}"))?.try_into()?;
            subjects.push(Self::new(name, headers, program, duty())?);
        }
        for (name, headers, leave, features, tracked) in VARIANTS.into_iter().filter(|(name, ..)| wanted(name)) {
            let on_agent_death = if name == PASSING { Pass } else { Keep };
            let scenario = Scenario { features, family: headers.family, leave, tracked, on_agent_death };
            let datapath = scenario::datapath(scenario).with_context(|| format!("cannot load {name}"))?;
            let program = datapath.program()?.fd()?.try_clone()?;
            let inspection = inspect::program(datapath.program()?)?;
            let (base, stock) = (base(headers), stock(headers));
            let duty = Duty::Follow(Box::new(datapath), leave);
            subjects.push(Self { name, headers, base, stock, program, duty, inspection });
        }
        for (name, headers) in BACKENDS.into_iter().filter(|(name, _)| wanted(name)) {
            let loaded = backend::load().with_context(|| format!("cannot load {name}"))?;
            let program = loaded.program()?.fd()?.try_clone()?;
            let inspection = inspect::program(loaded.program()?)?;
            let (base, stock) = (base(headers), stock(headers));
            let duty = Duty::Receive;
            subjects.push(Self { name, headers, base, stock, program, duty, inspection });
        }
        Ok(subjects)
    }

    fn new(name: &'static str, headers: Headers, program: &Xdp, duty: Duty) -> anyhow::Result<Self> {
        let (base, stock) = (base(headers), stock(headers));
        let inspection = inspect::program(program)?;
        Ok(Self { name, headers, base, stock, program: program.fd()?.try_clone()?, duty, inspection })
    }

    /// Whether others are measured net of it.
    pub(crate) fn is_base(&self) -> bool {
        self.name == self.base
    }
}

/// What costs with these headers are net of. `tx` does not look at them: one row serves all tunnels.
fn base(headers: Headers) -> &'static str {
    let across = headers.across.map(|forward| if headers.resized { IPIP } else { forward });
    let headers = Headers { across, ..headers };
    FLOORS.iter().find(|floor| floor.1 == floors::BASE && floor.2 == headers).map_or(floors::BASE, |floor| floor.0)
}

/// What a program is compared with: the balancer of the same family with stock maps.
fn stock(headers: Headers) -> &'static str {
    match headers.family {
        Family::V4 => "stock",
        Family::V6 => "stock ipv6",
    }
}
