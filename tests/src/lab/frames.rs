//! Frames to a VIP, counted on their last stretch: between the switch and a backend.

use std::net::Ipv4Addr;

use dsr_lab::{Lab, Node, net::PacketSocket};
use socket2::SockFilter;

/// Counts the frames to the lab's first VIP that the switch hands to a backend.
#[derive(Debug)]
pub struct Arrivals(PacketSocket);

impl Arrivals {
    /// Starts to count.
    ///
    /// # Panics
    /// Where the lab has no such backend.
    #[must_use]
    pub fn watch(lab: &Lab, backend: u8) -> Self {
        let node = Node::Backend(backend);
        let filter = filter(node, *lab.service().ip());
        let socket = lab.switch().run(|| PacketSocket::open(&node.to_string(), &filter));
        Self(socket.expect("the namespace can be entered").expect("the switch has a port for every backend"))
    }

    /// How many there were since the last call, or since the start.
    ///
    /// # Panics
    /// Where the kernel does not say.
    pub fn take(&self) -> u32 {
        self.0.take_count().expect("the kernel counts")
    }
}

/// Lets through IPv4 to `vip` with the MAC of `node` as destination.
fn filter(node: Node, vip: Ipv4Addr) -> [SockFilter; 10] {
    const ETHERTYPE: u32 = 12;
    const DESTINATION: u32 = 30;
    let [mac @ .., e, f] = node.mac().0;
    let load = |size: u32, at: u32| SockFilter::new((libc::BPF_LD | size | libc::BPF_ABS) as u16, 0, 0, at);
    // Goes on where it is equal, else to the end.
    let equal = |value: u32, to_end: u8| {
        SockFilter::new((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, 0, to_end, value)
    };
    let give = |length: u32| SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, length);
    [
        load(libc::BPF_W, 0),
        equal(u32::from_be_bytes(mac), 7),
        load(libc::BPF_H, 4),
        equal(u16::from_be_bytes([e, f]).into(), 5),
        load(libc::BPF_H, ETHERTYPE),
        equal(libc::ETH_P_IP as u32, 3),
        load(libc::BPF_W, DESTINATION),
        equal(vip.into(), 1),
        give(u32::MAX),
        give(0),
    ]
}
