//! What the balancers send to a backend, by their configuration: its VIPs, and how packets for them reach it.
//!
//! An operator who has the balancers' file writes none of it again, so that both sides have the same codes, key and port.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{forward::AskedForward, request::Wrong};
use crate::{
    config::{Config, listed},
    model::{Forward, PooledBackend, Service},
};

/// What a backend serves, as it would be asked for.
#[derive(Clone, Debug)]
pub struct Served {
    /// The VIPs.
    pub vips: Vec<String>,
    /// How packets for them reach it.
    pub forward: AskedForward,
}

impl Served {
    /// What the backend with this address serves, in this pool or in every pool; or what all backends of the pool do.
    ///
    /// # Errors
    /// What is wrong with the two, and what to write instead.
    pub fn by(config: &Config, address: Option<IpAddr>, pool: Option<&str>) -> Result<Self, Wrong> {
        let its = places(config, address, pool)?;
        let forward = forward(&its)?;
        let vips: BTreeSet<IpAddr> = its.iter().map(|place| place.service.id.vip).collect();
        let codes: BTreeSet<String> = its.iter().filter_map(|place| code(place.service)).collect();
        let (key, port) = match forward {
            Forward::Gre { key, .. } => (key, None),
            Forward::Gue { port, .. } => (None, Some(port.get())),
            Forward::L2 | Forward::Dscp(_) | Forward::Ipip(_) => (None, None),
        };
        let forward = AskedForward { mode: forward.mode(), codes: codes.into_iter().collect(), key, port };
        Ok(Self { vips: vips.iter().map(ToString::to_string).collect(), forward })
    }
}

/// A backend of a service.
struct Place<'a> {
    service: &'a Service,
    /// The pool that it is of.
    pool: &'a str,
    backend: IpAddr,
}

/// The backends of services that have this address and are of this pool, as far as both are named; at least one.
fn places<'a>(config: &'a Config, address: Option<IpAddr>, pool: Option<&str>) -> Result<Vec<Place<'a>>, Wrong> {
    let file = config.file.display();
    let wrong = |argument, message| Err(Wrong { argument, message });
    if address.is_none() && pool.is_none() {
        return wrong("--address", format!("is missing: write the backend's own address as {file} has it, or --pool"));
    }
    let of = |service: &'a Service| {
        let place =
            move |PooledBackend { pool, backend }: PooledBackend<'a>| Place { service, pool, backend: backend.address };
        service.backends_by_pool().map(place)
    };
    let all: Vec<_> = config.desired.services.iter().flat_map(of).collect();
    let in_pool: Vec<_> = all.iter().filter(|place| pool.is_none_or(|pool| pool == place.pool)).collect();
    if let Some(pool) = pool.filter(|_| in_pool.is_empty()) {
        let names: BTreeSet<_> = all.iter().map(|place| place.pool).collect();
        let (pool, names) = (pool.escape_debug(), listed(names));
        return wrong("--pool", format!("no service of {file} has the pool {pool}: write {names}"));
    }
    let addresses: BTreeSet<_> = in_pool.iter().map(|place| place.backend).collect();
    if address.is_some_and(|address| !addresses.contains(&address)) {
        let within = pool.map_or_else(String::new, |pool| format!(" in pool {pool}"));
        let known: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        let known = listed(known.iter().map(String::as_str));
        return wrong("--address", format!("is of no backend of {file}{within}: write {known}"));
    }
    let is_its = |place: &Place<'_>| {
        pool.is_none_or(|pool| pool == place.pool) && address.is_none_or(|address| address == place.backend)
    };
    Ok(all.into_iter().filter(is_its).collect())
}

/// How packets reach a backend, which takes them in one way.
fn forward(its: &[Place<'_>]) -> Result<Forward, Wrong> {
    let by_pool: BTreeMap<&str, Forward> = its.iter().map(|place| (place.pool, place.service.forward)).collect();
    let mut forwards = by_pool.values();
    let first = *forwards.next().unwrap_or(&Forward::L2);
    if forwards.all(|forward| is_same(*forward, first)) {
        return Ok(first);
    }
    let modes: Vec<_> = by_pool.iter().map(|(pool, forward)| format!("{pool} ({})", forward.mode().name())).collect();
    let modes = listed(modes.iter().map(String::as_str));
    let message = format!("is missing: packets reach this backend differently in each of its pools: write {modes}");
    Err(Wrong { argument: "--pool", message })
}

/// Whether a backend takes packets of both in the same way.
fn is_same(one: Forward, other: Forward) -> bool {
    match (one, other) {
        (Forward::Gre { key: one, .. }, Forward::Gre { key: other, .. }) => one == other,
        (Forward::Gue { port: one, .. }, Forward::Gue { port: other, .. }) => one == other,
        _ => one.mode() == other.mode(),
    }
}

/// VIP and code, as `--dscp` has them.
fn code(service: &Service) -> Option<String> {
    match service.forward {
        Forward::Dscp(code) => Some(format!("{}={}", service.id.vip, code.get())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    const FILE: &str = "
interfaces: [eth0]
dscp: {\"192.0.2.10\": 8}
pools:
  near: {backends: [{name: web1, address: 10.0.0.11}, {name: web2, address: 10.0.0.12}]}
  marked: {forward: dscp, backends: [{name: web1, address: 10.0.0.11}]}
  far: {forward: {gue: {port: 6081}}, fallback: sorry, backends: [{name: web3, address: 10.1.0.13}]}
  sorry: {forward: {gue: {port: 6081}}, backends: [{name: web4, address: 10.1.0.14}]}
  keyed: {forward: {gre: {key: 7}}, backends: [{name: web5, address: 10.1.0.15}]}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: marked}
  - {name: mail, vip: 192.0.2.11, port: 25, pool: marked}
  - {name: ftp, vip: 192.0.2.12, port: 21, pool: near}
  - {name: dns, vip: 192.0.2.13, port: 53, pool: far}
  - {name: ntp, vip: 192.0.2.14, port: 123, pool: keyed}
";

    fn served(address: &str, pool: Option<&str>) -> Result<Served, String> {
        let config = config::parse(FILE, Path::new("dsr.yaml")).unwrap();
        let address = Some(address).filter(|address| !address.is_empty());
        Served::by(&config, address.map(|address| address.parse().unwrap()), pool).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn a_backend_is_found_by_its_address_or_its_pool() {
        let of = |address, pool| {
            let Served { vips, forward: AskedForward { mode, codes, key, port } } = served(address, pool).unwrap();
            (vips.join(","), mode.name(), codes.join(","), key, port)
        };
        let marked = ("192.0.2.10,192.0.2.11".to_owned(), "dscp", "192.0.2.10=8,192.0.2.11=23".to_owned(), None, None);
        assert_eq!(of("10.0.0.11", Some("marked")), marked);
        assert_eq!(of("", Some("marked")), marked);
        assert_eq!(of("10.0.0.12", None), ("192.0.2.12".to_owned(), "l2", String::new(), None, None));
        let far = ("192.0.2.13".to_owned(), "gue", String::new(), None, Some(6081));
        assert_eq!([of("10.1.0.13", None), of("10.1.0.14", None)], [far.clone(), far], "also as a fallback");
        assert_eq!(of("", Some("keyed")), ("192.0.2.14".to_owned(), "gre", String::new(), Some(7), None));
    }

    #[test]
    fn what_names_no_backend_is_refused() {
        let wrong = |address, pool| served(address, pool).unwrap_err();
        assert_eq!(
            wrong("", None),
            "--address: is missing: write the backend's own address as dsr.yaml has it, or --pool"
        );
        let several = "--pool: is missing: packets reach this backend differently in each of its pools: write marked (dscp) \
                       or near (l2)";
        assert_eq!(wrong("10.0.0.11", None), several);
        let unknown = "--address: is of no backend of dsr.yaml in pool near: write 10.0.0.11 or 10.0.0.12";
        assert_eq!(wrong("10.1.0.13", Some("near")), unknown);
        let pool = "--pool: no service of dsr.yaml has the pool web: write far, keyed, marked, near or sorry";
        assert_eq!(wrong("10.0.0.11", Some("web")), pool);
    }
}
