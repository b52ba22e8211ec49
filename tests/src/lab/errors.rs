//! ICMP errors about a VIP's flows, seen where the switch hands them to a backend.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use dsr_lab::{Lab, Node, net::PacketSocket};
use socket2::SockFilter;

/// Sees the errors that go to one backend.
#[derive(Debug)]
pub struct Errors {
    socket: PacketSocket,
    vip: IpAddr,
}

impl Errors {
    /// Starts to look for those that are sent to `vip`.
    ///
    /// # Panics
    /// Where the lab has no such backend.
    #[must_use]
    pub fn watch(lab: &Lab, backend: u8, vip: IpAddr) -> Self {
        let port = Node::Backend(backend).to_string();
        let socket = lab.switch().run(|| PacketSocket::open(&port, &filter(vip)));
        let socket = socket.expect("the namespace can be entered").expect("the switch has a port for every backend");
        Self { socket, vip }
    }

    /// The client's ports of the flows that the errors since the last call were about.
    ///
    /// # Panics
    /// Where frames cannot be received.
    #[must_use]
    pub fn take(&self) -> BTreeSet<u16> {
        let next = || self.socket.receive(AT_ONCE).expect("frames can be received");
        std::iter::from_fn(next).filter_map(|frame| client_port(&frame, self.vip)).collect()
    }
}

/// The port that the packet within an error went to; nothing where the frame is no error sent to `vip`.
fn client_port(frame: &[u8], vip: IpAddr) -> Option<u16> {
    let packet = frame.get(ETHERNET..)?;
    let (icmp, inner) = match vip {
        IpAddr::V4(vip) => (packet.get(20..).filter(|_| packet[16..20] == vip.octets())?, 20),
        IpAddr::V6(vip) => (packet.get(40..).filter(|_| packet[24..40] == vip.octets())?, 40),
    };
    // Unreachable and, of IPv6, packet too big.
    let is_error = matches!((vip, icmp.first()?), (IpAddr::V4(_), 3) | (IpAddr::V6(_), 1 | 2));
    let port = icmp.get(8 + inner + 2..8 + inner + 4)?;
    is_error.then(|| u16::from_be_bytes([port[0], port[1]]))
}

/// Lets through ICMP without IP options, of the family of `vip`.
fn filter(vip: IpAddr) -> [SockFilter; 6] {
    let (ethertype, protocol_at, protocol) = match vip {
        IpAddr::V4(_) => (libc::ETH_P_IP, ETHERNET + 9, libc::IPPROTO_ICMP),
        IpAddr::V6(_) => (libc::ETH_P_IPV6, ETHERNET + 6, libc::IPPROTO_ICMPV6),
    };
    let load = |size: u32, at: usize| SockFilter::new((libc::BPF_LD | size | libc::BPF_ABS) as u16, 0, 0, at as u32);
    // Goes on where it is equal, else to the end.
    let equal = |value: i32, to_end: u8| {
        SockFilter::new((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, 0, to_end, value.cast_unsigned())
    };
    let give = |length: u32| SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, length);
    [
        load(libc::BPF_H, ETHERTYPE),
        equal(ethertype, 3),
        load(libc::BPF_B, protocol_at),
        equal(protocol, 1),
        give(u32::MAX),
        give(0),
    ]
}

const ETHERTYPE: usize = 12;
const ETHERNET: usize = 14;
/// What was handed on is there to be read; zero would mean to wait for ever.
const AT_ONCE: Duration = Duration::from_millis(1);
