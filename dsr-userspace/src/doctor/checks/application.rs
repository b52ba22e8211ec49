//! Backends that take the VIP's packets, and something is wrong with them all the same: what only their check can see.

use std::net::SocketAddr;

use hyper::http::uri::Authority;

use super::finding;
use crate::{
    doctor::{
        Finding, Severity,
        agent::State,
        observations::{Observations, Probe},
    },
    health::OwnAnswer,
    model::{Cause, Check, Http, Probe as Question, Tls},
};

/// What is wrong, where the doctor's own probes found nothing. An agent that checks the backend asks it through the VIP and
/// knows best; without one there is what the check meets at the backend's own address.
pub(super) fn failing(observations: &Observations<'_>, probe: &Probe) -> Option<Finding> {
    match observations.agents(probe) {
        Some(state) => told(observations, probe, state.as_ref()?),
        None => asked(observations, probe),
    }
}

/// By what an agent says.
fn told(observations: &Observations<'_>, probe: &Probe, State { cause, detail }: &State) -> Option<Finding> {
    let name = &probe.backend.name;
    let check = observations.check(probe).map(AsRef::as_ref);
    let asked = called(check, probe);
    let detail = detail.as_deref().unwrap_or("see the agent's log");
    let is_tcp = check.is_none_or(|check| matches!(check.probe, Question::Tcp));
    let (severity, what, remedy) = match cause {
        // What it says of a VIP is found by the checks of claims.
        Cause::ArpLeak => return None,
        Cause::ApplicationDown if !is_tcp => {
            let what = format!("it accepts the VIP's packets but fails {asked}: {detail}");
            (Severity::Error, what, remedy(check?, probe))
        }
        Cause::ReplyLost => {
            let what =
                format!("it answers the doctor at the VIP but not {asked}: {detail}; the fault may be intermittent");
            let remedy = "check what this host drops: `nft list ruleset`, and `rp_filter` of its interfaces";
            (Severity::Error, what, remedy.to_owned())
        }
        Cause::ReportedDown => {
            let what = format!("its agent check reports it down: {detail}");
            (Severity::Warning, what, format!("find out on {name} why its agent check reports it down"))
        }
        Cause::Mtu => {
            let what = format!("small packets reach it, and those as large as the path MTU do not: {detail}");
            let remedy = "find the smaller link on the path, and set its MTU on this host's route: `ip route change ... mtu \
                          BYTES`; see `dsr check` for what clients need";
            (Severity::Error, what, remedy.to_owned())
        }
        Cause::HostDown
        | Cause::ApplicationDown
        | Cause::VipMissing
        | Cause::NoDecap
        | Cause::TunnelRefused
        | Cause::NoNeighbour => {
            let what =
                format!("it answers now but {asked} still fails at the agent ({detail}): just fixed, or intermittent");
            let times = check.map_or(1, |check| check.rise.get());
            (Severity::Warning, what, format!("wait for {times} more probes, then run `dsr status`"))
        }
    };
    Some(finding(severity, name_of(*cause), name, what, remedy))
}

/// By what the check met at the backend's own address.
fn asked(observations: &Observations<'_>, probe: &Probe) -> Option<Finding> {
    let OwnAnswer::Wrong(detail) = observations.said.get(&(probe.id, probe.backend.address))? else { return None };
    let check = observations.check(probe)?;
    let (asked, address) = (called(Some(check), probe), probe.backend.address);
    let what = format!("it fails {asked} at {address}, not probed through the VIP because no agent answers: {detail}");
    Some(finding(Severity::Warning, "application-down", &probe.backend.name, what, remedy(check, probe)))
}

fn called(check: Option<&Check>, probe: &Probe) -> String {
    let kind = check.map_or(String::new(), |check| format!("{} ", check.probe.name()));
    format!("the {kind}check of service {}", probe.service)
}

/// The doctor's word for an agent's cause.
pub(super) const fn name_of(cause: Cause) -> &'static str {
    match cause {
        Cause::HostDown | Cause::NoNeighbour => "host-down",
        Cause::ApplicationDown => "application-down",
        Cause::VipMissing => "vip-missing",
        Cause::NoDecap => "no-decap",
        Cause::TunnelRefused => "tunnel-refused",
        Cause::Mtu => "mtu",
        Cause::ReplyLost => "reply-lost",
        Cause::ArpLeak => "arp-leak",
        Cause::ReportedDown => "reported-down",
    }
}

/// The question of the check, as an operator can ask it.
fn remedy(check: &Check, probe: &Probe) -> String {
    let (own, port) = (probe.backend.address, check.port);
    let look = format!("see the application's log on {}", probe.backend.name);
    match &check.probe {
        Question::Tcp => look,
        Question::Command(command) => format!("{look}, and run `{}`", command.join(" ")),
        Question::Dns(dns) => {
            format!("{look}, and repeat the check: `dig @{own} -p {port} {} {:?}`", dns.name, dns.kind)
        }
        Question::Http(http) => {
            let (scheme, any) = match &http.tls {
                None => ("http", ""),
                Some(Tls::Named(_)) => ("https", ""),
                Some(Tls::Unnamed) => ("https", " -k"),
            };
            let to = SocketAddr::new(own, port.get());
            let page = format!("{scheme}://{}{}", url_host(http, SocketAddr::new(probe.vip.0, port.get())), http.path);
            format!("{look}, and repeat the check: `curl -i{any} --connect-to ::{to} {page}`")
        }
    }
}

/// The host of the page, with its own port or the one that is asked.
fn url_host(Http { host, .. }: &Http, vip: SocketAddr) -> String {
    match host {
        None => vip.to_string(),
        Some(host) if host.parse().is_ok_and(|host: Authority| host.port().is_some()) => host.clone(),
        Some(host) => format!("{host}:{}", vip.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_port() {
        let url = |host: Option<&str>, vip: &str| {
            let (method, path, host) = (String::new(), String::new(), host.map(ToOwned::to_owned));
            url_host(&Http { tls: None, method, path, host, status: Vec::new(), body: None }, vip.parse().unwrap())
        };
        assert_eq!(url(None, "192.0.2.10:80"), "192.0.2.10:80");
        assert_eq!(url(None, "[2001:db8::1]:80"), "[2001:db8::1]:80");
        assert_eq!(url(Some("www.example.com"), "192.0.2.10:443"), "www.example.com:443");
        assert_eq!(url(Some("www.example.com:8443"), "192.0.2.10:443"), "www.example.com:8443");
        assert_eq!(url(Some("[2001:db8::1]"), "192.0.2.10:443"), "[2001:db8::1]:443");
    }
}
