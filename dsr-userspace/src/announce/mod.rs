//! Telling the network where a VIP is, without its being an address of this node.
//!
//! Enter: the claims that hold, [`claims`] of the active VIPs and of the interfaces as they are. Leaves: a few frames
//! for each claim that is new. A claim says VIP, interface and MAC, and holds only while the interface is up; so an
//! interface that gets another MAC, or comes up again, makes a new claim and is announced like one. Questions of
//! others about a VIP are answered by the program, never here.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr},
};

use dsr_common::claim::MARK;
use dsr_sys::packet::PacketSender;
use tokio::sync::watch;

use crate::{
    model::{InterfaceState, Mac},
    tasks::{End, Task, Tasks},
};

mod arp;
mod ndp;
mod repeat;

pub(crate) use ndp::checksum as ndp_checksum;
use repeat::Repeat;

/// A VIP is at an interface, which has this MAC and is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Announcement {
    /// The VIP.
    pub vip: IpAddr,
    /// The kernel's index of the interface.
    pub ifindex: u32,
    /// The interface's MAC.
    pub mac: Mac,
}

impl Announcement {
    fn frame(&self) -> Vec<u8> {
        match self.vip {
            // Other balancers know by the mark that it is a balancer that says so.
            IpAddr::V4(vip) => [&arp::announcement(self.mac, vip)[..], &MARK].concat(),
            IpAddr::V6(vip) => ndp::advertisement(self.mac, vip).to_vec(),
        }
    }
}

/// The claims that hold for VIPs, each with the name of an interface: those whose interface is there and up.
pub fn claims<'a>(
    active: impl IntoIterator<Item = (IpAddr, &'a str)>,
    interfaces: &BTreeMap<String, InterfaceState>,
) -> BTreeSet<Announcement> {
    active
        .into_iter()
        .filter_map(|(vip, name)| {
            let interface = interfaces.get(name).filter(|interface| interface.up)?;
            Some(Announcement { vip, ifindex: interface.ifindex, mac: interface.mac })
        })
        .collect()
}

/// Sends one gratuitous ARP for a VIP from the calling thread's network namespace (RFC 5227, 2.3).
pub fn gratuitous_arp(ifindex: u32, mac: Mac, vip: Ipv4Addr) -> io::Result<()> {
    PacketSender::open()?.send(ifindex, &arp::announcement(mac, vip))
}

/// Announces claims in the network namespace that it was started in, until it is dropped.
#[derive(Debug)]
pub struct Announcer {
    claims: watch::Sender<BTreeSet<Announcement>>,
    /// Ends with this.
    _task: Task,
}

impl Announcer {
    /// Opens the socket in the calling thread's network namespace, then sends from a task of its own. Needs a tokio
    /// runtime with time enabled, and the capability `CAP_NET_RAW`.
    pub fn start(tasks: &Tasks) -> io::Result<Self> {
        let socket = PacketSender::open()?;
        let (claims, holding) = watch::channel(BTreeSet::new());
        let task = tasks.spawn("announcements", run(socket, holding));
        Ok(Self { claims, _task: task })
    }

    /// Says which claims hold now. Those that are new are announced at once and a few times more, those that do not
    /// hold any more are not repeated.
    pub fn set_claims(&self, claims: BTreeSet<Announcement>) {
        self.claims.send_if_modified(|held| {
            let modified = *held != claims;
            *held = claims;
            modified
        });
    }
}

async fn run(socket: PacketSender, mut holding: watch::Receiver<BTreeSet<Announcement>>) -> End {
    let mut repeat = Repeat::default();
    loop {
        let due = repeat.due(&holding.borrow_and_update(), std::time::Instant::now());
        for claim in due {
            announce(&socket, &claim);
        }
        let next = repeat.next();
        let pause = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = holding.changed() => if changed.is_err() { return End::Done },
            () = pause => {}
        }
    }
}

/// A frame that cannot be sent is not fatal: the program answers those who ask, and the next repetition may go out.
fn announce(socket: &PacketSender, claim: &Announcement) {
    let Announcement { vip, ifindex, mac } = claim;
    match socket.send(*ifindex, &claim.frame()) {
        Ok(()) => tracing::debug!(%vip, ifindex, %mac, "announced the VIP"),
        Err(error) => tracing::warn!(%vip, ifindex, %mac, %error, "cannot announce the VIP"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_only_on_an_interface_that_is_up() {
        let interface = |ifindex, up| InterfaceState { ifindex, mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500, up };
        let interfaces =
            BTreeMap::from([("eth0".to_owned(), interface(2, true)), ("eth1".to_owned(), interface(3, false))]);
        let vip: IpAddr = "192.0.2.10".parse().unwrap();
        let found = claims([(vip, "eth0"), (vip, "eth1"), (vip, "eth2")], &interfaces);
        assert_eq!(found, BTreeSet::from([Announcement { vip, ifindex: 2, mac: Mac([2, 0, 0, 0, 0, 1]) }]));
    }
}
