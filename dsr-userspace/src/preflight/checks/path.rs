//! Routes: where packets for the VIPs come in, and where this host expects answers from.

use std::{collections::BTreeMap, net::IpAddr};

use super::finding;
use crate::preflight::{
    Finding, Severity,
    facts::{Facts, Hops, Listening, Routed, SourceFilter},
};

/// What is found of the routes.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let elsewhere = facts.vips.iter().filter_map(elsewhere);
    let filtered = facts.toward_backends.iter().flat_map(|link| filtered(link, &facts.routes_to_vips));
    elsewhere.chain(filtered).collect()
}

/// The backends that frames of the program cannot reach, each with the reason and what to do.
pub(in crate::preflight) fn unreachable(facts: &Facts) -> BTreeMap<IpAddr, String> {
    let reason = |(address, way): &(IpAddr, Option<Routed>)| {
        let because = match way {
            None => format!(
                "this host has no route to {address}, but a backend must be on a segment of this host: correct the \
                 address, or give this host an address in the backend's subnet"
            ),
            Some(Routed { hops: Hops::Router, ours: true, .. }) if facts.routed.contains(address) => return None,
            Some(Routed { hops: Hops::Router, by, .. }) if !facts.routed.contains(address) => format!(
                "{address} is behind a router, by {by}, but a backend must be on a segment of this host: correct the \
                 address, give this host an address in the backend's subnet, or use a forward mode that crosses routers"
            ),
            Some(Routed { ours: false, by, .. }) => format!(
                "{address} is on the segment of {by}, where the program is not: add {by}, or its lower interface, to \
                 `interfaces`"
            ),
            Some(_) => return None,
        };
        Some((*address, because))
    };
    facts.backends.iter().filter_map(reason).collect()
}

/// Who looks for a VIP asks on the segment that has its subnet.
fn elsewhere(vip: &Routed) -> Option<Finding> {
    let Routed { address, by, hops, ours } = vip;
    if *ours || *hops == Hops::Router || by == "lo" {
        return None;
    }
    let what =
        format!("the VIP {address} is in its subnet, where clients resolve it, but the program is not attached to it");
    let remedy = format!(
        "add {by}, or its lower interface, to `interfaces` in the configuration, or fix the route that \
                        `ip route get {address}` shows"
    );
    Some(finding(Severity::Warning, by, what, remedy))
}

/// A probe to a VIP is answered from the VIP, on the backend's segment, whether the VIP is announced or not.
fn filtered(link: &Listening, vips: &[(IpAddr, Option<String>)]) -> Vec<Finding> {
    let vips = || vips.iter().filter(|(address, _)| address.is_ipv4());
    let elsewhere = vips().find_map(|(vip, by)| Some((vip, by.as_ref().filter(|by| **by != link.name)?)));
    let nowhere = vips().find(|(_, by)| by.is_none());
    let (elsewhere, nowhere, setting_is) = match link.filter {
        SourceFilter::Off => return Vec::new(),
        SourceFilter::Strict => (elsewhere, nowhere, "strict"),
        SourceFilter::Loose => (None, nowhere, "loose"),
    };
    let name = &link.name;
    let lost = "this host gets no answer from that VIP's backends";
    let of_elsewhere = elsewhere.map(|(vip, by)| {
        let what = format!("it drops packets from {vip}, whose route is by {by} (rp_filter is {setting_is}): {lost}");
        // The larger of this value and that of `all` applies, and 2, which is loose, is larger than 1.
        finding(Severity::Warning, name, what, format!("sysctl -w {}", setting(name, 2)))
    });
    let of_nowhere = nowhere.map(|(vip, _)| {
        let what =
            format!("it drops packets from {vip}, to which there is no route (rp_filter is {setting_is}): {lost}");
        let remedy = format!("sysctl -w {} {}", setting("all", 0), setting(name, 0));
        finding(Severity::Warning, name, what, format!("{remedy}, or `ip route add {vip}/32 dev {name}`"))
    });
    of_elsewhere.into_iter().chain(of_nowhere).collect()
}

fn setting(name: &str, value: u8) -> String {
    // In a setting's name a point in an interface's name is a slash (sysctl(8)).
    format!("net.ipv4.conf.{}.rp_filter={value}", name.replace('.', "/"))
}
