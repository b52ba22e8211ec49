//! What an agent answers of forward modes.

use super::*;
use crate::api::view::ForwardView;

/// The same file with this forward mode.
fn tunnels(forward: &str) -> String {
    FILE.replace("    backends:", &format!("    forward: {forward}\n    backends:"))
}

impl Fixture {
    /// All backends behind tunnels of this mode, for which the routes prefer this source.
    fn tunnels(forward: &str, source: Option<Ipv4Addr>) -> Self {
        let mut network = network(&[]);
        for reach in network.reach.values_mut() {
            let Reach::Hop(hop) = reach else { continue };
            hop.path.source = source.map(IpAddr::from);
        }
        Self::of(&tunnels(forward), network)
    }
}

#[test]
fn a_tunnel_without_an_outer_source_is_a_cause_of_its_own() {
    let cause = "no outer source: this host has no IPv4 address on the route to it";
    let fixture = Fixture::tunnels("ipip", None);
    let status = fixture.status();
    for member in &status.services[0].members {
        assert_eq!((member.state, member.slots, member.cause.as_deref()), (MemberState::Unreachable, 0, Some(cause)));
    }
    assert!(status.findings[0].to_string().starts_with(&format!("www: backend web1 unreachable: {cause}")));
    let report = fixture.snapshot().report().unwrap();
    assert_eq!(report.backends[0].cause.as_deref(), Some(cause));
    for (forward, source) in [("ipip", Some(Ipv4Addr::new(10, 0, 0, 254))), ("{ipip: {source: 10.0.0.254}}", None)] {
        let status = Fixture::tunnels(forward, source).status();
        assert!(status.findings.is_empty(), "{forward}: {:?}", status.findings);
    }
}

#[test]
fn an_explanation_names_the_forward_mode() {
    let forward = |fixture: Fixture| {
        let request = ExplainRequest {
            client: Ipv4Addr::new(198, 51, 100, 1).into(),
            client_port: 1000,
            vip: Ipv4Addr::new(192, 0, 2, 10).into(),
            port: 80,
            protocol: 6,
        };
        let explained = fixture.snapshot().explain(&request).unwrap();
        let member = explained.member.map(|member| member.address.to_string()).unwrap_or_default();
        (explained.service.unwrap().forward.unwrap().to_string(), member)
    };
    assert_eq!(forward(Fixture::new()).0, "l2");
    let (tunnel, member) = forward(Fixture::tunnels("{gre: {key: 7}}", Some(Ipv4Addr::new(10, 0, 0, 254))));
    assert_eq!(tunnel, format!("gre from 10.0.0.254 to {member}, 28 bytes of overhead"));
    // 192.0.2.10 modulo 63 is 21.
    assert_eq!(forward(Fixture::tunnels("dscp", None)).0, "dscp 22");
}

#[test]
fn a_preview_names_the_forward_modes() {
    let fixture = Fixture::new();
    let preview = |text: String| {
        let request = PreviewRequest { file: "new.yaml".to_owned(), text, included: Vec::new(), hash_seed: 7 };
        fixture.snapshot().preview(&request).unwrap().services
    };
    let same = preview(FILE.to_owned());
    assert!(same.iter().all(|service| service.forward_before == service.forward_after));
    let forward = |forward: &Option<ForwardView>| forward.as_ref().unwrap().to_string();
    let named = preview(tunnels("{gue: {source: 10.0.0.254}}"));
    assert_eq!(forward(&named[0].forward_before), "l2");
    let wanted = "gue from 10.0.0.254 to 10.0.0.1, 10.0.0.2, 10.0.0.3, 28 bytes of overhead";
    assert_eq!(forward(&named[0].forward_after), wanted);
    let by_route = preview(tunnels("gue"));
    assert!(by_route.iter().all(|service| service.moved == 0.0), "no route was asked for a source: {by_route:?}");
}
