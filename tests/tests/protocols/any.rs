//! Services on all ports of a protocol, and on all protocols.

use std::{
    collections::BTreeSet,
    io,
    net::{Ipv4Addr, SocketAddr},
};

use dsr_lab::{Lab, Namespace};
use dsr_tests::lab::{
    Configuration,
    agent::{self, count, reason},
    echo::{self, EchoServers},
    eventually,
    process::finish,
};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// A lab whose first VIP has these services and no other.
fn lab(lines: &[&str]) -> Lab {
    let mut lab = Lab::builder().build().unwrap();
    let configuration = Configuration::of(&lab).no_services();
    let configuration =
        lines.iter().fold(configuration, |all, line| all.line(&format!("vip: {}, {line}", lab.service().ip())));
    agent::start(&configuration, &mut lab);
    lab
}

fn at(lab: &Lab, port: u16) -> SocketAddr {
    (*lab.service().ip(), port).into()
}

/// Packets that went to backends for a service.
fn packets(lab: &Lab, service: &str) -> u64 {
    count(lab, "dsr_member_packets_total", &[("service", service)])
}

/// How curl ends at this port of the VIP.
fn curl(lab: &Lab, port: u16) -> Option<i32> {
    let mut curl = lab.client().command("curl").unwrap();
    curl.args(["--silent", "--output", "/dev/null", "--connect-timeout", "40", &format!("http://{}/", at(lab, port))]);
    finish(&mut curl).status.code()
}

/// The backends that answer datagrams to this port from some of the client's.
fn answerers(lab: &Lab, port: u16) -> BTreeSet<String> {
    (FIRST..FIRST + FLOWS).map(|from| echo::ask(lab.client(), from, at(lab, port), b"?").unwrap()).collect()
}

#[test]
#[ignore = "needs root"]
fn any_port_takes_what_no_service_of_its_own_has() {
    let lab = lab(&[
        "name: exact, protocol: udp, port: 5353",
        "name: rest, protocol: udp, port: any",
        "name: tcp, protocol: tcp, port: any",
    ]);
    let _servers = EchoServers::start(&lab, &[at(&lab, 5353), at(&lab, 1), at(&lab, 65535)]);
    for port in [1, 5353, 65535] {
        assert_eq!(answerers(&lab, port), BTreeSet::from(["web1", "web2", "web3"].map(str::to_owned)), "{port}");
    }
    assert_eq!((packets(&lab, "exact"), packets(&lab, "rest")), (u64::from(FLOWS), 2 * u64::from(FLOWS)));

    // The backends have a port 80, and refuse at another themselves.
    assert_eq!((curl(&lab, 80), curl(&lab, 81)), (Some(0), Some(CURL_REFUSED)));
    assert!(packets(&lab, "tcp") > 0);
    assert_eq!((reason(&lab, "drop_no_service"), reason(&lab, "answer_reject")), (0, 0));
    assert_eq!(exchange(&lab, 253, b"of no service"), None);
    assert_eq!(reason(&lab, "drop_protocol"), 1);
}

#[test]
#[ignore = "needs root"]
fn any_protocol_takes_the_rest() {
    let lab = lab(&["name: web, port: 80", "name: all, protocol: any"]);
    let _servers = EchoServers::start(&lab, &[at(&lab, 4500)]);
    assert_eq!(curl(&lab, 80), Some(0));
    assert_eq!(packets(&lab, "all"), 0);
    assert_eq!(curl(&lab, 81), Some(CURL_REFUSED));
    let before = packets(&lab, "all");
    assert!(before > 0);
    assert_eq!(answerers(&lab, 4500), BTreeSet::from(["web1", "web2", "web3"].map(str::to_owned)));
    assert_eq!(packets(&lab, "all") - before, u64::from(FLOWS));

    // ESP, GRE and one of no meaning (RFC 3692): by the addresses alone, so that it is always the same backend.
    for protocol in [50, 47, 253] {
        let first = exchange(&lab, protocol, b"first").expect("a backend gets it");
        assert_eq!(exchange(&lab, protocol, b"second"), Some(first), "protocol {protocol}");
    }
    assert_eq!((reason(&lab, "drop_protocol"), reason(&lab, "drop_no_service")), (0, 0));

    // ICMP is never a service's.
    let before = packets(&lab, "all");
    let mut ping = lab.client().command("ping").unwrap();
    let output = finish(ping.args(["-c", "3", "-i", "0.01", "-W", "10", &lab.service().ip().to_string()]));
    assert!(output.status.success(), "{output:?}");
    assert_eq!((reason(&lab, "answer_echo"), packets(&lab, "all")), (3, before));
}

/// Sends a packet of this protocol to the VIP; gives the backend that gets it, whole, or nothing where it is dropped.
fn exchange(lab: &Lab, protocol: u8, payload: &[u8]) -> Option<u8> {
    let vip = *lab.service().ip();
    let sockets = [1, 2, 3].map(|backend| raw(lab.backend(backend).unwrap(), protocol, vip));
    let before = reason(lab, "drop_protocol");
    let client = raw(lab.client(), protocol, Ipv4Addr::UNSPECIFIED);
    client.send_to(payload, &SockAddr::from(SocketAddr::from((vip, 0)))).unwrap();
    eventually("trace of the packet", || {
        let mut got = sockets.iter().zip(1..).filter_map(|(socket, backend)| receive(socket).map(|got| (backend, got)));
        match got.next() {
            Some((backend, packet)) => {
                assert!(packet.ends_with(payload) && got.next().is_none(), "{packet:x?}");
                Some(Some(backend))
            }
            None => (reason(lab, "drop_protocol") > before).then_some(None),
        }
    })
}

fn raw(namespace: &Namespace, protocol: u8, address: Ipv4Addr) -> Socket {
    let open = || -> io::Result<Socket> {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(i32::from(protocol))))?;
        socket.bind(&SocketAddr::from((address, 0)).into())?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    namespace.run(open).expect("the namespace can be entered").expect("root can open a raw socket")
}

/// A packet that is there.
fn receive(socket: &Socket) -> Option<Vec<u8>> {
    let mut packet = vec![0; 256];
    let length = io::Read::read(&mut { socket }, &mut packet).ok()?;
    packet.truncate(length);
    Some(packet)
}

/// The client's ports; with the seed they give flows to every backend.
const FIRST: u16 = 30000;
const FLOWS: u16 = 30;
/// `CURLE_COULDNT_CONNECT`
const CURL_REFUSED: i32 = 7;
