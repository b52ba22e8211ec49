//! Claims to VIPs are reported, with who claims what and where; everything else is not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dsr::{
    arpwatch::{Segment, Sighting},
    datapath::Features,
    model::{Announce, Desired, Mac, VlanTag},
};
use dsr_common::{
    claim::{ClaimKind, FLOW_LABEL, MARK},
    limits::CLAIMS_PER_SECOND,
};
use dsr_tests::{
    frame::{CLIENT, OWN_MAC, PEER_MAC, VIP, arp, checksum, tagged},
    program::{IFINDEX, Program, Verdict, desired, network},
};

use super::assert_ends;

const BROADCAST: [u8; 6] = [0xff; 6];
const NOBODY: [u8; 6] = [0; 6];
const REQUEST: u16 = 1;
const REPLY: u16 = 2;
const VIP6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

fn program() -> Program {
    let mut service = dsr_tests::program::service("v6", VIP, dsr::model::Protocol::Tcp, 443, 1);
    service.id.vip = VIP6.into();
    let Desired { hash_seed, mut services } = desired();
    services.push(service);
    Program::load(Desired { hash_seed, services }, &network(&[]), Features::ALL).unwrap()
}

fn sighting(vip: impl Into<IpAddr>, mac: [u8; 6], kind: ClaimKind) -> Sighting {
    Sighting { vip: vip.into(), mac: Mac(mac), ifindex: IFINDEX, tags: Vec::new(), kind, marked: false }
}

/// A message of neighbour discovery with one option, or none.
fn ndp(kind: u8, (from_mac, from): ([u8; 6], Ipv6Addr), target: Ipv6Addr, option: Option<(u8, [u8; 6])>) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0, 0x20, 0, 0, 0];
    message.extend(target.octets());
    if let Some((option, mac)) = option {
        message.extend([option, 1]);
        message.extend(mac);
    }
    let pseudo =
        [&from.octets()[..], &ALL_NODES.octets(), &[0, 0, 0, message.len() as u8, 0, 0, 0, 58], &message].concat();
    let sum = checksum(&pseudo);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut frame =
        [&ALL_NODES_MAC[..], &from_mac, &[0x86, 0xdd, 0x60, 0, 0, 0, 0, message.len() as u8, 58, 255]].concat();
    frame.extend(from.octets());
    frame.extend(ALL_NODES.octets());
    frame.extend(message);
    frame
}

#[test]
#[ignore = "needs root"]
fn an_arp_claim_is_told() {
    let program = program();
    let claims = [
        (arp(REQUEST, (PEER_MAC, VIP), (NOBODY, VIP), BROADCAST), ClaimKind::ArpRequest),
        (arp(REQUEST, (PEER_MAC, VIP), (NOBODY, CLIENT), BROADCAST), ClaimKind::ArpRequest),
        (arp(REPLY, (PEER_MAC, VIP), (OWN_MAC, Ipv4Addr::UNSPECIFIED), OWN_MAC), ClaimKind::ArpReply),
    ];
    for (frame, kind) in claims {
        assert_ends(&program, "claim", &frame, Verdict::Pass, "pass_arp_claim");
        assert_eq!(program.claims(), [sighting(VIP, PEER_MAC, kind)]);
    }
    assert_eq!(program.lost_claims().unwrap(), 0);
}

#[test]
#[ignore = "needs root"]
fn a_claim_by_neighbour_discovery_is_told() {
    let (program, other) = (program(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9));
    let said = [2, 7, 7, 7, 7, 7];
    let cases = [
        (ndp(ADVERTISEMENT, (PEER_MAC, other), VIP6, Some((2, said))), ClaimKind::Advertisement, said),
        (ndp(ADVERTISEMENT, (PEER_MAC, other), VIP6, None), ClaimKind::Advertisement, PEER_MAC),
        (ndp(ADVERTISEMENT, (PEER_MAC, other), VIP6, Some((1, said))), ClaimKind::Advertisement, PEER_MAC),
        (ndp(SOLICITATION, (PEER_MAC, VIP6), other, Some((1, said))), ClaimKind::Solicitation, said),
        (ndp(SOLICITATION, (PEER_MAC, VIP6), other, None), ClaimKind::Solicitation, PEER_MAC),
    ];
    for (frame, kind, mac) in cases {
        assert_ends(&program, "claim", &frame, Verdict::Pass, "pass_nd_claim");
        assert_eq!(program.claims(), [sighting(VIP6, mac, kind)]);
    }
}

#[test]
#[ignore = "needs root"]
fn tags_and_marks_are_told() {
    let program = program();
    let mut frame = arp(REQUEST, (PEER_MAC, VIP), (NOBODY, VIP), BROADCAST);
    let plain = sighting(VIP, PEER_MAC, ClaimKind::ArpRequest);
    let one = VlanTag { tpid: 0x8100, id: 9 };
    program.run(&tagged(&frame, 0x8100, 0xa009)).unwrap();
    program.run(&tagged(&tagged(&frame, 0x8100, 9), 0x88a8, 7)).unwrap();
    let tags = program.claims().into_iter().map(|claim| claim.tags).collect::<Vec<_>>();
    assert_eq!(tags, [vec![one], vec![VlanTag { tpid: 0x88a8, id: 7 }, one]], "without priority, outermost first");

    frame[42..46].copy_from_slice(&MARK);
    program.run(&frame).unwrap();
    program.run(&tagged(&frame, 0x8100, 9)).unwrap();
    let marked = Sighting { marked: true, ..plain.clone() };
    assert_eq!(program.claims(), [marked.clone(), Sighting { tags: vec![one], ..marked }]);
    program.run(&frame[..42]).unwrap();
    assert_eq!(program.claims(), [plain], "no padding");

    let mut advertisement = ndp(ADVERTISEMENT, (PEER_MAC, VIP6), VIP6, Some((2, PEER_MAC)));
    advertisement[14..18].copy_from_slice(&(6 << 28 | FLOW_LABEL).to_be_bytes());
    program.run(&advertisement).unwrap();
    let claim = Sighting { marked: true, ..sighting(VIP6, PEER_MAC, ClaimKind::Advertisement) };
    assert_eq!(program.claims(), [claim]);
}

#[test]
#[ignore = "needs root"]
fn nothing_is_told_of_ourselves_or_of_what_is_no_claim() {
    let program = program();
    let ours = arp(REQUEST, (OWN_MAC, VIP), (NOBODY, VIP), BROADCAST);
    assert_ends(&program, "our own", &ours, Verdict::Pass, "pass_arp_claim");
    let ours = ndp(ADVERTISEMENT, (OWN_MAC, VIP6), VIP6, Some((2, OWN_MAC)));
    assert_ends(&program, "our own", &ours, Verdict::Pass, "pass_nd_claim");
    for frame in [
        arp(REQUEST, (PEER_MAC, CLIENT), (NOBODY, VIP), BROADCAST),
        arp(REQUEST, (PEER_MAC, CLIENT), (NOBODY, CLIENT), BROADCAST),
        ndp(ADVERTISEMENT, (PEER_MAC, ALL_NODES), "2001:db8::99".parse().unwrap(), None),
    ] {
        program.run(&frame).unwrap();
    }
    assert_eq!(program.claims(), []);
}

#[test]
#[ignore = "needs root"]
fn an_answer_to_a_balancers_question_bears_its_mark() {
    let (program, asker) = (program(), Mac([2, 0, 0, 0, 0, 0x22]));
    let segment = Segment { ifindex: IFINDEX, interface: "eth0".to_owned(), mac: asker, tags: Vec::new() };
    for vip in [IpAddr::from(VIP), VIP6.into()] {
        let outcome = program.run(&segment.question(vip)).unwrap();
        assert_eq!(outcome.verdict, Verdict::Tx, "{vip}");
        let mut answer = outcome.frame;
        // As the asker's program sees it, whose MAC is another one; here that is the answerer's.
        answer[6..12].copy_from_slice(&PEER_MAC);
        let said = if vip.is_ipv4() { 22..28 } else { 80..86 };
        answer[said].copy_from_slice(&PEER_MAC);
        if vip.is_ipv6() {
            // The MAC is part of what is summed up; the program checks it.
            answer[56..58].fill(0);
            let length = answer.len() - 54;
            let pseudo = [&answer[22..54], &[0, 0, 0, length as u8, 0, 0, 0, 58], &answer[54..]].concat();
            let sum = checksum(&pseudo);
            answer[56..58].copy_from_slice(&sum.to_be_bytes());
        } else {
            answer[..6].copy_from_slice(&OWN_MAC);
        }
        program.run(&answer).unwrap();
        let [claim] = &program.claims()[..] else { panic!("{vip}: one claim") };
        assert!(claim.marked && claim.vip == vip && claim.mac == Mac(PEER_MAC), "{claim:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn claims_of_vips_that_a_router_announces_are_told_too() {
    let mut desired = desired();
    desired.services.iter_mut().for_each(|service| service.announce = Announce::None);
    let program = Program::load(desired, &network(&[]), Features::ALL).unwrap();
    program.run(&arp(REPLY, (PEER_MAC, VIP), (OWN_MAC, CLIENT), OWN_MAC)).unwrap();
    assert_eq!(program.claims(), [sighting(VIP, PEER_MAC, ClaimKind::ArpReply)]);
}

#[test]
#[ignore = "needs root"]
fn a_flood_of_claims_is_bounded_and_counted() {
    let (program, sent) = (program(), 20 * CLAIMS_PER_SECOND);
    let frame = arp(REQUEST, (PEER_MAC, VIP), (NOBODY, VIP), BROADCAST);
    let mut told = 0;
    for _ in 0..sent {
        program.run_uncounted(&frame).unwrap();
        told += program.claims().len() as u64;
    }
    assert_eq!(told + program.lost_claims().unwrap(), sent, "each is reported or counted");
    assert!(told >= CLAIMS_PER_SECOND && told < sent, "{told} of {sent}");
}
