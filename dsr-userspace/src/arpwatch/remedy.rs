//! What a claim means and how it is fixed, in an operator's words. Pure.

use std::net::IpAddr;

use super::view::Owner;
use crate::model::Mac;

/// What is wrong with such a claim.
pub fn meaning(owner: &Owner, vip: IpAddr) -> String {
    match owner {
        Owner::Backend(name) => {
            format!("the backend {name} tells the network that the VIP {vip} is its own: clients go past the balancer")
        }
        Owner::Balancer => format!("another balancer tells the network that the VIP {vip} is its own"),
        Owner::Unknown => {
            format!("a host that is no backend tells the network that the VIP {vip} is its own: it takes clients away")
        }
    }
}

/// What to do.
pub fn remedy(owner: &Owner, vip: IpAddr, mac: Mac) -> String {
    match (owner, vip) {
        (Owner::Backend(name), IpAddr::V4(_)) => format!(
            "on {name}: `sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2`, and have the VIP on \
             lo alone: `ip address show to {vip}`"
        ),
        (Owner::Backend(name), IpAddr::V6(_)) => format!(
            "on {name}: have the VIP on lo alone, `ip -6 address add {vip}/128 dev lo nodad`, and remove it from where \
             `ip -6 address show to {vip}` shows it beside"
        ),
        (Owner::Balancer, _) => "two balancers that announce one VIP take it from each other: stop one, or write \
                                 `announce: none` for it on both and let a router spread its flows"
            .to_owned(),
        (Owner::Unknown, _) => format!(
            "find {mac} in the switch's table, and take {vip} from that host; where it is a balancer, write its address \
             in `balancers`"
        ),
    }
}
