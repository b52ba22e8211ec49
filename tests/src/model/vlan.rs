//! "VLANs" of the page: whether a frame is about a VIP that is not in its VLAN.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dsr_common::vlan::Vlan;

use super::{
    Model,
    arp::ETHERNET_IPV4,
    ipv6,
    link::{self, Link},
    packet::ICMPV6,
};

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Bytes of either without options, and where the target stands there.
const LENGTH: usize = 24;
const TARGET: usize = 8;

impl Model {
    pub(super) fn is_foreign(&self, link: &Link<'_>) -> bool {
        let vlan = match link.vlans[..] {
            [] => Vlan::UNTAGGED,
            [number] => Vlan::of(number, 0),
            [outer, inner, ..] => Vlan::of(outer, inner),
        };
        self.subjects(link).into_iter().any(|address| self.is_vip(address) && !self.is_in(address, vlan))
    }

    fn is_in(&self, vip: IpAddr, vlan: Vlan) -> bool {
        let list = self.rules.iter().filter(|rule| rule.vip == vip).find_map(|rule| rule.vlans.as_ref());
        match (list, self.own) {
            (Some(list), _) => list.contains(&vlan),
            _ if vlan == Vlan::UNTAGGED => true,
            (None, own) => {
                own.and_then(|own| self.network.vlans.get(&own.ifindex)).is_some_and(|vlans| vlans.contains(&vlan))
            }
        }
    }

    /// The addresses that a frame is about.
    fn subjects(&self, link: &Link<'_>) -> Vec<IpAddr> {
        let payload = link.payload;
        match link.ether_type {
            link::ARP if payload.len() >= 28 && payload[..6] == ETHERNET_IPV4 => vec![v4(payload, 14), v4(payload, 24)],
            link::IPV4 if payload.len() >= 20 && payload[0] >> 4 == 4 => vec![v4(payload, 16)],
            link::IPV6
                if self.rules.iter().any(|rule| rule.vip.is_ipv6())
                    && payload.len() >= ipv6::HEADER
                    && payload[0] >> 4 == 6 =>
            {
                let mut subjects = vec![v6(payload, 24)];
                let message = payload.get(ipv6::HEADER..ipv6::HEADER + LENGTH).filter(|_| payload[6] == ICMPV6);
                match message.map(|message| (message[0], message[1])) {
                    Some((SOLICITATION, 0)) => {
                        subjects.extend([v6(payload, ipv6::HEADER + TARGET), v6(payload, 8)]);
                    }
                    Some((ADVERTISEMENT, 0)) => subjects.push(v6(payload, ipv6::HEADER + TARGET)),
                    _ => (),
                }
                subjects
            }
            _ => Vec::new(),
        }
    }
}

fn v4(bytes: &[u8], at: usize) -> IpAddr {
    Ipv4Addr::from(std::array::from_fn::<u8, 4, _>(|n| bytes[at + n])).into()
}

fn v6(bytes: &[u8], at: usize) -> IpAddr {
    Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|n| bytes[at + n])).into()
}
