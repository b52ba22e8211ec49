//! One question of a check, at a backend's own address and without an agent.

use std::{net::IpAddr, path::Path};

use dsr::{
    config::parse,
    health::{OwnAnswer, ask_own},
    model::{Backend, Weight},
};
use dsr_lab::{Lab, Node};

/// What a check, as the file has it, meets at this port of the first backend.
pub(crate) fn ask(lab: &Lab, port: u16, health: &str) -> OwnAnswer {
    let vip = lab.vip(0).unwrap();
    let address = IpAddr::from(Node::Backend(1).address());
    let protocol = if health.contains("dns") { "udp" } else { "tcp" };
    let text = format!(
        "interfaces: [eth0]
pools:
  web: {{health: {health}, backends: [{{name: web1, address: {address}}}]}}
services: [{{name: one, vip: {vip}, port: {port}, protocol: {protocol}, pool: web}}]
"
    );
    let config = parse(&text, Path::new("dsr.yaml")).unwrap_or_else(|errors| panic!("{errors}"));
    let check = config.checks.services.values().next().unwrap();
    let backend = Backend { name: "web1".to_owned(), address, weight: Weight::DEFAULT };
    lab.balancer().block_on(|| ask_own(check, ("one", vip.into()), &backend)).unwrap()
}
