//! Runs frames through the real program (`BPF_PROG_TEST_RUN`) and shows exactly which counters moved.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU16,
    sync::{Mutex, PoisonError},
};

use anyhow::Context as _;
use aya::{TestRun as _, programs::TestRunOptions};
use dsr::{
    arpwatch::Sighting,
    datapath::{ClaimEvents, Datapath, Features},
    model::{
        Affinity, Announce, Backend, Desired, FlowTimeout, Forward, Health, Hop, InterfaceState, Mac, Network,
        OnAgentDeath, OnEmpty, Protocol, Reach, RoutedPath, Service, ServiceId, VlanTag, Weight,
    },
    reconcile::{Layout, MemberRowId, Sizes, apply, plan},
};
use dsr_common::{
    member::MemberRow,
    stats::{Reason, Tracking},
    trace::{TraceFilter, TraceRecord},
    vlan::Vlan,
};

use crate::{
    frame::{OWN_MAC, VIP},
    heartbeat::Heartbeat,
};

/// The interface that test runs come in on: the loopback, which every namespace has.
pub const IFINDEX: u32 = 1;

/// What the program returns (`enum xdp_action` of the kernel's `bpf.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The program failed.
    Aborted,
    /// The frame is gone.
    Drop,
    /// The frame goes on to the kernel.
    Pass,
    /// The frame leaves by the interface it came in on.
    Tx,
    /// The frame leaves by another interface.
    Redirect,
}

/// What one run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The XDP action.
    pub verdict: Verdict,
    /// The frame afterwards.
    pub frame: Vec<u8>,
    /// The counters that moved, and by how much.
    pub counted: BTreeMap<Counter, u64>,
}

/// A counter of the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Frames ended for this reason.
    Reason(&'static str),
    /// Frames sent to this backend by this service.
    Packets(String, String),
    /// Their bytes.
    Bytes(String, String),
    /// Connections opened.
    NewFlows(String, String),
    /// Frames that came back from this backend.
    Loops(String, String),
    /// Packets whose flow was looked for.
    Tracking(&'static str),
}

/// The real program with real tables.
pub struct Program {
    pub(crate) datapath: Datapath,
    pub(crate) desired: Desired,
    pub(crate) layout: Layout,
    claims: Mutex<ClaimEvents>,
    /// What the rows of members held that there is no way to for now.
    pub(crate) lost: BTreeMap<MemberRowId, MemberRow>,
}

impl Program {
    /// Loads the program and fills its tables for `desired` as an agent on `network` would.
    pub fn load(desired: Desired, network: &Network, features: Features) -> anyhow::Result<Self> {
        let sizes = Sizes::for_desired(&desired);
        Self::load_with(sizes, desired, network, features)
    }

    /// The same with tables of these sizes.
    pub fn load_with(sizes: Sizes, desired: Desired, network: &Network, features: Features) -> anyhow::Result<Self> {
        let mut datapath = Datapath::load(sizes, features, desired.hash_seed).context("loading the program")?;
        let claims = Mutex::new(datapath.take_claims().context("a fresh program has claims to tell")?);
        let own = InterfaceState { ifindex: IFINDEX, mac: Mac(OWN_MAC), mtu: 1500, up: true };
        datapath.set_interfaces(&[(0, own)])?;
        let (layout, lost) = (Layout::default(), BTreeMap::new());
        let mut program = Self { datapath, desired: desired.clone(), layout, claims, lost };
        program.reconcile(desired, network)?;
        program.set_heartbeat(Heartbeat::Beats);
        Ok(program)
    }

    /// Makes the tables follow another desired state or network.
    pub fn reconcile(&mut self, desired: Desired, network: &Network) -> anyhow::Result<()> {
        let planned = plan(&desired, network, &Health::default(), &BTreeMap::from([(IFINDEX, 0)]), &self.datapath)?;
        self.datapath.set_vlans(IFINDEX, network.vlans.get(&IFINDEX).unwrap_or(&BTreeSet::new()))?;
        self.datapath.add_vlan_lists(&desired)?;
        apply(&planned.changes, &mut self.datapath);
        self.datapath.drop_vlan_lists(&desired)?;
        (self.desired, self.layout) = (desired, planned.layout);
        Ok(())
    }

    /// Puts the program in force that tells of the frames that `filter` lets through.
    pub fn start_trace(&mut self, filter: &TraceFilter) -> anyhow::Result<()> {
        Ok(self.datapath.start_trace(filter)?)
    }

    /// Puts the other one back.
    pub fn stop_trace(&mut self) -> anyhow::Result<()> {
        Ok(self.datapath.stop_trace()?)
    }

    /// What the program told since the last call.
    pub fn traced(&mut self) -> Vec<TraceRecord> {
        self.datapath.traced()
    }

    /// The row of the member that this backend, counted from zero, is for this service, counted from zero.
    pub fn row(&self, service: usize, backend: usize) -> MemberRowId {
        self.layout.services[service].members[backend].row
    }

    /// The live tables.
    pub const fn tables(&self) -> &Datapath {
        &self.datapath
    }

    /// Instructions that the verifier walked, all ways together.
    pub fn verified(&self) -> anyhow::Result<u32> {
        Ok(self.datapath.program()?.info()?.verified_instruction_count().unwrap_or_default())
    }

    /// Makes it as if it had seen no frame yet, but for what it counted.
    pub fn forget(&mut self) {
        self.datapath.forget_all_fragments();
        self.forget_flows();
    }

    /// Runs one frame through the program.
    pub fn run(&self, frame: &[u8]) -> anyhow::Result<Outcome> {
        let before = self.counters()?;
        let (verdict, frame) = self.run_uncounted(frame)?;
        let counted = moved(&before, self.counters()?);
        Ok(Outcome { verdict, frame, counted })
    }

    /// The same without a look at the counters, which takes far longer than the run.
    pub fn run_uncounted(&self, frame: &[u8]) -> anyhow::Result<(Verdict, Vec<u8>)> {
        let mut out = vec![0; frame.len() + 256];
        let options = TestRunOptions { data_in: Some(frame), data_out: Some(&mut out), ..TestRunOptions::new() };
        let result = self.datapath.program()?.test_run(options)?;
        out.truncate(result.data_size_out as usize);
        let verdict = match result.return_value {
            1 => Verdict::Drop,
            2 => Verdict::Pass,
            3 => Verdict::Tx,
            4 => Verdict::Redirect,
            _ => Verdict::Aborted,
        };
        Ok((verdict, out))
    }

    /// What the program told of claims since the last call.
    pub fn claims(&self) -> Vec<Sighting> {
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner).take();
        claims.iter().filter_map(Sighting::of).collect()
    }

    /// How many claims it did not tell of.
    pub fn lost_claims(&self) -> anyhow::Result<u64> {
        Ok(self.datapath.lost_claims()?)
    }

    /// Every counter, as it stands.
    pub fn counters(&self) -> anyhow::Result<BTreeMap<Counter, u64>> {
        let mut counters = BTreeMap::new();
        for reason in Reason::ALL {
            let count = self.datapath.reason(Some(IFINDEX), *reason)? + self.datapath.reason(None, *reason)?;
            counters.insert(Counter::Reason(reason.label()), count);
        }
        for tracking in Tracking::ALL {
            counters.insert(Counter::Tracking(tracking.label()), self.datapath.tracked(*tracking)?);
        }
        for (service, placed) in self.desired.services.iter().zip(&self.layout.services) {
            for (backend, member) in service.backends.iter().zip(&placed.members) {
                let traffic = self.datapath.traffic(member.row)?;
                let of = |counter: fn(String, String) -> Counter| counter(service.name.clone(), backend.name.clone());
                counters.insert(of(Counter::Packets), traffic.packets);
                counters.insert(of(Counter::Bytes), traffic.bytes);
                counters.insert(of(Counter::NewFlows), traffic.new_flows);
                counters.insert(of(Counter::Loops), traffic.loops);
            }
        }
        Ok(counters)
    }
}

/// The counters that moved, and by how much.
pub fn moved(before: &BTreeMap<Counter, u64>, after: BTreeMap<Counter, u64>) -> BTreeMap<Counter, u64> {
    let moved = |(counter, value)| {
        let by = value - before.get(&counter).copied().unwrap_or(0);
        (counter, by)
    };
    after.into_iter().map(moved).filter(|(_, by)| *by != 0).collect()
}

/// A service of so many backends named `web1` and so on, 10.0.0.1 and so on.
///
/// # Panics
///
/// If the port is zero.
pub fn service(name: &str, vip: Ipv4Addr, protocol: Protocol, port: u16, backends: u8) -> Service {
    let backend = |n| Backend { name: format!("web{n}"), address: backend_address(n), weight: Weight::DEFAULT };
    Service {
        name: name.to_owned(),
        id: ServiceId { vip: vip.into(), protocol, port: NonZeroU16::new(port).expect("a port").into() },
        announce: Announce::Arp,
        vlans: None,
        on_empty: OnEmpty::Drop,
        on_agent_death: OnAgentDeath::Keep,
        affinity: Affinity::default(),
        flow_timeout: FlowTimeout::default(),
        return_timeout: Some(FlowTimeout::default()),
        pool: "web".to_owned(),
        fallback: None,
        forward: Forward::L2,
        backends: (1..=backends).map(backend).collect(),
    }
}

/// The desired state of most tests: TCP port 80 and UDP port 53 of [`VIP`], three backends each.
pub fn desired() -> Desired {
    let services = vec![service("www", VIP, Protocol::Tcp, 80, 3), service("dns", VIP, Protocol::Udp, 53, 3)];
    Desired { hash_seed: 0x5eed, services }
}

/// The address of backend `n`.
pub fn backend_address(n: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, n).into()
}

/// The MAC of backend `n`.
pub const fn backend_mac(n: u8) -> [u8; 6] {
    [0x02, 0, 0, 0, 1, n]
}

/// VLANs of one tag that the host of most tests is in.
const VLANS: [u16; 6] = [1, 5, 6, 7, 9, 100];

/// A network in which every backend is on the segment of the interface, behind these VLAN tags.
pub fn network(tags: &[VlanTag]) -> Network {
    let reach = (1..=100).map(|n| {
        let (source, destination) = (Mac(OWN_MAC), Mac(backend_mac(n)));
        (
            backend_address(n),
            Reach::Hop(Hop { ifindex: IFINDEX, source, destination, tags: tags.to_vec(), path: RoutedPath::default() }),
        )
    });
    let own = match tags {
        [outer, inner] => Vlan::of(outer.id, inner.id),
        _ => Vlan::of(7, 9),
    };
    let vlans = VLANS.iter().map(|number| Vlan::of(*number, 0)).chain([own]).collect();
    Network { reach: reach.collect(), vlans: [(IFINDEX, vlans)].into(), ..Network::default() }
}
