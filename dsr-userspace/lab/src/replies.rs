//! Answers of a service that come through the balancer, which Direct Server Return promises there are none of.
//!
//! Watched where the balancer cannot lie about it: at its port on the switch.

use std::net::Ipv4Addr;

use dsr_sys::packet::SockFilter;

use super::{
    error::Result,
    net::{Namespace, PacketSocket},
    plan::{BALANCER, Node},
};

/// Counts the frames between switch and balancer, in either direction, that are answers from a VIP.
#[derive(Debug)]
pub struct Replies {
    socket: PacketSocket,
    seen: u64,
}

impl Replies {
    /// Starts to count.
    pub fn watch(switch: &Namespace, vip: Ipv4Addr) -> Result<Self> {
        let port = Node::Balancer.to_string();
        let socket = switch.run(|| PacketSocket::open(&port, &filter(vip)))??;
        Ok(Self { socket, seen: 0 })
    }

    /// How many there were.
    pub fn seen(&mut self) -> Result<u64> {
        self.seen += u64::from(self.socket.take_count()?);
        Ok(self.seen)
    }
}

/// Lets through TCP and UDP over IPv4 from `vip`, but for answers to what the balancer's own host asked (the doctor, health
/// checks); the balancer itself answers echo requests.
fn filter(vip: Ipv4Addr) -> [SockFilter; 11] {
    const ETHERTYPE: u32 = 12;
    const PROTOCOL: u32 = 23;
    const SOURCE: u32 = 26;
    const DESTINATION: u32 = 30;
    let load = |size: u32, at: u32| SockFilter::new((libc::BPF_LD | size | libc::BPF_ABS) as u16, 0, 0, at);
    // Steps to jump over when equal, and when not.
    let equal = |value: u32, yes: u8, no: u8| {
        SockFilter::new((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, yes, no, value)
    };
    let give = |length: u32| SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, length);
    [
        load(libc::BPF_H, ETHERTYPE),
        equal(libc::ETH_P_IP as u32, 0, 8),
        load(libc::BPF_W, SOURCE),
        equal(vip.into(), 0, 6),
        load(libc::BPF_W, DESTINATION),
        equal(BALANCER.into(), 4, 0),
        load(libc::BPF_B, PROTOCOL),
        equal(libc::IPPROTO_TCP as u32, 1, 0),
        equal(libc::IPPROTO_UDP as u32, 0, 1),
        give(u32::MAX),
        give(0),
    ]
}
