//! What neither a fixture nor a generated frame can show: other interfaces, other times, frames too short to be run.

use std::time::Duration;

use dsr::model::{Mac, Network, Reach};
use dsr_common::limits::FRAGMENT_SECONDS;

use super::*;
use crate::{
    frame::{CLIENT, Segment, VIP, tcp, udp},
    generate::cluster,
};

const NOW: Duration = Duration::from_secs(1000);

fn model(network: &Network) -> Model {
    Model::of_rules(cluster::rules(), cluster::HASH_SEED, network, Some(cluster::own()))
}

fn reason(decision: &Decision) -> &'static str {
    match decision.why {
        Why::Reason(reason) => reason,
        Why::Sent { .. } => "sent",
    }
}

/// A fragment of the datagram with this identification: the first one, or a later one.
fn fragment(identification: u16, first: bool) -> Vec<u8> {
    let mut frame = udp((CLIENT, 4000), (VIP, 53), b"a datagram that has to be cut");
    frame[18..20].copy_from_slice(&identification.to_be_bytes());
    frame[20..22].copy_from_slice(if first { &[0x20, 0] } else { &[0, 5] });
    frame
}

#[test]
fn without_an_interface_everything_is_passed() {
    let mut model = Model::of_rules(cluster::rules(), cluster::HASH_SEED, &cluster::network(), None);
    for frame in [tcp((CLIENT, 4000), (VIP, 80), Segment::Syn), Vec::new()] {
        let decision = model.decide(NOW, &frame);
        assert_eq!((reason(&decision), decision.verdict), ("pass_no_interface", Verdict::Pass));
    }
}

#[test]
fn less_than_an_ethernet_header_is_passed() {
    let frame = tcp((CLIENT, 4000), (VIP, 80), Segment::Syn);
    for length in 0..link::ETHERNET {
        assert_eq!(reason(&model(&cluster::network()).decide(NOW, &frame[..length])), "pass_truncated");
    }
}

#[test]
fn a_member_behind_another_interface_is_redirected_to() {
    let mut network = cluster::network();
    for way in network.reach.values_mut() {
        if let Reach::Hop(hop) = way {
            (hop.ifindex, hop.source) = (77, Mac([2, 0, 0, 0, 0, 0x77]));
        }
    }
    let decision = model(&network).decide(NOW, &tcp((CLIENT, 4000), (VIP, 80), Segment::Syn));
    assert_eq!(decision.verdict, Verdict::Redirect);
    assert_eq!(decision.frame[6..12], [2, 0, 0, 0, 0, 0x77]);
}

#[test]
fn a_datagram_is_forgotten_in_time() {
    let mut model = model(&cluster::network());
    let lifetime = Duration::from_secs(FRAGMENT_SECONDS);
    assert_eq!(reason(&model.decide(NOW, &fragment(1, true))), "sent");
    let just_before = NOW + Duration::from_millis(FRAGMENT_SECONDS * 1000 - 1);
    assert_eq!(reason(&model.decide(just_before, &fragment(1, false))), "sent");
    assert_eq!(
        reason(&model.decide(NOW + lifetime, &fragment(1, false))),
        "drop_fragment_early",
        "not from the last one"
    );
}

#[test]
fn the_oldest_datagram_gives_way() {
    let mut model = model(&cluster::network());
    let more = u16::try_from(FRAGMENTS_KEPT).unwrap();
    for identification in 0..=more {
        assert_eq!(reason(&model.decide(NOW, &fragment(identification, true))), "sent");
    }
    assert_eq!(reason(&model.decide(NOW, &fragment(0, false))), "drop_fragment_early");
    assert_eq!(reason(&model.decide(NOW, &fragment(1, false))), "sent");
}
