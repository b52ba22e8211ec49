//! Scripts of every kind, without the command line.

use dsr::backend::{Action, Asked, AskedForward, Means, Persist, System, script};
use dsr_common::forward::ForwardMode;

/// What is asked for, with the two VIPs of the tests.
pub(crate) fn asked(system: System, action: Action) -> Asked {
    Asked {
        system,
        action,
        means: Means::Commands,
        vips: vec![VIP.to_owned(), VIP6.to_owned()],
        address: None,
        interface: None,
        container: (system == System::Docker).then(|| "web1".to_owned()),
        ports: Vec::new(),
        forward: AskedForward::L2,
    }
}

/// Every forward mode with its options, for VIPs of both families.
fn forwards() -> Vec<AskedForward> {
    let of = |mode| AskedForward { mode, ..AskedForward::L2 };
    let codes = [format!("{VIP}=8"), format!("{VIP6}=63")].to_vec();
    vec![
        AskedForward { codes, ..of(ForwardMode::Dscp) },
        of(ForwardMode::Ipip),
        of(ForwardMode::Gre),
        AskedForward { key: Some(7), ..of(ForwardMode::Gre) },
        of(ForwardMode::Gue),
        AskedForward { port: Some(5000), ..of(ForwardMode::Gue) },
    ]
}

/// The script, of a request that is right.
pub(crate) fn text(asked: &Asked) -> String {
    let request = asked.validate().unwrap_or_else(|wrong| panic!("{asked:?}: {wrong:?}"));
    script(&request).unwrap_or_else(|error| panic!("{asked:?}: {error:#}"))
}

/// A request of every system, action and means, with each argument and without.
pub(crate) fn all() -> Vec<Asked> {
    let mut all = Vec::new();
    for system in SYSTEMS {
        for action in ACTIONS {
            for means in means(system) {
                let base = Asked { means, ..asked(system, action) };
                for base in [vec![VIP], vec![VIP6], vec![VIP, VIP6]].map(|vips| of(&base, &vips)) {
                    all.extend(forms(&base).into_iter().filter(|asked| asked.validate().is_ok()));
                }
            }
        }
    }
    for (action, forward) in ACTIONS.iter().flat_map(|action| forwards().into_iter().map(move |one| (*action, one))) {
        for address in ["10.9.0.2", "fd09::2"] {
            let address = Some(address.to_owned());
            all.push(Asked { address, forward: forward.clone(), ..asked(System::Linux, action) });
        }
    }
    all
}

fn of(base: &Asked, vips: &[&str]) -> Asked {
    Asked { vips: vips.iter().map(|vip| (*vip).to_owned()).collect(), ..base.clone() }
}

fn forms(base: &Asked) -> Vec<Asked> {
    let some = |text: &str| Some(text.to_owned());
    let ports = ["80/tcp", "443/tcp", "53/udp"].map(str::to_owned).to_vec();
    vec![
        base.clone(),
        Asked { ports: ports.clone(), ..base.clone() },
        Asked { address: some("10.0.0.11"), ..base.clone() },
        Asked { interface: some("eth0.5"), ..base.clone() },
        Asked { interface: some("Ethernet 2"), ports: ports.clone(), ..base.clone() },
        Asked { interface: some("12"), address: some("2001:db8::11"), ports, ..base.clone() },
    ]
}

fn means(system: System) -> Vec<Means> {
    match system {
        System::Linux => PERSISTS.map(Means::Files).into_iter().chain([Means::Commands, Means::Nftables]).collect(),
        System::Windows => vec![Means::Commands, Means::Netsh],
        _ => vec![Means::Commands],
    }
}

pub(crate) const VIP: &str = "10.9.0.10";
pub(crate) const VIP6: &str = "fd09::10";
pub(crate) const PERSISTS: [Persist; 4] =
    [Persist::SystemdNetworkd, Persist::Ifupdown, Persist::NetworkManager, Persist::Netplan];
const ACTIONS: [Action; 3] = [Action::Setup, Action::Undo, Action::Check];
const SYSTEMS: [System; 8] = [
    System::Linux,
    System::Windows,
    System::Freebsd,
    System::Macos,
    System::Solaris,
    System::Illumos,
    System::Docker,
    System::Pod,
];

#[test]
fn every_request_has_a_script_that_names_its_vips() {
    let all = all();
    assert!(all.len() > 100, "{}", all.len());
    for asked in all {
        let text = text(&asked);
        assert!(asked.vips.iter().all(|vip| text.contains(vip)), "{asked:?}:\n{text}");
        assert!(text.ends_with('\n') && !text.contains("{{ ") && !text.contains("{%"), "{asked:?}:\n{text}");
        let blank = text.lines().any(|line| line.ends_with(' '));
        assert!(!blank, "a line ends with a space: {asked:?}:\n{text}");
    }
}
