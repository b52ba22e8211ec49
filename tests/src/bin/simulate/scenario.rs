//! What is simulated: clusters, what changes in them, and which designs are compared.

use crate::{
    design::{Design, Sharing, Tracking, Without},
    ecmp::Spread,
    workload::Workload,
};

/// One cluster and what happens to it.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// What happens, in words.
    pub(crate) name: &'static str,
    pub(crate) balancers: usize,
    pub(crate) backends: usize,
    pub(crate) spread: Spread,
    /// What happens to backends, in turn.
    pub(crate) changes: &'static [Kind],
    pub(crate) rolling: Rolling,
    /// SYNs of strangers a second, for a while around a change.
    pub(crate) flood_per_second: f64,
    pub(crate) workload: Workload,
}

/// When balancers go and come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rolling {
    /// They stay.
    Never,
    /// One after the other, at times of their own.
    Apart,
    /// One after the other, while the others learn of a change of the pool.
    Together,
}

/// One kind of change of the pool. It strikes a hundredth of the backends, one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// New backends take the place of those that are gone, or come beside the others.
    Join,
    /// Backends get no new flows, and stop after [`crate::churn::DRAIN_SECONDS`].
    Drain,
    /// Backends get another weight.
    Reweight,
    /// Backends die with their flows, and come back empty.
    Crash,
    /// A health check calls backends dead that are not.
    FalseAlarm,
    /// The same where they keep their flows (`on_down: keep`) and get no new ones.
    KeptAlarm,
}

/// What happens to a pool in daily work.
pub(crate) const DAILY: &[Kind] = &[Kind::Drain, Kind::Reweight, Kind::Crash, Kind::Join];

/// SYNs of a flood: many for each flow that is meant.
const FLOOD_PER_SECOND: f64 = 5000.0;

/// Bytes in which this design has room for all that it must remember, but where a table grows.
const ROOMY: usize = 512 << 10;

/// Bytes for flows: what the designs are compared with.
pub(crate) const DESIGNS: [Design; 5] = [
    Design::Maglev,
    Design::Lru(512 << 10),
    Design::Lru(16 << 20),
    Design::Dsr(Tracking::with_bytes(32 << 10)),
    Design::Dsr(Tracking::with_bytes(ROOMY)),
];

/// Bytes in which it has room for it in a table that grows too.
pub(crate) const AMPLE: usize = 4 << 20;

/// What is compared in clusters.
pub(crate) const CLUSTERED: [Design; 8] = [
    Design::Maglev,
    Design::Lru(16 << 20),
    Design::Jet(16 << 20),
    Design::Beamer,
    SYNCHRONISED,
    Design::Dsr(Tracking::with_bytes(ROOMY)),
    Design::Shared(Tracking::with_bytes(ROOMY), Sharing::PROMPT),
    SHARED,
];
/// Those of them that tell each other something, and whose bytes are compared.
pub(crate) const SYNCHRONISED: Design = Design::Ipvs(16 << 20);
pub(crate) const SHARED: Design = shared(Sharing::PROMPT);

/// The shared memory with slow and bad networks, and without parts of it.
pub(crate) const PARTS: [(&str, Design); 10] = [
    ("10 ms", SHARED),
    ("100 ms", shared(Sharing { delay: 100, ..Sharing::PROMPT })),
    ("1 s", shared(Sharing { delay: 1000, ..Sharing::PROMPT })),
    ("10 s", shared(Sharing { delay: 10_000, ..Sharing::PROMPT })),
    ("1 % lost", shared(Sharing { loss: 1, ..Sharing::PROMPT })),
    ("10 % lost", shared(Sharing { loss: 10, ..Sharing::PROMPT })),
    ("no SYNs", without(Without::Syns)),
    ("no repetition", without(Without::Repetition)),
    ("no digests", without(Without::Digests)),
    ("no snapshot", without(Without::Snapshot)),
];

const fn shared(sharing: Sharing) -> Design {
    Design::Shared(Tracking::with_bytes(AMPLE), sharing)
}

const fn without(part: Without) -> Design {
    shared(Sharing { without: Some(part), ..Sharing::PROMPT })
}

/// Sizes of clusters.
pub(crate) const BALANCERS: [usize; 5] = [1, 2, 4, 8, 16];
/// Sizes of pools.
pub(crate) const BACKENDS: [usize; 4] = [10, 30, 100, 1000];
/// Values of `flow_timeout`, in seconds.
const TIMEOUTS: [u32; 7] = [30, 60, 120, 240, 480, 900, 1800];

impl Scenario {
    /// Backends change as in daily work; balancers do where there are several.
    pub(crate) fn cluster(workload: Workload, balancers: usize, backends: usize, spread: Spread) -> Self {
        Self {
            name: "daily changes",
            balancers,
            backends,
            spread,
            changes: DAILY,
            rolling: if balancers > 1 { Rolling::Apart } else { Rolling::Never },
            flood_per_second: 0.0,
            workload,
        }
    }

    /// One balancer, to which one kind of thing happens.
    pub(crate) fn kinds(workload: Workload) -> Vec<Self> {
        let alone = Self::cluster(workload, 1, 100, Spread::Resilient);
        let silent = Workload { silence_seconds: 1800.0, ..workload };
        let one = |name, changes| Self { name, changes, ..alone.clone() };
        vec![
            one("nothing changes", &[]),
            one("backends join", &[Kind::Join]),
            one("backends drain and stop", &[Kind::Drain]),
            one("backends get another weight", &[Kind::Reweight]),
            one("backends die and return", &[Kind::Crash]),
            one("backends are called dead for 10 s", &[Kind::FalseAlarm]),
            one("the same, with `on_down: keep`", &[Kind::KeptAlarm]),
            Self { backends: 40, ..one("backends join, and the table grows", &[Kind::Join]) },
            one("all but false alarms, in turn", DAILY),
            Self { flood_per_second: FLOOD_PER_SECOND, ..one("the same, and a flood of SYNs", DAILY) },
            Self { workload: silent, ..one("the same, flows silent for up to 30 min", DAILY) },
        ]
    }

    /// Every size of cluster with every size of pool.
    pub(crate) fn clusters(workload: Workload) -> Vec<Self> {
        let pools =
            |balancers: usize| BACKENDS.map(|backends| Self::cluster(workload, balancers, backends, Spread::Resilient));
        let plain = BALANCERS[1..].iter().map(|balancers| Self::cluster(workload, *balancers, 100, Spread::Plain));
        let together = [(4, 100, Spread::Resilient), (16, 10, Spread::Plain), (16, 100, Spread::Plain)];
        let together = together.map(|(balancers, backends, spread)| Self {
            rolling: Rolling::Together,
            ..Self::cluster(workload, balancers, backends, spread)
        });
        BALANCERS.into_iter().flat_map(pools).chain(plain).chain(together).collect()
    }

    /// Clusters in which balancers tell each other much.
    pub(crate) fn parts(workload: Workload) -> Vec<Self> {
        let grows = Self::cluster(workload, 4, 10, Spread::Resilient);
        let plain = Self::cluster(workload, 16, 100, Spread::Plain);
        let together = Self { rolling: Rolling::Together, ..plain.clone() };
        vec![grows, plain, together]
    }

    /// The designs that remember, with tables of many sizes.
    pub(crate) fn sizes(workload: Workload) -> (Self, Vec<Design>) {
        let bytes = || (12..=24).map(|power| 1_usize << power);
        let dsr = bytes().filter(|bytes| *bytes <= 2 << 20).map(|bytes| Design::Dsr(Tracking::with_bytes(bytes)));
        (Self::cluster(workload, 1, 100, Spread::Resilient), bytes().map(Design::Lru).chain(dsr).collect())
    }

    /// This design with many values of `flow_timeout`, in clusters that differ in how flows are moved.
    pub(crate) fn timeouts(workload: Workload) -> (Vec<Self>, Vec<Design>) {
        let cluster = |(balancers, spread)| Self::cluster(workload, balancers, 100, spread);
        let clusters = [(1, Spread::Resilient), (4, Spread::Resilient), (16, Spread::Resilient), (16, Spread::Plain)];
        let designs = TIMEOUTS.map(|timeout| Design::Dsr(Tracking { bytes: ROOMY, timeout }));
        (clusters.map(cluster).to_vec(), designs.to_vec())
    }
}
