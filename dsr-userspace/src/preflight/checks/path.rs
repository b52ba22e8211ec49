//! Routes: where packets for the VIPs come in, and where this host expects answers from.

use super::finding;
use crate::preflight::{
    Finding, Severity,
    facts::{Facts, Hops, Listening, Routed},
};

/// What is found of the routes.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let elsewhere = facts.vips.iter().filter_map(elsewhere);
    elsewhere.chain(facts.toward_backends.iter().filter_map(|link| filtered(link, &facts.vips))).collect()
}

/// Who looks for a VIP asks on the segment that has its subnet.
fn elsewhere(vip: &Routed) -> Option<Finding> {
    let Routed { address, by, hops, ours } = vip;
    if *ours || *hops == Hops::Router || by == "lo" {
        return None;
    }
    let what =
        format!("the VIP {address} is in its subnet, so that it is asked for there, but the program is not there");
    let mend = format!(
        "add {by}, or what it stands on, to `interfaces` in the configuration, or mend the route that \
                        `ip route get {address}` shows"
    );
    Some(finding(Severity::Warning, by, what, mend))
}

/// A probe to a VIP is answered from the VIP, on the backend's segment.
fn filtered(link: &Listening, vips: &[Routed]) -> Option<Finding> {
    if !link.strict {
        return None;
    }
    let vip = vips.iter().find(|vip| vip.address.is_ipv4() && vip.by != link.name)?;
    let name = &link.name;
    let what = format!(
        "it drops packets from {}, whose route is by {} (rp_filter is strict): this host gets no answer from that \
         VIP's backends",
        vip.address, vip.by
    );
    // The stricter of this value and that of `all` counts, and 2 is the larger number: it wins over 1.
    Some(finding(Severity::Warning, name, what, format!("sysctl -w {}", setting(name))))
}

fn setting(name: &str) -> String {
    // In a setting's name a point in an interface's name is a slash (sysctl(8)).
    format!("net.ipv4.conf.{}.rp_filter=2", name.replace('.', "/"))
}
