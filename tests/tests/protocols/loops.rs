//! A backend that does not hold the VIP but forwards: what it sends back ends at the balancer, which names it.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use dsr_lab::{Lab, Node};
use dsr_tests::lab::{
    Configuration, PATIENCE,
    agent::{self, count, reason},
    echo::{self, EchoServers},
    eventually,
    frames::Arrivals,
    process::{ip, set},
};

/// A lab of three backends, the second of which forwards what comes for the VIPs to where the network has them.
fn lab() -> Lab {
    let mut lab = Lab::builder().with_ipv6().build().unwrap();
    let web2 = lab.backend(2).unwrap();
    ip(web2, &format!("address del {}/32 dev lo", lab.vip(0).unwrap()));
    ip(web2, &format!("address del {}/128 dev lo", lab.vip6(0).unwrap()));
    for key in ["ipv4.ip_forward", "ipv6.conf.all.forwarding"] {
        set(web2, key, "1");
    }
    ip(web2, &format!("route add {} dev eth0", lab.vip(0).unwrap()));
    ip(web2, &format!("route add {} dev eth0", lab.vip6(0).unwrap()));
    // It would tell the client of a shorter way.
    set(web2, "ipv4.conf.all.send_redirects", "0");
    set(web2, "ipv4.conf.eth0.send_redirects", "0");
    let mut configuration = Configuration::of(&lab).no_services();
    for (name, vip) in [("v4", IpAddr::from(lab.vip(0).unwrap())), ("v6", lab.vip6(0).unwrap().into())] {
        let fields = format!("name: {name}, vip: \"{vip}\", protocol: udp, port: {UDP_PORT}");
        configuration = configuration.line(&fields);
    }
    agent::start(&configuration, &mut lab);
    lab
}

#[test]
#[ignore = "needs root"]
fn what_a_backend_sends_back_ends_and_names_it() {
    let lab = lab();
    let arrivals = Arrivals::watch(&lab, 2);
    // From the same ports, so that it is the same flows that it gets.
    for (service, vip) in [("v4", IpAddr::from(lab.vip(0).unwrap())), ("v6", lab.vip6(0).unwrap().into())] {
        let sent = send(&lab, (vip, UDP_PORT).into());
        let of = |name, backend| count(&lab, name, &[("service", service), ("backend", backend)]);
        let looped = of("dsr_member_packets_total", "web2");
        assert!(looped > 0 && looped < sent, "{looped} of {sent} datagrams went to web2");
        eventually("end of the loops", || (of("dsr_member_loops_total", "web2") == looped).then_some(()));
        assert_eq!((of("dsr_member_loops_total", "web1"), of("dsr_member_loops_total", "web3")), (0, 0));
        let others = of("dsr_member_packets_total", "web1") + of("dsr_member_packets_total", "web3");
        assert_eq!(looped + others, sent, "no frame was sent on twice");
    }
    let loops = count(&lab, "dsr_member_loops_total", &[]);
    assert_eq!(reason(&lab, "drop_loop"), loops);
    let to_web2 = count(&lab, "dsr_member_packets_total", &[("service", "v4"), ("backend", "web2")]);
    assert_eq!(u64::from(arrivals.take()), to_web2, "the switch hands web2 what the balancer sent it once");

    let line = agent::wait_for_log(agent::running(&lab), &["forwards the VIP's packets back"]);
    assert!(line.contains("web2") && line.contains(&Node::Backend(2).address().to_string()), "{line}");
    let log = agent::running(&lab).log();
    let others = ["web1", "web3"].map(|name| log.lines().any(|line| line.contains("back to") && line.contains(name)));
    assert_eq!(others, [false, false], "{log}");
}

#[test]
#[ignore = "needs root"]
fn backends_beside_one_that_sends_back_are_not_disturbed() {
    let lab = lab();
    let service = (lab.vip(0).unwrap(), UDP_PORT).into();
    let _servers = EchoServers::start_at(&lab, &[1, 3], &[service]);
    let (mut answered, mut looped) = (BTreeMap::<_, u64>::new(), 0);
    for port in PORTS {
        let socket = echo::socket(lab.client(), port, service, Duration::from_millis(1));
        socket.send(b"?").unwrap();
        let answer = eventually("answer or loop", || match echo::answerer(&socket, b"?") {
            Ok(name) => Some(Some(name)),
            Err(_) => (reason(&lab, "drop_loop") > looped).then_some(None),
        });
        match answer {
            Some(name) => *answered.entry(name).or_default() += 1,
            None => looped += 1,
        }
    }
    assert_eq!(answered.keys().collect::<Vec<_>>(), ["web1", "web3"]);
    assert_eq!((reason(&lab, "drop_loop"), answered.values().sum::<u64>() + looped), (looped, PORTS.len() as u64));
}

/// Sends a datagram from each port, to a closed port; returns how many.
fn send(lab: &Lab, service: SocketAddr) -> u64 {
    for port in PORTS {
        let socket = echo::socket(lab.client(), port, service, PATIENCE);
        socket.send(b"?").unwrap();
    }
    PORTS.len() as u64
}

const UDP_PORT: u16 = 5353;
/// The client's; with the seed they give flows to every backend.
const PORTS: std::ops::Range<u16> = 30000..30030;
