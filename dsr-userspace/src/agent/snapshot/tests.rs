//! What an agent answers, from its state and tables in memory.

use std::{net::Ipv4Addr, ops::Range, path::Path, time::Duration};

use dsr_common::stats::{Reason, Tracking};

use super::*;
use crate::{
    agent::state::State,
    api::view::{ChangeKind, ExplainRequest, MemberState, PreviewRequest, ServiceStatus, Status},
    config,
    datapath::{Error, Traffic},
    health::State as CheckState,
    model::{BackendKey, Hop, InterfaceState, Mac, NoHop, Override, Reach, RoutedPath},
    reconcile::{FlowTable, InMemory, MemberRowId, Tables, apply, plan_dirty},
};

const FILE: &str = "
interfaces: [eth0]
hash_seed: 7
pools:
  web:
    backends:
      - {name: web1, address: 10.0.0.1}
      - {name: web2, address: 10.0.0.2}
      - {name: web3, address: 10.0.0.3}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web}
  - {name: other, vip: 192.0.2.11, port: 80, pool: web}
";

/// Each member's row has counted as many frames as its number says, and each interface as its index.
impl Live for InMemory {
    fn traffic(&self, rows: Range<MemberRowId>) -> Result<Vec<Traffic>, Error> {
        Ok((rows.start.0..rows.end.0).map(|row| Traffic { packets: row.into(), ..Traffic::default() }).collect())
    }

    fn reason(&self, ifindex: u32, _: Reason) -> Result<u64, Error> {
        Ok(ifindex.into())
    }

    fn counted(&self, event: Tracking) -> Result<u64, Error> {
        Ok(event as u64)
    }

    fn lost_claims(&self) -> Result<u64, Error> {
        Ok(0)
    }

    fn flows(&self, table: FlowTable) -> u64 {
        crate::reconcile::entries(self).filter(|(place, _)| place.table == table).count() as u64
    }
}

/// State and tables that agree.
struct Fixture {
    state: State,
    tables: InMemory,
    layout: Layout,
}

impl Fixture {
    fn new() -> Self {
        Self::of(FILE, network(&[]))
    }

    fn of(file: &str, network: Network) -> Self {
        let config = config::parse(file, Path::new("dsr.yaml")).unwrap();
        let sizes = Sizes { established_sets: 1, embryonic_sets: 1, ..Sizes::for_desired(&config.desired) };
        let state = State::new(config, network);
        let mut fixture = Self { state, tables: InMemory::new(sizes), layout: Layout::default() };
        fixture.reconcile();
        fixture
    }

    fn reconcile(&mut self) {
        self.state.decide(|_| CheckState::Up);
        let devices = BTreeMap::from([(3, 0)]);
        let plan = plan_dirty(&self.state.goal(&devices), &self.state.dirty.plan, &self.tables).unwrap();
        apply(&plan.changes, &mut self.tables);
        self.layout.follow(&self.state.config.desired);
        plan.placed.into_iter().for_each(|(place, service)| self.layout.set(place, service));
    }

    fn snapshot(&self) -> Snapshot<InMemory> {
        Snapshot {
            config: Arc::clone(&self.state.config),
            intent: Arc::clone(&self.state.intent),
            network: Arc::clone(&self.state.network),
            decision: Arc::clone(&self.state.decision),
            checks: Reader::default(),
            reports: AgentReports::default(),
            maps: Arc::new(self.tables.clone()),
            layout: Arc::new(self.layout.clone()),
            reloads: Reloads::default(),
            refusal: None,
            drained: Arc::default(),
            retired_counters: Arc::default(),
            entered: Arc::new(BTreeMap::from([(3, "eth0".to_owned())])),
            claims: arpwatch::Claims::default(),
            tunnel_errors: crate::tunnel_errors::ErrorCounts::default(),
            attached: BTreeMap::from([("eth0".to_owned(), Mode::Native)]),
            features: features(&self.state.config, &self.state.network, None::<&InMemory>),
            trace: None,
            pins: None,
        }
    }

    fn status(&self) -> Status {
        self.snapshot().status(Duration::from_secs(5), None).unwrap()
    }
}

fn web(name: &str) -> BackendKey {
    BackendKey { pool: "web".to_owned(), backend: name.to_owned() }
}

fn network(silent: &[u8]) -> Network {
    let interface = InterfaceState { ifindex: 3, mac: Mac([2; 6]), mtu: 1500, up: true };
    let reach = (1..=3).map(|last| {
        let address = Ipv4Addr::new(10, 0, 0, last).into();
        let hop = Hop {
            path: RoutedPath::default(),
            ifindex: 3,
            source: Mac([2; 6]),
            destination: Mac([2, 0, 0, 0, 0, last]),
            tags: Vec::new(),
        };
        (address, if silent.contains(&last) { Reach::No(NoHop::NoNeighbour(address)) } else { Reach::Hop(hop) })
    });
    Network {
        interfaces: BTreeMap::from([("eth0".to_owned(), interface)]),
        reach: reach.collect(),
        ..Network::default()
    }
}

fn slots(service: &ServiceStatus) -> Vec<u32> {
    service.members.iter().map(|member| member.slots).collect()
}

#[test]
fn a_drained_backend_shows_both_weights_and_no_slots() {
    let mut fixture = Fixture::new();
    let before = fixture.status();
    assert!(before.findings.is_empty(), "{:?}", before.findings);
    assert!(fixture.state.set_override(&web("web2"), Some(Override::Drain)));
    assert!(!fixture.state.set_override(&web("web9"), Some(Override::Drain)), "there is no such backend");
    fixture.reconcile();
    let status = fixture.status();
    for (service, before) in status.services.iter().zip(&before.services) {
        let [first, drained, third] = &service.members[..] else { panic!("{service:?}") };
        assert_eq!((drained.weight, drained.weight_in_file, drained.slots), (0, Some(100), 0));
        assert_eq!(drained.state, MemberState::Draining);
        assert_eq!((first.weight, first.weight_in_file, first.state), (100, None, MemberState::Up));
        assert_eq!(first.slots + third.slots, service.slots);
        let (tracked, moved) = (service.tracked_slots, slots(before)[1]);
        // Maglev moves a few slots more than it has to.
        assert!(
            (moved..moved + service.slots / 50).contains(&tracked),
            "{tracked} of {moved} slots that moved are tracked"
        );
    }
    fixture.state.set_override(&web("web2"), None);
    fixture.reconcile();
    let cleared = fixture.status();
    assert_eq!(slots(&cleared.services[0]), slots(&before.services[0]));
    assert!(cleared.services[0].members.iter().all(|member| member.weight_in_file.is_none()));
}

#[test]
fn members_show_what_their_own_rows_counted() {
    let fixture = Fixture::new();
    let status = fixture.status();
    let report = fixture.snapshot().report().unwrap();
    let shown = status.services.iter().flat_map(|service| service.members.iter().map(|member| member.packets));
    let rows =
        fixture.layout.services.iter().flat_map(|placed| placed.members.iter().map(|member| member.row.0.into()));
    let rows: Vec<u64> = rows.collect();
    assert_eq!(shown.collect::<Vec<u64>>(), rows);
    assert_eq!(report.members.iter().map(|sample| sample.packets).collect::<Vec<u64>>(), rows);
    assert_eq!(report.members.iter().map(|sample| sample.slots).sum::<u32>(), 2 * status.services[0].slots);
    assert!(report.reasons.iter().all(|sample| sample.packets == 3 && sample.interface == "eth0"));
}

#[test]
fn an_unreachable_backend_is_a_finding_of_each_service() {
    let mut fixture = Fixture::new();
    fixture.state.exchange_network(Arc::new(network(&[3])));
    fixture.reconcile();
    let status = fixture.snapshot().status(Duration::ZERO, Some(Path::new("/pins/link"))).unwrap();
    for service in &status.services {
        assert_eq!((service.members[2].state, service.members[2].slots), (MemberState::Unreachable, 0));
    }
    let findings: Vec<String> = status.findings.iter().map(ToString::to_string).collect();
    let [pin, www, other] = &findings[..] else { panic!("{findings:#?}") };
    assert!(pin.starts_with("/pins/link: it was removed"), "{pin}");
    assert!(www.starts_with("www: backend web3 unreachable: no ARP reply from 10.0.0.3"), "{www}");
    assert!(other.starts_with("other: backend web3 unreachable"), "{other}");
    let report = fixture.snapshot().report().unwrap();
    let down: Vec<_> = report.backends.iter().filter(|sample| !sample.reachable).collect();
    assert_eq!(down.iter().map(|sample| sample.backend.as_str()).collect::<Vec<_>>(), ["web3"]);
}

#[test]
fn a_flow_is_explained_by_its_slot_before_and_after_a_change() {
    let mut fixture = Fixture::new();
    let request = |port: u16| ExplainRequest {
        client: Ipv4Addr::new(198, 51, 100, 1).into(),
        client_port: port,
        vip: Ipv4Addr::new(192, 0, 2, 10).into(),
        port: 80,
        protocol: 6,
    };
    let explain = |fixture: &Fixture, port| fixture.snapshot().explain(&request(port)).unwrap();
    let of_web2 = |port: &u16| explain(&fixture, *port).member.is_some_and(|member| member.backend == "web2");
    let port = (1000..2000).find(of_web2).unwrap();
    let stable = explain(&fixture, port);
    assert_eq!(stable.why, "stable");
    assert_eq!(stable.service.as_ref().map(|service| service.name.as_str()), Some("www"));
    fixture.state.set_override(&web("web2"), Some(Override::Drain));
    fixture.reconcile();
    let tracked = explain(&fixture, port);
    assert_eq!((tracked.why.as_str(), tracked.member.unwrap().backend.as_str()), ("previous", "web2"));
    assert_ne!(tracked.if_opening.unwrap().backend, "web2", "new flows go elsewhere");
    let wrong = ExplainRequest { vip: Ipv4Addr::new(192, 0, 2, 99).into(), ..request(1) };
    assert!(fixture.snapshot().explain(&wrong).unwrap_err().to_string().contains("192.0.2.99 is not a VIP"));
}

#[test]
fn a_preview_tells_what_another_file_moves() {
    let fixture = Fixture::new();
    let preview = |text: String| {
        let request = PreviewRequest { file: "new.yaml".to_owned(), text, included: Vec::new(), hash_seed: 7 };
        fixture.snapshot().preview(&request).unwrap()
    };
    let same = preview(FILE.to_owned());
    assert!(same.loads_anew.is_empty(), "{:?}", same.loads_anew);
    assert!(same.services.iter().all(|service| service.kind == ChangeKind::Same && service.moved == 0.0));
    let fewer = preview(FILE.replace("      - {name: web3, address: 10.0.0.3}\n", ""));
    for service in &fewer.services {
        assert_eq!(service.kind, ChangeKind::Changed);
        assert!((service.moved - 1.0 / 3.0).abs() < 0.01, "{service:?}");
    }
    let seed = preview(FILE.replace("hash_seed: 7", "hash_seed: 8"));
    assert_eq!(seed.loads_anew, ["hash_seed changes: nearly every flow moves"]);
    assert_eq!(fixture.tables.clock(), 0, "nothing is changed by it");
}

mod forward;
