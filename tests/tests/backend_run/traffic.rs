//! Real requests through each tunnel.

use std::{net::IpAddr, time::Duration};

use dsr_lab::net::PacketSocket;
use dsr_tests::lab::{
    eventually,
    process::{finish, ip},
};

use super::{
    agent::Agent,
    balancer::{Balancer, link},
    tunnel::Tunnel,
    world::World,
};

#[test]
#[ignore = "needs root"]
fn nginx_answers_curl_through_every_tunnel() {
    let world = World::build();
    let accept: Vec<_> = Tunnel::ALL[..3].iter().map(|tunnel| tunnel.accept()).collect();
    let agent = Agent::start(world.backend(), &world.place, &world.yaml(&format!("accept: [{}]", accept.join(", "))));
    for (tunnel, is_v4) in Tunnel::ALL.into_iter().flat_map(|tunnel| [(tunnel, true), (tunnel, false)]) {
        let before = agent.count(tunnel.reason());
        let balancer = Balancer::start(&world.lab, tunnel, World::ends(is_v4));
        world.vips().into_iter().for_each(|vip| world.assert_serves(vip));
        eventually("end to the packets", || {
            (agent.count(tunnel.reason()) - before == balancer.forwarded()).then_some(())
        });
        assert!(balancer.forwarded() > 0);
        assert_eq!(balancer.replies(), 0, "{tunnel:?}: replies went through the balancer");
    }
    let scraped = agent.scrape();
    for wrong in
        ["pass_not_balancer", "pass_fragment", "pass_malformed", "pass_unsupported", "pass_not_vip", "drop_ecn"]
    {
        assert_eq!(scraped.sum("dsr_received_packets_total", &[("reason", wrong)]) as u64, 0, "{wrong}");
    }
}

#[test]
#[ignore = "needs root"]
fn gre_with_a_key_needs_that_key() {
    let world = World::build();
    let accept = format!("accept: [{}]", Tunnel::GreKeyed.accept());
    let agent = Agent::start(world.backend(), &world.place, &world.yaml(&accept));
    let balancer = Balancer::start(&world.lab, Tunnel::GreKeyed, World::ends(true));
    world.assert_serves(world.vips()[0]);
    assert_ne!(agent.count("decap_gre"), 0);
    drop(balancer);
    send(&world, Tunnel::Gre, World::ends(true));
    eventually("packet without the key", || (agent.count("pass_unsupported") == 1).then_some(()));
}

/// The client's kernel writes the code and the address, as a balancer in mode `dscp` does.
#[test]
#[ignore = "needs root"]
fn nginx_answers_curl_by_dscp_codes() {
    let world = World::build();
    let [vip, vip6] = world.vips();
    let agent =
        Agent::start(world.backend(), &world.place, &world.yaml(&format!("dscp: {{{vip}: 8, \"{vip6}\": 63}}")));
    let ([_, backend], [_, backend6]) = (World::ends(true), World::ends(false));
    for (vip, gateway) in [(vip, backend), (vip6, backend6)] {
        ip(world.lab.client(), &format!("neighbour del {vip} dev eth0"));
        ip(world.lab.client(), &format!("route replace {vip} via {gateway} dev eth0"));
    }
    let rules = format!(
        "table inet balancer {{\nchain out {{\ntype filter hook output priority 0\n\
         ip daddr {vip} ip dscp set 8 ip daddr set {backend}\n\
         ip6 daddr {vip6} ip6 dscp set 63 ip6 daddr set {backend6}\n}}\n}}\n"
    );
    let mut nft = world.lab.client().command("nft").unwrap();
    let output = finish(nft.arg(rules));
    assert!(output.status.success(), "{output:?}");
    for vip in world.vips() {
        let before = agent.count("restore_dscp");
        world.assert_serves(vip);
        assert!(agent.count("restore_dscp") > before + 50, "{vip}");
    }
}

/// A bridge has no native XDP.
#[test]
#[ignore = "needs root"]
fn an_interface_without_native_xdp_is_attached_generically_and_that_is_said() {
    let world = World::build();
    let ([_, own], [_, own6]) = (World::ends(true), World::ends(false));
    ip(world.backend(), "link add br0 type bridge");
    ip(world.backend(), "link set eth0 master br0");
    ip(world.backend(), "address flush dev eth0");
    ip(world.backend(), &format!("address add {own}/16 dev br0"));
    ip(world.backend(), &format!("address add {own6}/64 dev br0 nodad"));
    ip(world.backend(), "link set br0 up");
    let yaml = world.yaml("accept: [ipip]").replace("[eth0]", "[br0]");
    let agent = Agent::start(world.backend(), &world.place, &yaml);
    let attached = agent.scrape();
    assert_eq!(attached.sum("dsr_program_attached", &[("interface", "br0"), ("mode", "generic")]) as u64, 1);
    eventually("warning", || agent.log().contains("attached in generic mode").then_some(()));
    let balancer = Balancer::start(&world.lab, Tunnel::Ipip, World::ends(true));
    world.vips().into_iter().for_each(|vip| world.assert_serves(vip));
    assert_ne!(agent.count("decap_ipip"), 0);
    assert_eq!(balancer.replies(), 0);
}

/// What is not a balancer's goes to the kernel as it came, which has no tunnel and says so.
#[test]
#[ignore = "needs root"]
fn another_hosts_tunnel_is_left_to_the_kernel() {
    let world = World::build();
    let [balancer, own] = World::ends(true);
    let yaml = world.yaml("accept: [ipip]").replace(&balancer.to_string(), "10.77.0.99");
    let agent = Agent::start(world.backend(), &world.place, &yaml);
    let sniffer = world.lab.balancer().run(|| PacketSocket::open("eth0", &[])).unwrap().unwrap();
    send(&world, Tunnel::Ipip, [balancer, own]);
    eventually("ICMP protocol unreachable", || {
        let frame = sniffer.receive(Duration::from_millis(100)).unwrap()?;
        // IPv4 with ICMP, type 3, code 2, from the backend.
        let is_icmp = frame.get(23) == Some(&1) && frame.get(34..36) == Some(&[3, 2]);
        (is_icmp && frame.get(26..30) == Some(&octets(own)[..])).then_some(())
    });
    assert_eq!(agent.count("pass_not_balancer"), 1);
    // The host's own services are not touched.
    let before = agent.count("pass_other");
    let mut ping = world.lab.client().command("ping").unwrap();
    assert!(finish(ping.args(["-c", "1", "-W", "5", &own.to_string()])).status.success());
    assert!(agent.count("pass_other") > before);
}

/// Tunnels end at addresses that the host gets later, and no longer at those that it lost.
#[test]
#[ignore = "needs root"]
fn addresses_of_the_host_are_followed() {
    let world = World::build();
    let agent = Agent::start(world.backend(), &world.place, &world.yaml("accept: [ipip]"));
    let later: IpAddr = "10.77.9.9".parse().unwrap();
    let [balancer, _] = World::ends(true);
    send(&world, Tunnel::Ipip, [balancer, later]);
    eventually("packet to another host", || (agent.count("pass_other") > 0).then_some(()));
    assert_eq!(agent.count("decap_ipip"), 0);
    ip(world.backend(), &format!("address add {later}/32 dev eth0"));
    eventually("packet to the new address", || {
        send(&world, Tunnel::Ipip, [balancer, later]);
        (agent.count("decap_ipip") > 0).then_some(())
    });
    ip(world.backend(), &format!("address del {later}/32 dev eth0"));
    eventually("packet that is not taken", || {
        let before = agent.count("decap_ipip");
        send(&world, Tunnel::Ipip, [balancer, later]);
        // A packet to the own address is counted after it.
        send(&world, Tunnel::Gre, [balancer, later]);
        (agent.count("decap_ipip") == before).then_some(())
    });
}

/// Sends one packet to the VIP through a tunnel, as the balancer.
fn send(world: &World, tunnel: Tunnel, [from, to]: [IpAddr; 2]) {
    let [vip, _] = world.vips();
    let builder =
        etherparse::PacketBuilder::ipv4([198, 51, 100, 7], octets(vip).try_into().unwrap(), 64).udp(4000, 4000);
    let mut packet = Vec::new();
    builder.write(&mut packet, b"hello").unwrap();
    let frame = [link(true), tunnel.wrap(from, to, &packet)].concat();
    let sent = world.lab.balancer().run(|| PacketSocket::open("eth0", &[]).and_then(|socket| socket.send(&frame)));
    sent.unwrap().unwrap();
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
