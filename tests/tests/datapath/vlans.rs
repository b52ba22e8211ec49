//! VIPs in VLANs: lists that change, services on either path, and what is in force after a reload.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dsr::model::{Desired, Network};
use dsr_common::vlan::Vlan;
use dsr_tests::{
    frame::{CLIENT, PEER_MAC, Segment, VIP, arp, tagged, tcp},
    program::{IFINDEX, Program, Verdict, desired, network},
};

use super::{NEEDED, assert_ends};

fn listed(vlans: Option<&[Vlan]>) -> Desired {
    let vlans = vlans.map(|vlans| Arc::new(vlans.iter().copied().collect::<BTreeSet<_>>()));
    let mut desired = desired();
    desired.services.iter_mut().for_each(|service| service.vlans.clone_from(&vlans));
    desired
}

fn in_vlan(number: u16) -> Network {
    Network { vlans: [(IFINDEX, [Vlan::of(number, 0)].into())].into(), ..network(&[]) }
}

fn syn() -> Vec<u8> {
    tcp((CLIENT, 40000), (VIP, 80), Segment::Syn)
}

fn request() -> Vec<u8> {
    arp(1, (PEER_MAC, CLIENT), ([0; 6], VIP), [0xff; 6])
}

/// Whether the VIP is in the frame's VLAN: it is either answered and balanced, or passed.
fn assert_in(program: &Program, vlan: u16, expected: bool) {
    for frame in [syn(), request()] {
        let frame = if vlan == 0 { frame } else { tagged(&frame, 0x8100, vlan) };
        if expected {
            assert_eq!(program.run(&frame).unwrap().verdict, Verdict::Tx, "in VLAN {vlan}");
        } else {
            assert_ends(program, &format!("in VLAN {vlan}"), &frame, Verdict::Pass, "pass_vlan");
        }
    }
}

#[test]
#[ignore = "needs root"]
fn vips_are_in_the_vlans_of_the_host_as_they_come_and_go() {
    let mut program = Program::load(desired(), &in_vlan(30), NEEDED).unwrap();
    let is_in = |program: &Program, expected: [bool; 3]| {
        [0, 30, 40].into_iter().zip(expected).for_each(|(vlan, expected)| assert_in(program, vlan, expected));
    };
    is_in(&program, [true, true, false]);
    program.reconcile(desired(), &in_vlan(40)).unwrap();
    is_in(&program, [true, false, true]);
    program.reconcile(desired(), &Network { vlans: BTreeMap::new(), ..network(&[]) }).unwrap();
    is_in(&program, [true, false, false]);
}

#[test]
#[ignore = "needs root"]
fn a_list_counts_in_place_of_the_vlans_of_the_host() {
    let mut program = Program::load(listed(Some(&[Vlan::of(40, 0)])), &in_vlan(30), NEEDED).unwrap();
    let is_in = |program: &Program, expected: [bool; 3]| {
        [0, 30, 40].into_iter().zip(expected).for_each(|(vlan, expected)| assert_in(program, vlan, expected));
    };
    is_in(&program, [false, false, true]);
    program.reconcile(listed(Some(&[Vlan::UNTAGGED])), &in_vlan(30)).unwrap();
    is_in(&program, [true, false, false]);
    program.reconcile(listed(None), &in_vlan(30)).unwrap();
    is_in(&program, [true, true, false]);
}
