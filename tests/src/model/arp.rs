//! "ARP" of the page (RFC 826).

use std::net::Ipv4Addr;

use super::{
    Fate, Model,
    link::{Link, is_group},
};

const LENGTH: usize = 28;
/// Hardware type Ethernet, protocol IPv4, lengths 6 and 4.
pub(super) const ETHERNET_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: [u8; 2] = [0, 1];
const REPLY: [u8; 2] = [0, 2];

impl Model {
    pub(super) fn arp(&self, link: &Link<'_>, own: [u8; 6]) -> Fate {
        let Some(packet) = link.payload.first_chunk::<LENGTH>() else {
            return Fate::Ends("pass_truncated");
        };
        let operation = &packet[6..8];
        let sender_mac: [u8; 6] = std::array::from_fn(|n| packet[8 + n]);
        let sender = Ipv4Addr::new(packet[14], packet[15], packet[16], packet[17]);
        let target = Ipv4Addr::new(packet[24], packet[25], packet[26], packet[27]);

        if packet[..6] != ETHERNET_IPV4 {
            return Fate::Ends("pass_not_ip");
        }
        if self.is_vip(sender) {
            return Fate::Ends("pass_arp_claim");
        }
        if operation != REQUEST || !self.is_announced(target) || is_group(sender_mac) {
            return Fate::Ends("pass_not_ip");
        }
        let mut answer = link.answer(own, sender_mac);
        answer.extend_from_slice(&ETHERNET_IPV4);
        answer.extend_from_slice(&REPLY);
        answer.extend_from_slice(&own);
        answer.extend_from_slice(&target.octets());
        answer.extend_from_slice(&sender_mac);
        answer.extend_from_slice(&sender.octets());
        answer.extend_from_slice(&link.payload[LENGTH..]);
        Fate::Answered("answer_arp", answer)
    }
}
