//! The programs that are measured, and what each must do with a frame.

use anyhow::Context as _;
use aya::{
    Ebpf,
    programs::{ProgramFd, Xdp},
};
use dsr::{
    datapath::{Datapath, Features},
    model::OnAgentDeath::{self, Keep, Pass},
};

use crate::{
    floors::FLOORS,
    inspect::{self, Inspection},
    scenario,
};

/// One program.
pub(crate) struct Subject {
    /// What the report calls it.
    pub(crate) name: &'static str,
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
    /// Sends it to any of the backends.
    Balance,
    /// Sends it to the backend that the tables name.
    Follow(Box<Datapath>),
}

/// What all numbers are net of.
pub(crate) const BASE: &str = FLOORS[0];
/// What the product is compared with.
pub(crate) const STOCK: &str = FLOORS[1];
/// The program as it runs with one interface, untagged frames and no jumbo frames.
pub(crate) const RELEASED: &str = "dsr";

const NONE: Features = Features::NONE;

/// The product: its name, its features, how many of a hundred slots are tracked, and what its service does without an
/// agent, which lives.
const VARIANTS: [(&str, Features, u32, OnAgentDeath); 11] = [
    (RELEASED, NONE, 0, Keep),
    ("dsr+redirect", Features { redirect: true, ..NONE }, 0, Keep),
    ("dsr+vlan", Features { vlan: true, ..NONE }, 0, Keep),
    ("dsr+ipv6", Features { ipv6: true, ..NONE }, 0, Keep),
    ("dsr+any", Features { any: true, ..NONE }, 0, Keep),
    ("dsr+jumbo", Features { jumbo: true, ..NONE }, 0, Keep),
    ("dsr+track", Features { track: true, ..NONE }, 0, Keep),
    ("dsr 10% tracked", Features { track: true, ..NONE }, 10, Keep),
    ("dsr all tracked", Features { track: true, ..NONE }, 100, Keep),
    ("dsr pass", Features { heartbeat: true, ..NONE }, 0, Pass),
    ("dsr+all", Features::ALL, 0, Keep),
];

impl Subject {
    /// The floors first, then the product. Where `only` names some, those beside what all are compared with.
    pub(crate) fn all(floors: &Ebpf, only: &[String]) -> anyhow::Result<Vec<Self>> {
        let names: Vec<_> = FLOORS.into_iter().chain(VARIANTS.map(|(name, ..)| name)).collect();
        if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
            anyhow::bail!("no program is called {unknown}: write one of {}", names.join(", "));
        }
        let wanted =
            |name: &str| [BASE, STOCK].contains(&name) || only.is_empty() || only.iter().any(|one| one == name);
        let mut subjects = Vec::new();
        for name in FLOORS.into_iter().filter(|name| wanted(name)) {
            let program: &Xdp = floors.program(name).with_context(|| format!("no program {name}"))?.try_into()?;
            let duty = if name == BASE { Duty::Reflect } else { Duty::Balance };
            subjects.push(Self::new(name, program, duty)?);
        }
        for (name, features, tracked, dead) in VARIANTS.into_iter().filter(|(name, ..)| wanted(name)) {
            let datapath =
                scenario::datapath(features, tracked, dead).with_context(|| format!("cannot load {name}"))?;
            let program = datapath.program()?.fd()?.try_clone()?;
            let inspection = inspect::program(datapath.program()?)?;
            subjects.push(Self { name, program, duty: Duty::Follow(Box::new(datapath)), inspection });
        }
        Ok(subjects)
    }

    fn new(name: &'static str, program: &Xdp, duty: Duty) -> anyhow::Result<Self> {
        Ok(Self { name, program: program.fd()?.try_clone()?, duty, inspection: inspect::program(program)? })
    }
}
