//! Findings about what is around the agent, as long as they hold: hosts that claim a VIP, pins that were removed, health
//! probes that cannot be sent, and ICMP errors about tunnels.
//! Pure.

use std::{collections::BTreeMap, path::Path};

use crate::{
    api::view::{ServiceStatus, StatusFinding},
    arpwatch::{self, ClaimRecord, Owner},
    health::{Steered, link},
    model::Cause,
    tunnel_errors::{ErrorCount, ErrorKind, TunnelEnd},
};

/// Claims to VIPs that hold, but for those that are a finding about a member of a service already. Other balancers
/// announce VIPs as they should.
pub(in crate::agent) fn claimed(
    claims: &[ClaimRecord],
    services: &[ServiceStatus],
) -> impl Iterator<Item = StatusFinding> {
    let foreign = claims.iter().filter(|claim| claim.holds && claim.owner != Owner::Balancer);
    let foreign = foreign.filter(|claim| !is_told_of_member(claim, services));
    foreign.map(|ClaimRecord { vip, mac, owner, interface, .. }| {
        let finding = format!("{}; its MAC is {mac}, on {interface}", arpwatch::meaning(owner, *vip));
        StatusFinding::new(vip, finding, arpwatch::remedy(owner, *vip, *mac))
    })
}

fn is_told_of_member(claim: &ClaimRecord, services: &[ServiceStatus]) -> bool {
    let Owner::Backend(names) = &claim.owner else { return false };
    let leak = Cause::ArpLeak.to_string();
    let members = services.iter().filter(|service| service.vip == claim.vip).flat_map(|service| &service.members);
    let mut leaking = members.filter(|member| member.cause.as_deref() == Some(&leak));
    leaking.any(|member| names.split(',').any(|name| name == member.backend))
}

/// That no health probe can be sent.
pub(in crate::agent) fn unsteered(steered: Steered) -> Option<StatusFinding> {
    let Steered::Nowhere(why) = steered else { return None };
    let finding = format!("health checks have no result, backends keep their states: {why}");
    let remedy = "fix the cause on this host; the agent tries again every few seconds";
    Some(StatusFinding::new(link::NAME, finding, remedy))
}

/// ICMP errors about tunnels that go on.
pub(super) fn tunnel_errors(counts: &BTreeMap<(TunnelEnd, ErrorKind), ErrorCount>) -> Vec<StatusFinding> {
    let current = counts.iter().filter(|(_, count)| count.goes_on);
    let finding = |((TunnelEnd { pool, backend }, kind), count): (&(TunnelEnd, ErrorKind), &ErrorCount)| {
        let mtu = count.mtu.map_or_else(String::new, |mtu| format!(", the MTU there is {mtu}"));
        let finding =
            format!("{} reports by ICMP about the tunnel to backend {backend}: {}{mtu}", count.from, kind.label());
        StatusFinding::new(format_args!("pool {pool}"), finding, kind.remedy())
    };
    current.map(finding).collect()
}

/// A pin that should be there and is not.
pub(in crate::agent) fn unpinned(path: &Path) -> StatusFinding {
    let finding = "it was removed: if the agent crashes or hands over, the program is detached and its flows break";
    let remedy = "wait a few seconds: the agent pins it again; if another directory is in its place, remove that one";
    StatusFinding::new(path.display(), finding, remedy)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use dsr_common::claim::ClaimKind;

    use super::*;
    use crate::model::Mac;

    #[test]
    fn errors_of_tunnels_are_findings_while_they_go_on() {
        let end = |backend: &str| TunnelEnd { pool: "web".to_owned(), backend: backend.to_owned() };
        let count = |goes_on, mtu| {
            let mut count = ErrorCount::new([10, 0, 9, 9].into(), Instant::now());
            (count.goes_on, count.mtu) = (goes_on, mtu);
            count
        };
        let counts = BTreeMap::from([
            ((end("web1"), ErrorKind::TooBig), count(true, Some(1400))),
            ((end("web2"), ErrorKind::TimeExceeded), count(false, None)),
        ]);
        let found: Vec<String> = tunnel_errors(&counts).iter().map(ToString::to_string).collect();
        let remedy = ErrorKind::TooBig.remedy();
        let expected =
            "pool web: 10.0.9.9 reports by ICMP about the tunnel to backend web1: too-big, the MTU there is 1400";
        assert_eq!(found, [format!("{expected}: {remedy}")]);
    }

    #[test]
    fn claims_of_foreign_hosts_are_findings_while_they_hold() {
        let claim = |last, owner, holds| ClaimRecord {
            vip: "192.0.2.10".parse().unwrap(),
            mac: Mac([2, 0, 0, 0, 0, last]),
            owner,
            interface: "eth0".to_owned(),
            ifindex: 2,
            tags: Vec::new(),
            kind: ClaimKind::ArpReply,
            count: 1,
            seen: Instant::now(),
            holds,
        };
        let claims = [
            claim(1, Owner::Unknown, true),
            claim(2, Owner::Unknown, false),
            claim(3, Owner::Balancer, true),
            claim(4, Owner::Backend("web1".to_owned()), true),
        ];
        let findings: Vec<_> = claimed(&claims, &[]).collect();
        let [unknown, backend] = findings.as_slice() else { panic!("{findings:#?}") };
        assert_eq!(unknown.object, "192.0.2.10");
        assert!(
            unknown.finding.contains("a host that is not a backend") && unknown.finding.contains("02:00:00:00:00:01")
        );
        assert!(backend.finding.contains("the backend web1") && backend.remedy.contains("arp_ignore=1"));
    }
}
