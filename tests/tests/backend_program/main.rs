//! The backend's XDP program: frames through the real program, compared byte for byte with fixtures and with a plain
//! model of `docs/backend-half.md`.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../fixtures/bytes.rs"]
mod bytes;
mod classes;
mod differential;
mod fixtures;
mod jumbo;
mod model;
mod packets;
mod program;
#[path = "../backend_run/tunnel.rs"]
#[allow(dead_code)] // The tests of the backend's agent need more of it.
mod tunnel;

use std::{collections::BTreeSet, net::IpAddr};

use dsr::model::{DscpCode, GUE_PORT, Gre, Prefix, Tunnels};

/// The backend of these tests: every tunnel ends there, GRE without a key.
fn tunnels() -> Tunnels {
    let [vip, vip6, other] = [VIP, VIP6, OTHER_VIP].map(address);
    Tunnels {
        balancers: [BALANCER, BALANCER6]
            .map(|text| Prefix::host(address(text)))
            .into_iter()
            .chain(prefixes())
            .collect(),
        vips: vec![vip, vip6, other],
        ipip: true,
        gre: Some(Gre::default()),
        gue: Some(GUE_PORT),
        dscp: [(vip, 8), (vip6, 8), (other, 9)].map(|(vip, code)| (vip, DscpCode::new(code).unwrap())).into(),
    }
}

/// The same with a key for GRE.
fn keyed() -> Tunnels {
    Tunnels { gre: Some(Gre { key: Some(KEY) }), ..tunnels() }
}

fn prefixes() -> [Prefix; 2] {
    [("10.64.0.0", 16), ("fd64::", 32)].map(|(text, length)| Prefix::new(address(text), length).unwrap())
}

/// The backend's own addresses; a VIP is an address of the host too.
fn own() -> BTreeSet<IpAddr> {
    [OWN, OWN6, VIP, VIP6, OTHER_VIP].map(address).into()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const OWN: &str = "10.0.0.11";
const OWN6: &str = "2001:db8:1::11";
const BALANCER: &str = "10.0.0.2";
const BALANCER6: &str = "2001:db8:1::2";
const VIP: &str = "192.0.2.10";
const VIP6: &str = "2001:db8::10";
const OTHER_VIP: &str = "192.0.2.11";
const KEY: u32 = 0x0102_0304;
