//! The announcer in a real namespace, heard at the other end of the wire.
#![allow(clippy::unwrap_used)]

#[path = "neighbour/namespace.rs"]
mod namespace;

use std::{
    collections::BTreeSet,
    mem::MaybeUninit,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use dsr::{
    announce::{Announcement, Announcer, gratuitous_arp},
    model::Mac,
    tasks::Tasks,
};
use futures_util::TryStreamExt;
use namespace::{BACKEND, BALANCER, BALANCER_MAC, Pair};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{Interest, unix::AsyncFd};

const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

/// Hears the ARP packets of the backend's namespace.
struct Listener(AsyncFd<Socket>);

impl Listener {
    fn open(pair: &Pair) -> Self {
        pair.backend.enter();
        let protocol = i32::from((libc::ETH_P_ARP as u16).to_be());
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), Some(Protocol::from(protocol)));
        pair.balancer.enter();
        // SAFETY: a socket has one descriptor for as long as it lives.
        Self(unsafe { AsyncFd::register_with_interest(socket.unwrap(), Interest::READABLE) }.unwrap())
    }

    /// The next frame about the VIP.
    async fn heard(&self) -> Vec<u8> {
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(10), self.frame()).await.expect("nothing was heard");
            if frame.get(28..32) == Some(&VIP.octets()) {
                return frame;
            }
        }
    }

    async fn frame(&self) -> Vec<u8> {
        let mut buffer = [MaybeUninit::uninit(); 128];
        let length = self.0.async_io(Interest::READABLE, |socket| socket.recv(&mut buffer)).await.unwrap();
        // SAFETY: the kernel wrote that many bytes.
        buffer[..length].iter().map(|byte| unsafe { byte.assume_init() }).collect()
    }
}

fn announced_by(frame: &[u8], mac: Mac) -> bool {
    frame.starts_with(&[0xff; 6]) && frame[6..12] == mac.0 && frame[22..28] == mac.0 && frame[38..42] == VIP.octets()
}

async fn claim(pair: &Pair, mac: Mac) -> BTreeSet<Announcement> {
    BTreeSet::from([Announcement { vip: IpAddr::V4(VIP), ifindex: pair.balancer.index(BALANCER).await, mac }])
}

#[test]
#[ignore = "needs root"]
fn a_gratuitous_arp_is_heard_at_the_other_end() {
    namespace::run(async |pair| {
        let listener = Listener::open(pair);
        gratuitous_arp(pair.balancer.index(BALANCER).await, BALANCER_MAC, VIP).unwrap();
        let frame = listener.heard().await;
        assert!(announced_by(&frame, BALANCER_MAC), "{frame:02x?}");
        let error = gratuitous_arp(9999, BALANCER_MAC, VIP).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENXIO));
    });
}

#[test]
#[ignore = "needs root"]
fn a_claim_is_announced_three_times_and_again_when_it_changes() {
    namespace::run(async |pair| {
        let listener = Listener::open(pair);
        let announcer = Announcer::start(&Tasks::unsupervised()).unwrap();
        announcer.set_claims(claim(pair, BALANCER_MAC).await);
        for _ in 0..3 {
            assert!(announced_by(&listener.heard().await, BALANCER_MAC));
        }
        let other = Mac([2, 0, 0, 0, 0, 0x11]);
        announcer.set_claims(claim(pair, other).await);
        assert!(announced_by(&listener.heard().await, other));
        // What does not hold any more is silent, and new when it holds again.
        announcer.set_claims(BTreeSet::new());
        tokio::task::yield_now().await;
        announcer.set_claims(claim(pair, BALANCER_MAC).await);
        assert!(announced_by(&listener.heard().await, BALANCER_MAC));
    });
}

/// Whether the backend's kernel has this MAC for the VIP.
async fn is_known_at(pair: &Pair, vip: IpAddr, mac: Mac) -> bool {
    let entries: Vec<_> = pair.backend.netlink.neighbours().get().execute().try_collect().await.unwrap();
    let address = NeighbourAttribute::Destination(match vip {
        IpAddr::V4(vip) => NeighbourAddress::Inet(vip),
        IpAddr::V6(vip) => NeighbourAddress::Inet6(vip),
    });
    let mac = NeighbourAttribute::LinkLayerAddress(mac.0.to_vec());
    entries.iter().any(|entry| entry.attributes.contains(&address) && entry.attributes.contains(&mac))
}

#[test]
#[ignore = "needs root"]
fn a_kernel_that_knows_the_vip_elsewhere_learns_where_it_is() {
    namespace::run(async |pair| {
        let (here, there) = (pair.balancer.index(BALANCER).await, pair.backend.index(BACKEND).await);
        let elsewhere = Mac([2, 0, 0, 0, 0, 0x33]);
        let announcer = Announcer::start(&Tasks::unsupervised()).unwrap();
        for vip in [IpAddr::V4(VIP), "2001:db8::53".parse().unwrap()] {
            let known = pair.backend.netlink.neighbours().add(there, vip).state(NeighbourState::Stale);
            known.link_layer_address(&elsewhere.0).execute().await.unwrap();
            assert!(is_known_at(pair, vip, elsewhere).await);
            announcer.set_claims(BTreeSet::from([Announcement { vip, ifindex: here, mac: BALANCER_MAC }]));
            let learnt = async {
                while !is_known_at(pair, vip, BALANCER_MAC).await {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), learnt).await.unwrap_or_else(|_| panic!("{vip} not learnt"));
        }
    });
}
