//! What to ask on each interface: for each VIP in the VLANs that it is in, for each backend on its own segment, and where
//! that does not answer, on the others that this host has. Pure.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    capture::{Awaited, ProbePlan},
    observations::hop,
};
use crate::{
    arpwatch::{Segment, View},
    config::Config,
    model::{Network, VlanTag},
    neighbour::{EgressPort, Survey},
};

/// The questions and the probes, by interface.
pub(super) fn probe_plans(
    config: &Config,
    network: &Network,
    view: &View,
    survey: &Survey,
    probes: Vec<(u32, Vec<u8>)>,
) -> Vec<ProbePlan> {
    let mut probe_plans: BTreeMap<u32, ProbePlan> = BTreeMap::new();
    let hosts = config.desired.backend_addresses();
    for segment in view.segments.untagged() {
        let (ifindex, mac) = (segment.ifindex, segment.mac);
        let empty = ProbePlan { ifindex, mac, frames: Vec::new(), hosts: hosts.clone(), awaited: Vec::new() };
        probe_plans.insert(ifindex, empty);
    }
    for (segment, vip) in view.questions() {
        let Some(probe_plan) = probe_plans.get_mut(&segment.ifindex) else { continue };
        probe_plan.frames.push(segment.question(vip));
    }
    for address in hosts.iter().copied() {
        for (ifindex, tags) in expected(network, survey, address) {
            let Some(probe_plan) = probe_plans.get_mut(&ifindex) else { continue };
            let segments = segments(view, survey, ifindex, &tags);
            let (own, others): (Vec<_>, _) = segments.iter().partition(|segment| tags.contains(&segment.tags));
            probe_plan.frames.extend(own.iter().map(|segment| segment.question(address)));
            let elsewhere = others.iter().map(|segment: &&Segment| segment.question(address)).collect();
            probe_plan.awaited.push(Awaited { address, tags, elsewhere });
        }
    }
    for (ifindex, frame) in probes {
        if let Some(probe_plan) = probe_plans.get_mut(&ifindex) {
            probe_plan.frames.push(frame);
        }
    }
    probe_plans.into_values().collect()
}

/// Where a backend is expected: the tags, by interface. Its own interface is known when it has a MAC.
fn expected(network: &Network, survey: &Survey, address: IpAddr) -> BTreeMap<u32, Vec<Vec<VlanTag>>> {
    let known = hop(network, address).map(|hop| vec![EgressPort { ifindex: hop.ifindex, tags: hop.tags.clone() }]);
    let egress_ports = known.or_else(|| Some(survey.egress.get(&address)?.egress_ports.clone()));
    let mut expected: BTreeMap<u32, Vec<Vec<VlanTag>>> = BTreeMap::new();
    for egress_port in egress_ports.unwrap_or_default() {
        expected.entry(egress_port.ifindex).or_default().push(egress_port.tags);
    }
    expected
}

/// The segments that this host has on an interface: those that it is in, those of VLAN sub-interfaces that are down, and
/// those with these tags.
fn segments(view: &View, survey: &Survey, ifindex: u32, tags: &[Vec<VlanTag>]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = view.segments.of_host(ifindex).map(|segment| (**segment).clone()).collect();
    let Some(first) = segments.first().cloned() else { return segments };
    let vlans = survey.vlans.values().flatten().filter(|egress_port| egress_port.ifindex == ifindex);
    for tags in vlans.map(|egress_port| &egress_port.tags).chain(tags) {
        let segment = Segment { tags: tags.clone(), ..first.clone() };
        if !segments.contains(&segment) {
            segments.push(segment);
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use dsr_common::vlan::Vlan;

    use super::*;
    use crate::{
        model::{Hop, InterfaceState, Mac, NoHop, Reach, RoutedPath},
        neighbour::Egress,
    };

    const FILE: &str = "\
interfaces: [eth0]
pools:
  web: {backends: [{name: web1, address: 10.0.0.11}, {name: web2, address: 10.0.0.12}]}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web}
";

    #[test]
    fn who_is_not_heard_is_asked_for_on_the_segments_that_are_here_and_on_no_other() {
        let config = crate::config::parse(FILE, Path::new("dsr.yaml")).unwrap();
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let [web1, web2] = [11, 12].map(|last| IpAddr::from([10, 0, 0, last]));
        let tagged = |id| vec![VlanTag { tpid: 0x8100, id }];
        let egress_port = |tags| EgressPort { ifindex: 2, tags };
        let hop =
            Hop { ifindex: 2, source: mac, destination: Mac([4; 6]), tags: tagged(100), path: RoutedPath::default() };
        let network = Network {
            interfaces: [("eth0".to_owned(), InterfaceState { ifindex: 2, mac, mtu: 1500, up: true })].into(),
            reach: [(web1, Reach::Hop(hop)), (web2, Reach::No(NoHop::NoNeighbour(web2)))].into(),
            vlans: [(2, [Vlan::of(100, 0)].into())].into(),
            vlan_tags: [(2, [tagged(100)].into())].into(),
            ..Network::default()
        };
        let egress = Egress { interface: "eth0.100".to_owned(), egress_ports: vec![egress_port(tagged(100))] };
        let vlans = [100, 200].map(|id| (format!("eth0.{id}"), vec![egress_port(tagged(id))])).into();
        let survey = Survey { egress: [(web1, egress.clone()), (web2, egress)].into(), vlans };
        let view = View::new(&config, &network);
        let probe_plans = probe_plans(&config, &network, &view, &survey, Vec::new());
        let [probe_plan] = &probe_plans[..] else { panic!("{probe_plans:?}") };
        let segment = |tags| Segment { ifindex: 2, interface: "eth0".to_owned(), mac, tags };
        let on = |tags, address| segment(tags).question(address);
        let vip = "192.0.2.10".parse().unwrap();
        let expected = [on(Vec::new(), vip), on(tagged(100), vip), on(tagged(100), web1), on(tagged(100), web2)];
        assert_eq!(probe_plan.frames, expected);
        for (awaited, address) in probe_plan.awaited.iter().zip([web1, web2]) {
            assert_eq!((awaited.address, &awaited.tags), (address, &vec![tagged(100)]));
            assert_eq!(awaited.elsewhere, [on(Vec::new(), address), on(tagged(200), address)]);
        }
        assert_eq!(probe_plan.awaited.len(), 2);
    }

    #[test]
    fn a_vip_is_asked_for_in_its_own_vlans_alone() {
        let plans = |list: &str| {
            let file = FILE.replace("port: 80", &format!("port: 80, vlans: {list}"));
            let config = crate::config::parse(&file, Path::new("dsr.yaml")).unwrap();
            let interface = InterfaceState { ifindex: 2, mac: Mac([2; 6]), mtu: 1500, up: true };
            let network = Network { interfaces: [("eth0".to_owned(), interface)].into(), ..Network::default() };
            let view = View::new(&config, &network);
            let survey = Survey { egress: BTreeMap::new(), vlans: BTreeMap::new() };
            probe_plans(&config, &network, &view, &survey, vec![(2, vec![7])])
        };
        let question = |tags| {
            let segment = Segment { ifindex: 2, interface: "eth0".to_owned(), mac: Mac([2; 6]), tags };
            segment.question("192.0.2.10".parse().unwrap())
        };
        let of_20 = question(vec![VlanTag { tpid: 0x8100, id: 20 }]);
        let frames = |list: &str| plans(list).remove(0).frames;
        assert_eq!(frames("[20]"), [of_20.clone(), vec![7]], "the probes of backends are still sent");
        assert_eq!(frames("[untagged, 20]"), [question(Vec::new()), of_20, vec![7]]);
    }
}
