//! What holds of every frame whatever the page says: what is to others is neither changed nor dropped.
//!
//! Written without the model's parsing, so that the model is checked too.

use std::net::IpAddr;

use dsr_tests::{
    frame::OWN_MAC,
    generate::cluster::{FAR, SHUT, VIPS_V4, VIPS_V6},
    model::Decision,
    program::Verdict,
};

/// The ways in which a frame that is not to us may be answered: it asks for a VIP.
const QUESTIONS: [&str; 2] = ["answer_arp", "answer_ndp"];

/// Asserts it of a decision. The program is compared with it, so it holds of the program as well.
pub(super) fn check(frame: &[u8], decision: &Decision) {
    let changed = decision.verdict != Verdict::Pass || decision.frame != frame;
    if !changed {
        return;
    }
    let to_us = frame[..6] == OWN_MAC;
    let asks = QUESTIONS.iter().any(|reason| format!("{:?}", decision.why).contains(reason));
    let to_group = frame[0] & 1 == 1;
    assert!(to_us || (to_group && asks), "a frame to another MAC was not left alone: {decision:?}\n{frame:02x?}");
    assert!(asks || is_to_vip(frame), "a packet to another address was not left alone: {decision:?}\n{frame:02x?}");
}

/// Whether the bytes where the destination of an IP header stands, behind no tag, one or two, are a VIP's.
fn is_to_vip(frame: &[u8]) -> bool {
    let vips = VIPS_V4.map(IpAddr::from).into_iter().chain(VIPS_V6.map(IpAddr::from)).chain(SHUT).chain(FAR);
    let bytes: Vec<Vec<u8>> = vips
        .map(|vip| match vip {
            IpAddr::V4(vip) => vip.octets().to_vec(),
            IpAddr::V6(vip) => vip.octets().to_vec(),
        })
        .collect();
    let is_vip =
        |at: usize, length: usize| frame.get(at..at + length).is_some_and(|found| bytes.iter().any(|vip| vip == found));
    [14, 18, 22].into_iter().any(|packet| is_vip(packet + 16, 4) || is_vip(packet + 24, 16))
}
