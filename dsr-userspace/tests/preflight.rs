//! Preflight in a real namespace: a veth pair, programs on it, links that go down.
#![allow(clippy::unwrap_used)]

#[path = "neighbour/namespace.rs"]
mod namespace;

use std::path::Path;

use dsr::{
    config::{self, Config},
    datapath::{Datapath, Features, Holder},
    preflight::{self, Finding, Severity},
    reconcile::Sizes,
};
use dsr_lab::Pass;
use dsr_sys::netlink::{
    ethtool::{Ethtool, Switch},
    generic::Generic,
};
use futures_util::TryStreamExt;
use namespace::{BACKEND, BALANCER, Pair};
use netlink_packet_route::link::{LinkAttribute, LinkXdp};
use rtnetlink::LinkUnspec;

const DEAF: &str = "its veth peer drops frames";

fn config(vip: &str) -> Config {
    parsed(vip, "10.0.0.2")
}

fn parsed(vip: &str, backend: &str) -> Config {
    let text = format!(
        "interfaces: [{BALANCER}]\nhash_seed: 1\npools: {{web: {{backends: [{{name: web1, address: {backend}}}]}}}}\n\
         services: [{{name: www, vip: {vip}, port: 80, pool: web}}]\n"
    );
    config::parse(&text, Path::new("dsr.yaml")).unwrap()
}

async fn found() -> Vec<Finding> {
    preflight::run(&config("10.0.0.100")).await
}

fn about<'a>(findings: &'a [Finding], part: &str) -> Option<&'a Finding> {
    findings.iter().find(|finding| finding.finding.contains(part))
}

#[test]
#[ignore = "needs root"]
fn a_veth_whose_peer_listens_has_no_findings() {
    namespace::run(async |pair| {
        let deaf = found().await;
        assert!(about(&deaf, DEAF).is_some_and(|finding| finding.severity == Severity::Warning), "{deaf:#?}");
        pair.backend.enter();
        let peer = Pass::attach(BACKEND).unwrap();
        pair.balancer.enter();
        assert_eq!(found().await, []);
        drop(peer);
        assert_eq!(found().await, deaf);
    });
}

#[test]
#[ignore = "needs root"]
fn a_veth_whose_peer_has_gro_alone_is_found() {
    namespace::run(async |pair| {
        pair.backend.enter();
        switch_gro_on(BACKEND);
        pair.balancer.enter();
        let findings = found().await;
        let finding = about(&findings, "its veth peer runs no XDP program").unwrap_or_else(|| panic!("{findings:#?}"));
        assert_eq!(finding.severity, Severity::Warning);
        assert!(finding.remedy.contains("xdpdrv") && about(&findings, DEAF).is_none(), "{findings:#?}");
        pair.backend.enter();
        let _peer = Pass::attach(BACKEND).unwrap();
        pair.balancer.enter();
        assert_eq!(found().await, []);
    });
}

/// As `ethtool -K LINK gro on`.
fn switch_gro_on(link: &str) {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let index = rustix::net::netdevice::name_to_index(&socket, link).unwrap();
    let generic = Generic::open().unwrap();
    Ethtool::new(&generic).unwrap().set_offloads(index, &["rx-gro"], Switch::On).unwrap();
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_no_segment_has_is_told_with_its_line() {
    namespace::run(async |_| {
        let mut config = config("10.0.0.100");
        assert_eq!(preflight::examine(&config).await.warnings, []);
        config = parsed("10.0.0.100", "203.0.113.9");
        let warnings = preflight::examine(&config).await.warnings;
        let [warning] = warnings.as_slice() else { panic!("{warnings:#?}") };
        assert!(warning.to_string().starts_with("dsr.yaml:3:"), "{warning}");
        assert!(warning.message.contains("this host has no route to 203.0.113.9"), "{warning}");
    });
}

#[test]
#[ignore = "needs root"]
fn another_program_is_found_and_the_agents_own_is_not() {
    namespace::run(async |pair| {
        let other = Pass::attach(BALANCER).unwrap();
        let findings = found().await;
        let finding = about(&findings, "another XDP program pass (id ").unwrap_or_else(|| panic!("{findings:#?}"));
        assert_eq!((finding.severity, finding.interface.as_str()), (Severity::Error, BALANCER));
        let holder = Holder::of(program(pair).await.unwrap());
        assert_eq!(finding.remedy, format!("bpftool link detach id {}", holder.link.unwrap()));
        drop(other);
        let desired = config("10.0.0.100").desired;
        let mut own = Datapath::load(Sizes::for_desired(&desired), Features::ALL, desired.hash_seed).unwrap();
        own.attach(BALANCER, pair.balancer.index(BALANCER).await, false).unwrap();
        assert!(program(pair).await.is_some());
        assert_eq!(about(&found().await, "another"), None);
    });
}

/// The number of the program on the balancer's link.
async fn program(pair: &Pair) -> Option<u32> {
    let link = pair.balancer.netlink.link().get().match_name(BALANCER.into()).execute().try_next().await;
    link.unwrap().unwrap().attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Xdp(parts) => parts.iter().find_map(|part| match part {
            LinkXdp::ProgId(id) => Some(*id),
            _ => None,
        }),
        _ => None,
    })
}

#[test]
#[ignore = "needs root"]
fn links_that_carry_nothing_are_found() {
    namespace::run(async |pair| {
        pair.backend.set_down(BACKEND).await;
        let findings = found().await;
        assert_eq!(about(&findings, "no carrier").map(|finding| finding.severity), Some(Severity::Warning));
        pair.balancer.set_down(BALANCER).await;
        let findings = found().await;
        assert_eq!(
            about(&findings, "it is down").map(|finding| finding.remedy.as_str()),
            Some("ip link set dev lb0 up")
        );
        assert_eq!(findings[0].severity, Severity::Error, "errors come first: {findings:#?}");
    });
}

#[test]
#[ignore = "needs root"]
fn what_an_operator_has_set_is_found() {
    namespace::run(async |pair| {
        let promiscuous = LinkUnspec::new_with_name(BALANCER).promiscuous(true).build();
        pair.balancer.netlink.link().set(promiscuous).execute().await.unwrap();
        assert!(about(&found().await, "it is promiscuous").is_some());

        pair.balancer.add_veth("mgmt0", "mgmt1").await;
        pair.balancer.add_address("mgmt0", std::net::Ipv4Addr::new(10, 0, 1, 1)).await;
        pair.balancer.set_up("mgmt0").await;
        std::fs::write("/proc/sys/net/ipv4/conf/lb0/rp_filter", "1").unwrap();
        let findings = preflight::run(&config("10.0.1.100")).await;
        let elsewhere =
            about(&findings, "the VIP 10.0.1.100 is in its subnet").unwrap_or_else(|| panic!("{findings:#?}"));
        assert_eq!(elsewhere.interface, "mgmt0");
        let filtered = about(&findings, "rp_filter is strict").unwrap_or_else(|| panic!("{findings:#?}"));
        assert_eq!(filtered.remedy, "sysctl -w net.ipv4.conf.lb0.rp_filter=2");
        std::fs::write("/proc/sys/net/ipv4/conf/lb0/rp_filter", "2").unwrap();
        assert_eq!(about(&preflight::run(&config("10.0.1.100")).await, "rp_filter"), None);
    });
}
