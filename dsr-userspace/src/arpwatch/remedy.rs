//! What a claim means and how it is fixed, in an operator's words. Pure.

use std::net::IpAddr;

use super::view::Owner;
use crate::model::Mac;

/// What is wrong with such a claim.
pub fn meaning(owner: &Owner, vip: IpAddr) -> String {
    match owner {
        Owner::Backend(name) => {
            format!("the backend {name} claims the VIP {vip} on the network: clients bypass the balancer")
        }
        Owner::Balancer => format!("another balancer claims the VIP {vip} on the network"),
        Owner::Unknown => {
            format!("a host that is not a backend claims the VIP {vip} on the network: clients connect to it instead")
        }
    }
}

/// What to do.
pub fn remedy(owner: &Owner, vip: IpAddr, mac: Mac) -> String {
    match (owner, vip) {
        (Owner::Backend(name), IpAddr::V4(_)) => format!(
            "on {name}: `sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2`, and keep the VIP \
             on lo only: `ip address show to {vip}`"
        ),
        (Owner::Backend(name), IpAddr::V6(_)) => format!(
            "on {name}: keep the VIP on lo only, `ip -6 address add {vip}/128 dev lo nodad`, and remove it from any \
             other interface that `ip -6 address show to {vip}` lists"
        ),
        (Owner::Balancer, _) => "balancers that announce the same VIP take it from each other: stop one, or set \
                                 `announce: none` for it on both and let a router distribute its flows"
            .to_owned(),
        (Owner::Unknown, _) => format!(
            "find {mac} in the switch's MAC table and remove {vip} from that host; if it is a balancer, add its \
             address to `balancers`"
        ),
    }
}
