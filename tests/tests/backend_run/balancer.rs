//! A balancer made of a packet socket: what the client sends to a VIP goes through a tunnel to the first backend.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use dsr::lab::{Lab, Node, net::PacketSocket};
use etherparse::{IpNumber, Ipv4Header, Ipv6Header};

/// How packets reach the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    Ipip,
    Gre,
    GreKeyed,
    /// In variant 0 or 1.
    Gue(u8),
}

impl Tunnel {
    pub(crate) const ALL: [Self; 4] = [Self::Ipip, Self::Gre, Self::Gue(0), Self::Gue(1)];

    /// The entry of `accept`.
    pub(crate) const fn accept(self) -> &'static str {
        match self {
            Self::Ipip => "ipip",
            Self::Gre => "gre",
            Self::GreKeyed => "{gre: {key: 7}}",
            Self::Gue(_) => "gue",
        }
    }

    /// The reason that its packets are counted for.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Ipip => "decap_ipip",
            Self::Gre | Self::GreKeyed => "decap_gre",
            Self::Gue(_) => "decap_gue",
        }
    }

    /// The outer protocol, and what stands between the outer IP header and the packet.
    fn shim(self, packet: &[u8]) -> (IpNumber, Vec<u8>) {
        let is_v4 = packet[0] >> 4 == 4;
        let (number, ethertype): (u8, [u8; 2]) = if is_v4 { (4, [0x08, 0x00]) } else { (41, [0x86, 0xdd]) };
        let gue = |header: &[u8]| {
            let length = (8 + header.len() + packet.len()) as u16;
            let udp = [&50000_u16.to_be_bytes()[..], &6080_u16.to_be_bytes(), &length.to_be_bytes(), &[0, 0]].concat();
            (IpNumber::UDP, [&udp, header].concat())
        };
        match self {
            Self::Ipip => (IpNumber(number), Vec::new()),
            Self::Gre => (IpNumber::GRE, [&[0, 0][..], &ethertype].concat()),
            Self::GreKeyed => (IpNumber::GRE, [&[0x20, 0][..], &ethertype, &[0, 0, 0, 7]].concat()),
            Self::Gue(0) => gue(&[0, number, 0, 0]),
            Self::Gue(_) => gue(&[]),
        }
    }

    /// The packet that goes to the backend.
    pub(crate) fn wrap(self, from: IpAddr, to: IpAddr, packet: &[u8]) -> Vec<u8> {
        let (protocol, shim) = self.shim(packet);
        let length = (shim.len() + packet.len()) as u16;
        let outer = match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let mut ip = Ipv4Header::new(length, 64, protocol, from.octets(), to.octets()).unwrap();
                ip.header_checksum = ip.calc_header_checksum();
                ip.to_bytes().to_vec()
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => Ipv6Header {
                payload_length: length,
                next_header: protocol,
                hop_limit: 64,
                source: from.octets(),
                destination: to.octets(),
                ..Ipv6Header::default()
            }
            .to_bytes()
            .to_vec(),
            _ => unreachable!("a tunnel is of one family"),
        };
        [&outer, &shim, packet].concat()
    }
}

/// The link header from the balancer to the first backend.
pub(crate) fn link(is_v4: bool) -> Vec<u8> {
    let ethertype: [u8; 2] = if is_v4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    [&Node::Backend(1).mac().0[..], &Node::Balancer.mac().0, &ethertype].concat()
}

/// Forwards until it is dropped.
pub(crate) struct Balancer {
    stop: Arc<AtomicBool>,
    forwarded: Arc<AtomicU64>,
    replies: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Balancer {
    /// Starts in the lab's balancer.
    pub(crate) fn start(lab: &Lab, tunnel: Tunnel, [from, to]: [IpAddr; 2]) -> Self {
        let socket = lab.balancer().run(|| PacketSocket::open("eth0", &[])).unwrap().unwrap();
        let vips = [IpAddr::from(lab.vip(0).unwrap()), lab.vip6(0).unwrap().into()];
        let (stop, forwarded, replies) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let mut balancer = Self {
            stop: Arc::clone(&stop),
            forwarded: Arc::clone(&forwarded),
            replies: Arc::clone(&replies),
            thread: None,
        };
        let work = move || {
            while !stop.load(Ordering::Relaxed) {
                let Some(frame) = socket.receive(Duration::from_millis(50)).unwrap() else { continue };
                let Some((source, destination)) = addresses(&frame) else { continue };
                replies.fetch_add(u64::from(vips.contains(&source)), Ordering::Relaxed);
                if frame[..6] == Node::Balancer.mac().0 && vips.contains(&destination) {
                    let packet = tunnel.wrap(from, to, &frame[14..]);
                    socket.send(&[link(to.is_ipv4()), packet].concat()).unwrap();
                    forwarded.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        balancer.thread = Some(thread::spawn(work));
        balancer
    }

    /// How many packets it forwarded.
    pub(crate) fn forwarded(&self) -> u64 {
        self.forwarded.load(Ordering::Relaxed)
    }

    /// How many packets it saw that a VIP sent.
    pub(crate) fn replies(&self) -> u64 {
        self.replies.load(Ordering::Relaxed)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || ended.is_none_or(|ended| ended.is_ok()), "the balancer failed");
    }
}

/// Source and destination of the IP packet in an untagged frame.
fn addresses(frame: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let at = |range: std::ops::Range<usize>| frame.get(range);
    match at(12..14)? {
        [0x08, 0x00] => {
            let address = |bytes: &[u8]| Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?));
            Some((address(at(26..30)?)?, address(at(30..34)?)?))
        }
        [0x86, 0xdd] => {
            let address = |bytes: &[u8]| Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?));
            Some((address(at(22..38)?)?, address(at(38..54)?)?))
        }
        _ => None,
    }
}
