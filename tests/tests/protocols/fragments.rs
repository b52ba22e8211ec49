//! Datagrams in fragments: all of one end at the backend that the first chose.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr, UdpSocket},
    thread,
};

use dsr_lab::{Lab, net::PacketSocket};
use dsr_tests::lab::{
    Configuration, PATIENCE,
    agent::{self, count, reason},
    echo::{self, EchoServers},
    eventually,
    pieces::Pieces,
};

/// A lab with an echo of datagrams at a VIP of each family.
struct Echo {
    _servers: EchoServers,
    lab: Lab,
    service: SocketAddr,
}

impl Echo {
    fn build(vip: impl FnOnce(&Lab) -> IpAddr) -> Self {
        let mut lab = Lab::builder().without_http().with_ipv6().build().unwrap();
        let vip = vip(&lab);
        let configuration = Configuration::of(&lab).no_services();
        let line = format!("name: echo, vip: \"{vip}\", protocol: udp, port: {UDP_PORT}");
        agent::start(&configuration.line(&line), &mut lab);
        let service = (vip, UDP_PORT).into();
        Self { _servers: EchoServers::start(&lab, &[service]), lab, service }
    }

    /// A real kernel cuts datagrams of many flows, several under way at a time.
    fn assert_real_datagrams_are_answered(&self) {
        let before = count(&self.lab, "dsr_member_packets_total", &[]);
        let ask = |port| {
            // Each of another length and other bytes, so that no mixture would pass for a whole.
            let datagram: Vec<u8> = (0..LARGE + usize::from(port % 97)).map(|at| (at as u16 ^ port) as u8).collect();
            let name = echo::ask(self.lab.client(), port, self.service, &datagram);
            name.unwrap_or_else(|error| panic!("from port {port}: {error}"))
        };
        let mut answers = BTreeMap::<String, u64>::new();
        let names: Vec<_> = thread::scope(|scope| {
            let sender = |first| scope.spawn(move || (first..first + FLOWS).map(ask).collect::<Vec<_>>());
            let senders: Vec<_> = (0..SENDERS).map(|number| sender(FIRST + number * FLOWS)).collect();
            senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
        });
        for name in names {
            *answers.entry(name).or_default() += 1;
        }
        println!("{answers:?}");
        assert_eq!(answers.keys().collect::<Vec<_>>(), ["web1", "web2", "web3"]);
        let datagrams = u64::from(SENDERS * FLOWS);
        assert_eq!(answers.values().sum::<u64>(), datagrams);
        let frames = count(&self.lab, "dsr_member_packets_total", &[]) - before;
        assert!(frames >= datagrams * FRAGMENTS, "{frames} frames went to the backends");
        assert_eq!((reason(&self.lab, "drop_fragment_early"), reason(&self.lab, "drop_malformed")), (0, 0));
    }

    /// Fragments made by hand, in orders that a network may give them.
    fn assert_order_matters_to_the_first_alone(&self) {
        let wire = self.lab.client().run(|| PacketSocket::open("eth0", &[])).unwrap().unwrap();
        for port in FIRST..FIRST + FLOWS {
            let socket = echo::socket(self.lab.client(), port, self.service, PATIENCE);
            let datagram: Vec<u8> = (0..4000).map(|at| (at as u16 ^ port) as u8).collect();
            let pieces = Pieces::of(&socket, &datagram, port.into());
            let [first, second, third] = [0, 1, 2].map(|index| pieces.frame(index));
            let early = reason(&self.lab, "drop_fragment_early");
            for frame in [&first, &third, &second] {
                wire.send(frame).unwrap();
            }
            let name = echo::answerer(&socket, &datagram).unwrap();

            // What comes before its first is lost, and only that; the first tells where the others go.
            let pieces = Pieces::of(&socket, &datagram, u32::from(port) + 1000);
            let [first, second, third] = [0, 1, 2].map(|index| pieces.frame(index));
            wire.send(&third).unwrap();
            eventually("count of the early fragment", || {
                (reason(&self.lab, "drop_fragment_early") == early + 1).then_some(())
            });
            for frame in [&first, &second, &third] {
                wire.send(frame).unwrap();
            }
            assert_eq!(echo::answerer(&socket, &datagram).unwrap(), name, "the same flow, the same backend");
        }
        assert_eq!(reason(&self.lab, "drop_fragment_early"), u64::from(FLOWS));
    }

    /// Two datagrams at a time whose fragments alternate, of flows that different backends have.
    fn assert_datagrams_do_not_mix(&self) {
        let wire = self.lab.client().run(|| PacketSocket::open("eth0", &[])).unwrap().unwrap();
        let open = |port| echo::socket(self.lab.client(), port, self.service, PATIENCE);
        let sockets: Vec<UdpSocket> = (FIRST..FIRST + FLOWS).map(open).collect();
        let datagrams: Vec<Vec<u8>> = (0..FLOWS).map(|number| vec![number as u8; 4000]).collect();
        let pieces: Vec<_> = sockets.iter().zip(&datagrams).zip(1..).collect();
        let pieces: Vec<_> =
            pieces.into_iter().map(|((socket, datagram), id)| Pieces::of(socket, datagram, id)).collect();
        for index in [0, 2, 1] {
            for pieces in &pieces {
                wire.send(&pieces.frame(index)).unwrap();
            }
        }
        for (socket, datagram) in sockets.iter().zip(&datagrams) {
            echo::answerer(socket, datagram).unwrap();
        }
        assert_eq!(reason(&self.lab, "drop_fragment_early"), 0);
    }
}

#[test]
#[ignore = "needs root"]
fn large_datagrams_over_ipv4_are_answered_whole() {
    Echo::build(|lab| lab.vip(0).unwrap().into()).assert_real_datagrams_are_answered();
}

#[test]
#[ignore = "needs root"]
fn large_datagrams_over_ipv6_are_answered_whole() {
    Echo::build(|lab| lab.vip6(0).unwrap().into()).assert_real_datagrams_are_answered();
}

#[test]
#[ignore = "needs root"]
fn ipv4_fragments_follow_their_first_in_any_order() {
    let echo = Echo::build(|lab| lab.vip(0).unwrap().into());
    echo.assert_datagrams_do_not_mix();
    echo.assert_order_matters_to_the_first_alone();
}

#[test]
#[ignore = "needs root"]
fn ipv6_fragments_follow_their_first_in_any_order() {
    let echo = Echo::build(|lab| lab.vip6(0).unwrap().into());
    echo.assert_datagrams_do_not_mix();
    echo.assert_order_matters_to_the_first_alone();
}

const UDP_PORT: u16 = 5353;
/// As NFS sends them.
const LARGE: usize = 8192;
/// Frames of 1500 bytes that one takes.
const FRAGMENTS: u64 = 6;
/// The client's first port; with the seed the flows from here on go to every backend.
const FIRST: u16 = 30000;
/// Of each sender.
const FLOWS: u16 = 30;
const SENDERS: u16 = 4;
