//! The variant without an address: packets for the VIP become packets for the host's own address, and back.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use dsr::backend::{Action, Asked, Means, System};
use dsr_tests::lab::{PATIENCE, process::ip};

use crate::{
    host::Host,
    scripts::{VIP, VIP6, asked, text},
};

/// What the host's service, which listens on its own address alone, says at the VIP.
fn said(host: &Host, own: &str, vip: &str) -> String {
    let listener = host.backend.run(|| TcpListener::bind(own).unwrap()).unwrap();
    // The kernel takes the connection; it waits to be accepted.
    let vip = vip.parse().unwrap();
    let mut stream = host.client.run(|| TcpStream::connect_timeout(&vip, PATIENCE)).unwrap().unwrap();
    listener.accept().unwrap().0.write_all(b"here").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
#[ignore = "needs root"]
fn a_host_without_the_address_serves_the_vip() {
    for address in [None, Some(Host::ADDRESS.to_owned())] {
        let host = Host::build();
        let nft = |action| Asked { means: Means::Nftables, address: address.clone(), ..asked(System::Linux, action) };
        assert_eq!(host.names(&nft(Action::Check)), ["nat-rule", "nat-rule"]);
        host.must(&nft(Action::Setup));
        host.must(&nft(Action::Setup));
        host.must(&nft(Action::Check));
        assert!(!host.is_told(VIP) && !host.is_told(VIP6));
        host.point(VIP);
        host.point(VIP6);
        assert_eq!(said(&host, "10.9.0.2:80", "10.9.0.10:80"), "here");
        assert_eq!(said(&host, "[fd09::2]:80", "[fd09::10]:80"), "here");
        ip(&host.backend, &format!("address add {VIP}/32 dev lo"));
        assert_eq!(host.names(&nft(Action::Check)), ["vip-elsewhere"]);
        host.must(&nft(Action::Undo));
        host.must(&nft(Action::Undo));
        let left = host.run("nft list ruleset");
        assert!(left.status.success() && left.stdout.is_empty(), "{left:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn only_the_ports_of_the_services_are_turned() {
    let host = Host::build();
    let nft = |action| Asked {
        means: Means::Nftables,
        ports: vec!["80/tcp".into(), "53/udp".into()],
        ..asked(System::Linux, action)
    };
    let all = |action| Asked { means: Means::Nftables, ..asked(System::Linux, action) };
    host.must(&nft(Action::Setup));
    host.must(&nft(Action::Check));
    assert_eq!(host.names(&all(Action::Check)), ["nat-rule"; 2]);
    host.point(VIP);
    assert_eq!(said(&host, "10.9.0.2:80", "10.9.0.10:80"), "here");
    assert!(!host.accepts(VIP), "echo is no service");
    host.must(&all(Action::Setup));
    host.must(&all(Action::Check));
    assert!(host.accepts(VIP));
}

#[test]
#[ignore = "needs root"]
fn an_address_of_the_host_is_refused() {
    let host = Host::build();
    ip(&host.backend, &format!("address add {VIP}/32 dev lo"));
    let output = host.run(&text(&Asked { means: Means::Nftables, ..asked(System::Linux, Action::Setup) }));
    assert!(String::from_utf8_lossy(&output.stderr).contains("set up without --nftables"), "{output:?}");
    assert_eq!(output.status.code(), Some(1));
}
