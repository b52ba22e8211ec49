//! Load, and answers that come through the balancer.

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use dsr_lab::{Lab, Load, LoadPlan, Node};
use dsr_tests::lab::{eventually, process::ip};

fn plan(lab: &Lab, service: SocketAddrV4) -> LoadPlan {
    LoadPlan {
        service,
        rate: NonZeroU32::new(1000).unwrap(),
        concurrency: NonZeroU16::new(4).unwrap(),
        timeout: Duration::from_secs(2),
        backends: lab.backend_names(),
    }
}

#[test]
#[ignore = "needs root"]
fn answers_are_counted_by_backend() {
    let lab = Lab::builder().backends(2).build().unwrap();
    let web2 = SocketAddrV4::new(Ipv4Addr::new(10, 77, 1, 2), 80);
    let mut load = Load::start(lab.client(), plan(&lab, web2)).unwrap();
    eventually("hundred answers", || (load.tally().requests() >= 100).then_some(()));
    let tally = load.stop();
    assert_eq!(tally.failed(), 0, "{:?}", tally.last_failure());
    assert_eq!(tally.answered(), [0, tally.requests()]);
    assert!(tally.latency_ms(0.5) > 0.0);
}

#[test]
#[ignore = "needs root"]
fn a_refused_connection_is_a_failure() {
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    let web1 = SocketAddrV4::new(Ipv4Addr::new(10, 77, 1, 1), 80);
    let mut load = Load::start(lab.client(), plan(&lab, web1)).unwrap();
    eventually("failed request", || (load.tally().failed() > 0).then_some(()));
    let tally = load.stop();
    assert_eq!(tally.requests(), tally.failed());
    assert!(tally.last_failure().unwrap().contains("refused"), "{:?}", tally.last_failure());
}

#[test]
#[ignore = "needs root"]
fn a_reply_through_the_balancer_is_seen() {
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    let mut replies = lab.watch_replies().unwrap();
    let (vip, own) = (lab.vip(0).unwrap(), Node::Backend(1).address());
    let (client, balancer) = (Node::Client.address(), Node::Balancer.address());
    let send = |source: Ipv4Addr, to: Ipv4Addr| {
        let sent = UdpSocket::bind((source, 0)).unwrap().send_to(b"reply", (to, 9));
        assert_eq!(sent.unwrap(), 5);
    };
    let web1 = lab.backend(1).unwrap();
    ip(web1, &format!("route add {client}/32 via {balancer}"));
    web1.run(|| send(own, client)).unwrap();
    // What the balancer's own host has asked is no reply to a client.
    web1.run(|| send(vip, balancer)).unwrap();
    web1.run(|| send(vip, client)).unwrap();
    eventually("reply", || (replies.seen().unwrap() > 0).then_some(()));
    assert_eq!(replies.seen().unwrap(), 1);
}
