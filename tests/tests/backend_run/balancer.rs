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

use dsr_lab::{Lab, Node, net::PacketSocket};

use super::tunnel::Tunnel;

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
