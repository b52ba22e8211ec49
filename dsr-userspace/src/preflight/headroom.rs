//! How large a client's packet may be where the forward mode puts headers in front of it.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use dsr_common::address::Family;
use serde::Serialize;

use crate::{
    config::Config,
    model::{Desired, Service},
    neighbour,
};

/// What fits into the tunnels of one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Headroom {
    /// The pool.
    pub pool: String,
    /// Its forward mode.
    pub forward: &'static str,
    /// The backend with the narrowest path.
    pub backend: String,
    /// The MTU of its path, in bytes.
    pub path_mtu: u32,
    /// What the mode puts in front of a packet, in bytes.
    pub overhead: u16,
    /// The largest packet of a client that fits, IP header included, in bytes.
    pub largest: u32,
    /// The path MTU that packets of [`ETHERNET_MTU`] bytes need.
    pub wanted_mtu: u32,
    /// The largest TCP segment without options that fits, IPv4 and IPv6.
    pub mss: [u32; 2],
}

/// The MTU of most clients' networks, in bytes.
pub const ETHERNET_MTU: u32 = 1500;

/// The head-room of each pool whose forward mode encapsulates. A pool whose backends have no route makes none; what cannot be
/// found out makes none either.
pub async fn headroom(config: &Config) -> Vec<Headroom> {
    let addresses = config.desired.destinations().routed;
    if addresses.is_empty() {
        return Vec::new();
    }
    match neighbour::path_mtus(&addresses).await {
        Ok(mtus) => of(&config.desired, &mtus),
        Err(error) => {
            tracing::warn!(%error, "cannot find out the path MTU of backends");
            Vec::new()
        }
    }
}

/// By the MTU of the path to each backend. Pure.
fn of(desired: &Desired, mtus: &BTreeMap<IpAddr, u32>) -> Vec<Headroom> {
    let mut narrowest: BTreeMap<(&str, &str), Headroom> = BTreeMap::new();
    for service in desired.services.iter().filter(|service| service.forward.mode().encapsulates()) {
        for found in of_service(service, mtus) {
            let key = (service.pool.as_str(), found.forward);
            let known = narrowest.get(&key);
            if known.is_none_or(|known| found.largest < known.largest) {
                narrowest.insert(key, found);
            }
        }
    }
    narrowest.into_values().collect()
}

fn of_service<'a>(service: &'a Service, mtus: &'a BTreeMap<IpAddr, u32>) -> impl Iterator<Item = Headroom> + 'a {
    let (own, _) = service.parts();
    own.iter().filter_map(|backend| {
        let path_mtu = *mtus.get(&backend.address)?;
        let family = if backend.address.is_ipv4() { Family::V4 } else { Family::V6 };
        let overhead = service.forward.overhead(family);
        let largest = path_mtu.saturating_sub(overhead.into());
        Some(Headroom {
            pool: service.pool.clone(),
            forward: service.forward.mode().name(),
            backend: backend.name.clone(),
            path_mtu,
            overhead,
            largest,
            wanted_mtu: ETHERNET_MTU + u32::from(overhead),
            mss: [IPV4, IPV6].map(|header| largest.saturating_sub(header + TCP)),
        })
    })
}

/// Bytes of the headers without options.
const IPV4: u32 = 20;
const IPV6: u32 = 40;
const TCP: u32 = 20;

impl fmt::Display for Headroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, forward, backend, path_mtu, overhead, largest, wanted_mtu, mss: [mss4, mss6] } = self;
        write!(
            f,
            "pool {pool}, {forward}: packets of up to {largest} bytes fit: {path_mtu} to {backend} less {overhead}"
        )?;
        if *largest >= ETHERNET_MTU {
            return Ok(());
        }
        write!(
            f,
            "; larger ones are answered with ICMP: set an MTU of {wanted_mtu} on the path to the backends, or `advmss {mss4}` \
             (IPv6: {mss6}) on the backends' routes to clients"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::parse,
        model::{Forward, OuterSources},
    };

    fn desired(forward: Forward) -> Desired {
        let text = "interfaces: [eth0]\npools:\n  web:\n    forward: l2\n    backends:\n      \
                    - {name: web1, address: 10.0.0.11}\n      - {name: web2, address: 10.0.0.12}\n\
                    services:\n  - {name: www, vip: 192.0.2.10, port: 80, pool: web}\n";
        let mut desired = parse(text, std::path::Path::new("dsr.yaml")).unwrap().desired;
        desired.services.iter_mut().for_each(|service| service.forward = forward);
        desired
    }

    #[test]
    fn the_narrowest_path_of_a_pool_counts() {
        let mtus = BTreeMap::from([([10, 0, 0, 11].into(), 1500), ([10, 0, 0, 12].into(), 1400)]);
        let found = of(&desired(Forward::Ipip(OuterSources::default())), &mtus);
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!((one.backend.as_str(), one.largest, one.wanted_mtu, one.mss), ("web2", 1380, 1520, [1340, 1320]));
        assert_eq!(
            one.to_string(),
            "pool web, ipip: packets of up to 1380 bytes fit: 1400 to web2 less 20; larger ones are answered with ICMP: set an \
             MTU of 1520 on the path to the backends, or `advmss 1340` (IPv6: 1320) on the backends' routes to clients"
        );
    }

    #[test]
    fn a_path_that_is_wide_enough_needs_nothing() {
        let mtus = BTreeMap::from([([10, 0, 0, 11].into(), 9000)]);
        let gre = Forward::Gre { key: None, sources: OuterSources::default() };
        let found = of(&desired(gre), &mtus);
        assert_eq!(found[0].to_string(), "pool web, gre: packets of up to 8976 bytes fit: 9000 to web1 less 24");
        assert_eq!(of(&desired(Forward::L2), &mtus), [], "nothing is put in front");
    }
}
