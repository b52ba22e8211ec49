//! ICMP errors about outer packets, as a diagnosis takes them.

use std::num::NonZeroU16;

use socket2::{Domain, Protocol, Socket, Type};

use super::*;
use crate::{
    model::{GueVariant, OuterSources},
    tunnel_errors::Tunnel,
};

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

#[test]
fn errors_about_this_tunnel_refuse_it_or_tell_its_mtu() {
    let [backend, other] = [IpAddr::from([10, 77, 1, 2]), [10, 77, 1, 3].into()];
    let of = |kind| answer(&TunnelError { kind, mtu: Some(1400), backend, tunnel: Tunnel::Ip }, backend, ipip());
    for kind in ErrorKind::ALL {
        let expected = match kind {
            ErrorKind::ProtocolUnreachable | ErrorKind::PortUnreachable => Some(TunnelAnswer::Refused),
            ErrorKind::TooBig => Some(TunnelAnswer::TooBig(Some(1400))),
            _ => None,
        };
        assert_eq!(of(kind), expected, "{kind:?}");
    }
    let error = TunnelError { kind: ErrorKind::TooBig, mtu: None, backend, tunnel: Tunnel::Ip };
    assert_eq!(answer(&error, backend, ipip()), Some(TunnelAnswer::TooBig(None)));
    assert_eq!([answer(&error, other, ipip()), answer(&error, backend, gre())], [None; 2], "another tunnel");
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
        let cases =
            [(ipip(), 4, vec![0; 28]), (gre(), 47, vec![0; 28]), (gue(6080), 17, [&gue_header[..], &[0; 20]].concat())];
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
