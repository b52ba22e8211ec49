//! What the Linux check names, and that the commands that it tells remedy it.

use std::net::TcpListener;

use dsr::backend::{Action, Asked, System};
use dsr_tests::lab::{
    eventually,
    process::{ip, set},
};

use crate::{
    host::Host,
    scripts::{VIP, VIP6, asked},
};

fn check() -> Asked {
    asked(System::Linux, Action::Check)
}

/// Does what the check tells to do.
fn remedy(host: &Host, asked: &Asked) {
    for (name, command) in host.faults(asked) {
        let output = host.run(&command);
        assert!(output.status.success(), "{name}: {command}: {output:?}");
    }
    host.must(asked);
}

#[test]
#[ignore = "needs root"]
fn the_remedy_commands_make_a_backend() {
    let host = Host::build();
    remedy(&host, &check());
    assert!(host.accepts(VIP) && host.accepts(VIP6) && !host.is_told(VIP) && !host.is_told(VIP6));
}

#[test]
#[ignore = "needs root"]
fn each_fault_has_its_name_and_is_fixed() {
    let host = Host::build();
    ip(&host.backend, "link add other type veth peer name far");
    ip(&host.backend, "link set other up");
    ip(&host.backend, "link set far up");
    ip(&host.backend, "address add 10.8.0.2/24 dev other");
    host.must(&asked(System::Linux, Action::Setup));
    let faults: [(&str, &dyn Fn()); 7] = [
        ("arp-ignore", &|| set(&host.backend, "ipv4.conf.all.arp_ignore", "0")),
        ("arp-announce", &|| set(&host.backend, "ipv4.conf.all.arp_announce", "1")),
        ("vip-held", &|| drop(ip(&host.backend, &format!("address del {VIP}/32 dev lo")))),
        ("vip-held", &|| drop(ip(&host.backend, &format!("address del {VIP6}/128 dev lo")))),
        ("vip-prefix", &|| {
            ip(&host.backend, &format!("address del {VIP}/32 dev lo"));
            ip(&host.backend, &format!("address add {VIP}/24 dev lo"));
        }),
        ("vip-elsewhere", &|| drop(ip(&host.backend, &format!("address add {VIP}/32 dev eth0")))),
        ("rp-filter", &|| {
            ip(&host.backend, "route replace default via 10.8.0.1 dev other");
            set(&host.backend, "ipv4.conf.eth0.rp_filter", "1");
        }),
    ];
    for (name, make) in faults {
        make();
        let names = host.names(&check());
        assert!(names.iter().all(|found| found == name), "{names:?} and not {name}");
        remedy(&host, &check());
    }
}

#[test]
#[ignore = "needs root"]
fn ipv6_that_is_off_is_named_and_switched_on() {
    let host = Host::build();
    set(&host.backend, "ipv6.conf.lo.disable_ipv6", "1");
    let before = host.state();
    assert!(host.names(&check()).contains(&"ipv6-enabled".to_owned()));
    host.must(&asked(System::Linux, Action::Setup));
    host.must(&check());
    assert!(host.accepts(VIP6));
    host.must(&asked(System::Linux, Action::Undo));
    host.assert_is(&before);
}

#[test]
#[ignore = "needs root"]
fn a_port_without_a_listener_is_named() {
    let host = Host::build();
    host.must(&asked(System::Linux, Action::Setup));
    let ports = |port: &str| Asked { ports: vec![port.to_owned()], ..check() };
    // A program that another test has just started may hold a copy of a closed listener until it begins.
    let listen = |address: &str| {
        eventually(&format!("a listener at {address}"), || {
            host.backend.run(|| TcpListener::bind(address).ok()).unwrap()
        })
    };
    assert_eq!(host.names(&ports("80/tcp")), ["port-listening"; 2]);
    let own = listen("10.9.0.2:80");
    assert_eq!(host.names(&ports("80/tcp")), ["port-listening"; 2], "not at the VIP");
    drop(own);
    let four = listen("0.0.0.0:80");
    assert_eq!(host.names(&ports("80/tcp")), ["port-listening"], "IPv4 alone");
    drop(four);
    for both in [&["[::]:80"][..], &["10.9.0.10:80", "[fd09::10]:80"]] {
        let _listeners: Vec<_> = both.iter().map(|address| listen(address)).collect();
        host.must(&ports("80/tcp"));
        assert_eq!(host.names(&ports("80/udp")), ["port-listening"; 2], "another protocol");
        assert_eq!(host.names(&ports("8/tcp")), ["port-listening"; 2], "another port");
    }
}
