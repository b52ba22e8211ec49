//! Whether each backend takes the VIP's packets and has an application behind it.

use std::net::{IpAddr, SocketAddr};

use super::{addresses, application, finding};
use crate::{
    doctor::{
        Finding, Severity,
        observations::{Observations, Own, Probe},
        observed::{Answer, Observed},
    },
    model::Mac,
};

/// At most one finding for each service and backend: the first cause that explains all that was heard.
pub(in crate::doctor) fn findings(observations: &Observations<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    // Of one that is somewhere else, or that the switch takes for another, there is no more to say.
    let is_found = |probe: &&Probe| {
        let address = probe.backend.address;
        !observations.misplaced.contains_key(&address) && !addresses::shares_its_mac(observations, address)
    };
    for probe in observations.probes.iter().filter(is_found) {
        let Some(finding) = finding_of(observations, probe) else { continue };
        if !found.contains(&finding) {
            found.push(finding);
        }
    }
    found
}

/// What a backend made of the probes.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // Each may be seen with each.
struct Made {
    opened: bool,
    refused: bool,
    echoed: bool,
    /// Another backend answered in its place.
    elsewhere: bool,
}

fn finding_of(observations: &Observations<'_>, probe: &Probe) -> Option<Finding> {
    let made = made(observations, probe);
    let (vip, port) = probe.vip;
    let (name, address) = (&probe.backend.name, probe.backend.address);
    if made.elsewhere || came_back(observations, name) {
        let what =
            format!("it forwards packets for the VIP {vip} back: it does not hold the VIP, and IP forwarding is on");
        return Some(finding(Severity::Error, "forwards", name, what, vip_remedy(name, vip)));
    }
    if made.opened || (port.is_none() && made.echoed) {
        return application::failing(observations, probe);
    }
    if made.refused {
        let port = port.unwrap_or_default();
        let what = format!(
            "nothing listens at {} there: service {} gets no answer from it",
            SocketAddr::from((vip, port)),
            probe.service
        );
        let remedy = match own(observations, probe) {
            Some(Own::Open) => {
                format!("the application listens at {address} only: bind it to {vip} or to all addresses")
            }
            _ => format!("start the application on {name} and check with `ss -ltn sport = :{port}`"),
        };
        return Some(finding(Severity::Error, "application-down", name, what, remedy));
    }
    if let (true, Some(port)) = (made.echoed, port) {
        let what = format!(
            "it holds the VIP {vip} but does not answer at port {port}: a firewall drops the packets or the replies"
        );
        let remedy =
            format!("on {name}: allow TCP port {port} to {vip}, see `nft list ruleset` or `iptables -nvL INPUT`");
        return Some(finding(Severity::Error, "firewall", name, what, remedy));
    }
    Some(silent(observations, probe))
}

/// Nothing at all came from the VIP.
fn silent(observations: &Observations<'_>, probe: &Probe) -> Finding {
    let ((vip, _), name, address) = (probe.vip, &probe.backend.name, probe.backend.address);
    match own(observations, probe) {
        Some(Own::Open | Own::Refused) => {
            let what = format!(
                "{address} answers but the VIP {vip} does not: it is missing on the backend's loopback, or a firewall \
                 drops its packets"
            );
            finding(Severity::Error, "vip-missing", name, what, vip_remedy(name, vip))
        }
        Some(Own::Silent) => {
            let what = format!("its MAC resolves, but it answers neither at {address} nor at the VIP {vip}");
            let remedy = format!("check that {name} is not hung and that no firewall drops this host's packets");
            finding(Severity::Error, "host-down", name, what, remedy)
        }
        // A service that cannot be asked by TCP, on a host that may not answer echo at all.
        None => {
            let what = format!("it does not answer echo to the VIP {vip}: the VIP may be missing on its loopback");
            finding(Severity::Warning, "vip-missing", name, what, vip_remedy(name, vip))
        }
    }
}

fn vip_remedy(name: &str, vip: IpAddr) -> String {
    let (ip, prefix) = if vip.is_ipv4() { ("ip", 32) } else { ("ip -6", 128) };
    format!("on {name}: `{ip} address add {vip}/{prefix} dev lo`, and check that IP forwarding is off")
}

fn own(observations: &Observations<'_>, probe: &Probe) -> Option<Own> {
    observations.own.get(&SocketAddr::from((probe.backend.address, probe.vip.1?))).copied()
}

fn made(observations: &Observations<'_>, probe: &Probe) -> Made {
    let mut made = Made::default();
    let vip = probe.vip.0;
    for observed in observations.observed.iter().map(|frame_seen| &frame_seen.observed) {
        let mac = match observed {
            Observed::Tcp { mac, from, to, .. }
                if from.0 == vip && Some(from.1) == probe.vip.1 && probe.marks.contains(to) =>
            {
                mac
            }
            Observed::Echo { mac, from, id } if *from == vip && probe.marks.contains(id) => mac,
            _ => continue,
        };
        if is_of_another(observations, *mac, probe) {
            made.elsewhere = true;
            continue;
        }
        match observed {
            Observed::Tcp { answer: Answer::Open, .. } => made.opened = true,
            Observed::Tcp { answer: Answer::Refused, .. } => made.refused = true,
            Observed::Echo { .. } => made.echoed = true,
            Observed::At { .. } | Observed::Host { .. } => {}
        }
    }
    made
}

/// Whether a MAC is that of another backend. An unknown MAC is another card of this one.
fn is_of_another(observations: &Observations<'_>, mac: Mac, probe: &Probe) -> bool {
    let its_own = observations.mac(probe.backend.address);
    Some(mac) != its_own && observations.backends().any(|backend| observations.mac(backend.address) == Some(mac))
}

/// Whether the agent dropped frames that came back from a backend while it was probed.
fn came_back(observations: &Observations<'_>, name: &str) -> bool {
    let Some((before, after)) = &observations.agent else { return false };
    after.loops.get(name) > before.loops.get(name)
}
