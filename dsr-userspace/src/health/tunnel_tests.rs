//! ICMP errors about outer packets, and others.

use std::num::NonZeroU16;

use super::*;
use crate::model::{DscpCode, GueVariant, OuterSources};

const BACKEND: [u8; 4] = [10, 77, 1, 2];

fn backend() -> IpAddr {
    BACKEND.into()
}

fn backend6() -> IpAddr {
    "fd77::1:2".parse().unwrap()
}

fn ipip() -> Forward {
    Forward::Ipip(OuterSources::default())
}

fn gre() -> Forward {
    Forward::Gre { key: None, sources: OuterSources::default() }
}

fn gue(port: u16) -> Forward {
    let port = NonZeroU16::new(port).unwrap();
    Forward::Gue { port, variant: GueVariant::One, sources: OuterSources::default() }
}

/// An IPv4 header of 20 bytes, then eight bytes.
fn outer(protocol: u8, to: [u8; 4], payload: [u8; 8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 100, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 77, 0, 2];
    packet.extend_from_slice(&to);
    packet.extend_from_slice(&payload);
    packet
}

fn error(kind: u8, code: u8, mtu: u16, quoted: &[u8]) -> Vec<u8> {
    let [high, low] = mtu.to_be_bytes();
    let mut packet = outer(1, [10, 77, 0, 2], [kind, code, 0, 0, 0, 0, high, low]);
    packet.extend_from_slice(quoted);
    packet
}

#[test]
fn what_ends_no_tunnel_refuses_it() {
    let refused = Some(TunnelAnswer::Refused);
    for inner in [4, 41] {
        let quoted = outer(inner, BACKEND, [0; 8]);
        for code in [2, 3] {
            assert_eq!(read(&error(3, code, 0, &quoted), backend(), ipip()), refused);
        }
        assert_eq!(read(&error(3, 1, 0, &quoted), backend(), ipip()), None, "host unreachable");
        assert_eq!(read(&error(11, 0, 0, &quoted), backend(), ipip()), None, "time exceeded");
        assert_eq!(read(&error(3, 2, 0, &quoted), backend(), gre()), None, "another tunnel");
    }
    assert_eq!(read(&error(3, 2, 0, &outer(47, BACKEND, [0; 8])), backend(), gre()), refused);
}

#[test]
fn gue_is_known_by_its_port() {
    let quoted = outer(17, BACKEND, [0xc0, 1, 0x17, 0xc0, 0, 0, 0, 0]);
    assert_eq!(read(&error(3, 3, 0, &quoted), backend(), gue(6080)), Some(TunnelAnswer::Refused));
    assert_eq!(read(&error(3, 3, 0, &quoted), backend(), gue(6081)), None, "DNS of this host, or another tunnel");
}

#[test]
fn errors_about_other_packets_are_not_of_the_tunnel() {
    let elsewhere = outer(4, [10, 77, 1, 3], [0; 8]);
    assert_eq!(read(&error(3, 2, 0, &elsewhere), backend(), ipip()), None);
    let tcp = error(3, 2, 0, &outer(6, BACKEND, [0; 8]));
    let dscp = Forward::Dscp(DscpCode::new(8).unwrap());
    for forward in [Forward::L2, dscp, ipip(), gre(), gue(6080)] {
        assert_eq!(read(&tcp, backend(), forward), None);
    }
}

#[test]
fn a_router_tells_the_mtu_of_its_link() {
    let quoted = outer(4, BACKEND, [0; 8]);
    assert_eq!(read(&error(3, 4, 1400, &quoted), backend(), ipip()), Some(TunnelAnswer::TooBig(Some(1400))));
    assert_eq!(read(&error(3, 4, 0, &quoted), backend(), ipip()), Some(TunnelAnswer::TooBig(None)), "RFC 792 had none");
}

#[test]
fn ipv6_has_errors_of_its_own() {
    let IpAddr::V6(to) = backend6() else { unreachable!() };
    let message = |kind, code, protocol| {
        let mut packet = vec![kind, code, 0, 0, 0, 0, 5, 0];
        packet.extend_from_slice(&[0x60, 0, 0, 0, 0, 80, protocol, 64]);
        packet.extend_from_slice(&[0; 16]);
        packet.extend_from_slice(&to.octets());
        packet.extend_from_slice(&[0xc0, 1, 0x17, 0xc0, 0, 0, 0, 0]);
        packet
    };
    let of = |kind, code, protocol, forward| read(&message(kind, code, protocol), backend6(), forward);
    assert_eq!(of(4, 1, 41, ipip()), Some(TunnelAnswer::Refused), "unrecognized next header");
    assert_eq!(of(4, 1, 47, gre()), Some(TunnelAnswer::Refused));
    assert_eq!(of(1, 4, 17, gue(6080)), Some(TunnelAnswer::Refused));
    assert_eq!(of(1, 4, 17, gue(6081)), None);
    assert_eq!(of(2, 0, 4, ipip()), Some(TunnelAnswer::TooBig(Some(1280))));
    assert_eq!(of(3, 0, 41, ipip()), None, "time exceeded");
}

#[test]
fn messages_that_are_cut_off_say_nothing() {
    let whole = error(3, 2, 0, &outer(4, BACKEND, [0; 8]));
    for length in 0..20 + 8 + 20 {
        assert_eq!(read(&whole[..length], backend(), ipip()), None, "{length}");
    }
    assert_eq!(read(&whole[..20 + 8 + 20], backend(), ipip()), Some(TunnelAnswer::Refused));
    let short_header = [&[0x41; 28], &whole[28..]].concat();
    assert_eq!(read(&short_header, backend(), ipip()), None);
}

/// The kernel refuses a tunnel that it does not know; this host hears of it.
#[test]
#[ignore = "needs root"]
fn the_kernel_of_a_host_without_the_tunnel_refuses_it() {
    use dsr_lab::{
        Namespace,
        net::{LinkState, Links},
    };
    let namespace = Namespace::create(&format!("dsr-test-tunnel-{}", std::process::id())).unwrap();
    let heard = namespace.block_on(async || {
        Links::open().unwrap().set_state("lo", LinkState::Up).await.unwrap();
        let backend = IpAddr::from([127, 0, 0, 2]);
        let send = |protocol: u8, payload: &[u8]| {
            // With the header included (raw(7)): a socket of the tunnel's own protocol would take the packet.
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW))).unwrap();
            let header = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2];
            socket.send_to(&[&header[..], payload].concat(), &std::net::SocketAddr::new(backend, 0).into()).unwrap();
        };
        let gue_header = [0xc0, 1, 0x17, 0xc0, 0, 28, 0, 0];
        let cases = [
            (ipip(), 4, outer(6, [192, 0, 2, 10], [0; 8])),
            (gre(), 47, vec![0; 28]),
            (gue(6080), 17, [&gue_header[..], &[0; 20]].concat()),
        ];
        cases.map(|(forward, protocol, packet)| {
            let errors = TunnelErrors::listen(backend, forward).unwrap();
            let quiet = errors.take();
            send(protocol, &packet);
            let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
            let mut answer = errors.take();
            while answer == TunnelAnswer::Nothing && std::time::Instant::now() < until {
                std::thread::yield_now();
                answer = errors.take();
            }
            (quiet, answer)
        })
    });
    assert_eq!(heard.unwrap(), [(TunnelAnswer::Nothing, TunnelAnswer::Refused); 3]);
}
