//! The kernel's own other end of each forward mode: nftables for DSCP codes, devices for tunnels. This machine's kernel
//! may have no such devices: then the script says so, and the virtual machines show the rest.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use dsr::backend::{Action, Asked, AskedForward, System};
use dsr_common::forward::ForwardMode;
use dsr_lab::net::PacketSocket;
use dsr_tests::lab::{
    PATIENCE, eventually,
    process::{finish, ip},
};
use etherparse::PacketBuilder;

use crate::{
    host::Host,
    scripts::{VIP, VIP6, asked},
    tunnel::Tunnel,
};

#[test]
#[ignore = "needs root"]
fn nftables_turns_dscp_codes_back() {
    let host = Host::build();
    let before = host.state();
    let codes = vec![format!("{VIP}=8"), format!("{VIP6}=63")];
    let forward = AskedForward { mode: ForwardMode::Dscp, codes, ..AskedForward::L2 };
    let dscp = |action| Asked { forward: forward.clone(), ..asked(System::Linux, action) };
    mark(&host);
    host.must(&asked(System::Linux, Action::Setup));
    assert_eq!(host.names(&dscp(Action::Check)), ["dscp-rule", "dscp-rule"]);
    for vip in [VIP, VIP6] {
        assert!(!answers(&host, vip), "{vip} without the rule");
    }
    host.must(&dscp(Action::Setup));
    host.must(&dscp(Action::Setup));
    host.must(&dscp(Action::Check));
    for vip in [VIP, VIP6] {
        assert!(answers(&host, vip), "{vip}");
    }
    host.must(&dscp(Action::Undo));
    let left = host.run("nft list ruleset");
    assert!(left.status.success() && left.stdout.is_empty(), "{left:?}");
    host.assert_is(&before);
}

/// Lets the client's kernel write the code and the host's own address, as a balancer does.
fn mark(host: &Host) {
    for (vip, own) in [(VIP, "10.9.0.2"), (VIP6, "fd09::2")] {
        ip(&host.client, &format!("route add {vip} via {own} dev eth0"));
    }
    let rules = format!(
        "table inet balancer {{\nchain out {{\ntype filter hook output priority 0\n\
         ip daddr {VIP} ip dscp set 8 ip daddr set 10.9.0.2\n\
         ip6 daddr {VIP6} ip6 dscp set 63 ip6 daddr set fd09::2\n}}\n}}\n"
    );
    let mut nft = host.client.command("nft").unwrap();
    let output = finish(nft.arg(rules));
    assert!(output.status.success(), "{output:?}");
}

/// Whether the host's service at the VIP gets the client's connection.
fn answers(host: &Host, vip: &str) -> bool {
    let service = SocketAddr::new(vip.parse().unwrap(), 80);
    let listener = host.backend.run(|| TcpListener::bind(service).unwrap()).unwrap();
    let patience = PATIENCE.min(Duration::from_secs(2));
    let Ok(mut stream) = host.client.run(|| TcpStream::connect_timeout(&service, patience)).unwrap() else {
        return false;
    };
    listener.accept().unwrap().0.write_all(b"here").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text == "here"
}

#[test]
#[ignore = "needs root"]
fn devices_of_the_kernel_take_off_ipip() {
    every_family(ForwardMode::Ipip, &[Tunnel::Ipip], None, ["ipip", "ip6tnl"]);
}

#[test]
#[ignore = "needs root"]
fn devices_of_the_kernel_take_off_gre() {
    every_family(ForwardMode::Gre, &[Tunnel::Gre], None, ["gre", "ip6gre"]);
    every_family(ForwardMode::Gre, &[Tunnel::GreKeyed], Some(7), ["gre", "ip6gre"]);
}

#[test]
#[ignore = "needs root"]
fn devices_of_the_kernel_take_off_gue() {
    every_family(ForwardMode::Gue, &[Tunnel::Gue(0), Tunnel::Gue(1)], None, ["ipip", "ip6tnl"]);
}

fn every_family(mode: ForwardMode, tunnels: &[Tunnel], key: Option<u32>, kinds: [&str; 2]) {
    for (ends, kind) in [["10.9.0.1", "10.9.0.2"], ["fd09::1", "fd09::2"]].into_iter().zip(kinds) {
        let host = Host::build();
        let forward = AskedForward { mode, key, ..AskedForward::L2 };
        let address = Some(ends[1].to_owned());
        let of = |action| Asked { forward: forward.clone(), address: address.clone(), ..asked(System::Linux, action) };
        if !has_device(&host, kind, ends[1]) {
            let output = host.run(&crate::scripts::text(&of(Action::Setup)));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let expected = format!("this kernel makes no device of kind {kind}: modprobe it");
            assert!(!output.status.success() && said.contains(&expected), "{output:?}");
            continue;
        }
        let before = host.state();
        host.must(&of(Action::Setup));
        host.must(&of(Action::Setup));
        host.must(&of(Action::Check));
        for (tunnel, vip) in tunnels.iter().flat_map(|tunnel| [(tunnel, VIP), (tunnel, VIP6)]) {
            eventually("reply from the VIP", || is_echoed(&host, *tunnel, ends, vip).then_some(()));
        }
        host.must(&of(Action::Undo));
        host.assert_is(&before);
    }
}

/// Whether this kernel makes devices of a kind.
fn has_device(host: &Host, kind: &str, local: &str) -> bool {
    let mut command = host.client.command("ip").unwrap();
    finish(command.args(["link", "add", "probe0", "type", kind, "local", local])).status.success()
}

/// Whether a ping to the VIP through the tunnel is answered by the VIP.
fn is_echoed(host: &Host, tunnel: Tunnel, ends: [&str; 2], vip: &str) -> bool {
    let [from, to] = ends.map(|end| end.parse::<IpAddr>().unwrap());
    let mut packet = Vec::new();
    let client = if vip.contains(':') { "fd09::1" } else { "10.9.0.1" };
    match (client.parse().unwrap(), vip.parse().unwrap()) {
        (IpAddr::V4(client), IpAddr::V4(vip)) => {
            let builder = PacketBuilder::ipv4(client.octets(), vip.octets(), 64).icmpv4_echo_request(1, 2);
            builder.write(&mut packet, b"ping").unwrap();
        }
        (IpAddr::V6(client), IpAddr::V6(vip)) => {
            let builder = PacketBuilder::ipv6(client.octets(), vip.octets(), 64).icmpv6_echo_request(1, 2);
            builder.write(&mut packet, b"ping").unwrap();
        }
        _ => unreachable!("client and VIP are of one family"),
    }
    let ethertype: [u8; 2] = if from.is_ipv4() { [0x08, 0x00] } else { [0x86, 0xdd] };
    let link = [&mac(host, true)[..], &mac(host, false), &ethertype].concat();
    let socket = host.client.run(|| PacketSocket::open("eth0", &[])).unwrap().unwrap();
    socket.send(&[link, tunnel.wrap(from, to, &packet)].concat()).unwrap();
    let is_reply = |frame: &[u8]| {
        let (source, kind) = if vip.contains(':') { (22..38, (54, 129)) } else { (26..30, (34, 0)) };
        let octets = match vip.parse().unwrap() {
            IpAddr::V4(vip) => vip.octets().to_vec(),
            IpAddr::V6(vip) => vip.octets().to_vec(),
        };
        frame.get(source) == Some(&octets[..]) && frame.get(kind.0) == Some(&kind.1)
    };
    while let Some(frame) = socket.receive(Duration::from_millis(500)).unwrap() {
        if is_reply(&frame) {
            return true;
        }
    }
    false
}

/// The MAC of an end of the cable.
fn mac(host: &Host, is_backend: bool) -> Vec<u8> {
    let shown = ip(if is_backend { &host.backend } else { &host.client }, "-json link show dev eth0");
    let links: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let text = links[0]["address"].as_str().unwrap();
    text.split(':').map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
