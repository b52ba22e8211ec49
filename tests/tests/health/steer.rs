//! Probes reach the member that their mark names, and leave the node as it was.

use std::net::{IpAddr, SocketAddr};

use dsr::{
    datapath::Prober,
    health::{
        link::{self, Families, ProbeLink},
        socket::ProbeRoute,
    },
};
use dsr_common::{
    forward::ForwardMode,
    member::{MemberRow, MemberRows},
};
use dsr_lab::{Lab, Node};
use dsr_sys::socket::source_towards;
use dsr_tests::lab::{eventually, process::ip};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
#[ignore = "needs root"]
fn a_probe_goes_to_the_member_that_its_mark_names() {
    let lab = Lab::builder().build().unwrap();
    let vip = lab.service().into();
    let ifindex = eth0(&lab);
    let rules = ip(lab.balancer(), "rule show");
    let answers = lab.balancer().block_on(|| async move {
        let link = ProbeLink::add(Families { ipv4: true, ipv6: false }).await.unwrap();
        let mut prober = Prober::attach(link::NAME, 4).unwrap();
        for number in [1_u8, 2, 3] {
            prober.put(number.into(), row(number, ifindex));
        }
        let mut answers = Vec::new();
        for number in [1_u8, 2, 3, 1] {
            answers.push(get(vip, Node::Backend(number).address().into(), number.into()).await);
        }
        drop(link);
        ProbeLink::remove().await.unwrap();
        answers
    });
    assert_eq!(answers.unwrap(), ["web1", "web2", "web3", "web1"]);
    eventually("end of the link", || (!ip(lab.balancer(), "link show").contains(link::NAME)).then_some(()));
    assert_eq!(ip(lab.balancer(), "rule show"), rules);
}

async fn get(vip: SocketAddr, backend: IpAddr, number: u32) -> String {
    let way = ProbeRoute { to: vip, from: source_towards(backend).unwrap(), number: Some(number) };
    let mut stream = way.connect().await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().last().unwrap().to_owned()
}

/// How the data path would send to a backend of a lab.
fn row(backend: u8, ifindex: u32) -> MemberRows {
    let mut row = MemberRow { link_length: 12, mode: ForwardMode::L2 as u8, ifindex, ..MemberRow::default() };
    row.link[..6].copy_from_slice(&Node::Backend(backend).mac().0);
    row.link[6..12].copy_from_slice(&Node::Balancer.mac().0);
    MemberRows { member: row, ..MemberRows::default() }
}

/// The index of the balancer's interface.
fn eth0(lab: &Lab) -> u32 {
    let shown = ip(lab.balancer(), "-o link show dev eth0");
    shown.split(':').next().unwrap().parse().unwrap()
}
