//! The port behind which a bridge has found a MAC, and the one behind which it had. Pure.
//!
//! A bridge forgets ports while their hosts live: its table is flushed, as a change of the spanning tree does, or a host
//! was silent for longer than the ageing time. A port that was lost counts until the agent has asked the host, whose answer
//! shows its port, and the answer did not, or until the host is known to be gone.

use std::collections::{BTreeMap, btree_map::Entry};

use super::facts::ForwardingKey;
use crate::model::Mac;

/// The tables of this host's bridges; ports are indexes of links.
#[derive(Debug, Default)]
pub(super) struct Forwarding {
    known: BTreeMap<ForwardingKey, u32>,
    lost: BTreeMap<Mac, Lost>,
}

/// The ports that a MAC had.
#[derive(Debug, Default)]
struct Lost {
    ports: BTreeMap<ForwardingKey, u32>,
    /// Whether its host was asked since the last of them was lost.
    is_asked: bool,
}

impl Forwarding {
    /// The port behind which a MAC is.
    pub(super) fn port(&self, key: &ForwardingKey) -> Option<u32> {
        self.known.get(key).copied()
    }

    /// The port behind which it was last, while that counts.
    pub(super) fn lost_port(&self, key: &ForwardingKey) -> Option<u32> {
        self.lost.get(&key.mac)?.ports.get(key).copied()
    }

    /// A bridge has found a MAC. Whether that is new.
    pub(super) fn found(&mut self, key: ForwardingKey, port: u32) -> bool {
        if let Entry::Occupied(mut lost) = self.lost.entry(key.mac) {
            lost.get_mut().ports.remove(&key);
            if lost.get().ports.is_empty() {
                lost.remove();
            }
        }
        self.known.insert(key, port) != Some(port)
    }

    /// A bridge does not know any more where a MAC is. Whether it did.
    pub(super) fn lost(&mut self, key: ForwardingKey) -> bool {
        let Some(port) = self.known.remove(&key) else { return false };
        let lost = self.lost.entry(key.mac).or_default();
        lost.ports.insert(key, port);
        lost.is_asked = false;
        true
    }

    /// All is lost.
    pub(super) fn forget(&mut self) {
        let known: Vec<_> = self.known.keys().copied().collect();
        for key in known {
            self.lost(key);
        }
    }

    /// A link is gone.
    pub(super) fn remove(&mut self, index: u32) {
        let stays = |key: &ForwardingKey, port: &mut u32| key.bridge != index && *port != index;
        self.known.retain(stays);
        self.lost.retain(|_, lost| {
            lost.ports.retain(stays);
            !lost.ports.is_empty()
        });
    }

    /// Whether the host with this MAC has to be asked, so that its answer shows its port.
    pub(super) fn has_to_ask(&self, mac: Mac) -> bool {
        self.lost.get(&mac).is_some_and(|lost| !lost.is_asked)
    }

    /// The host with this MAC was asked.
    pub(super) fn asked(&mut self, mac: Mac) {
        if let Some(lost) = self.lost.get_mut(&mac) {
            lost.is_asked = true;
        }
    }

    /// It answered. The kernel tells of the port that the answer came by first (`br_handle_frame_finish`): a port that is
    /// still lost counts no more. Whether there was one.
    pub(super) fn answered(&mut self, mac: Mac) -> bool {
        let is_asked = self.lost.get(&mac).is_some_and(|lost| lost.is_asked);
        is_asked && self.lost.remove(&mac).is_some()
    }

    /// Forgets the ports that were lost, but for the MACs that are in use.
    pub(super) fn retain_lost(&mut self, mut is_used: impl FnMut(Mac) -> bool) {
        self.lost.retain(|mac, _| is_used(*mac));
    }

    /// Whether any port was lost.
    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);
    const KEY: ForwardingKey = ForwardingKey { bridge: 4, mac: MAC, vlan: 0 };
    const PORT: u32 = 2;

    fn ports(forwarding: &Forwarding) -> (Option<u32>, Option<u32>) {
        (forwarding.port(&KEY), forwarding.lost_port(&KEY))
    }

    fn lost() -> Forwarding {
        let mut forwarding = Forwarding::default();
        assert!(forwarding.found(KEY, PORT) && !forwarding.found(KEY, PORT));
        assert!(forwarding.lost(KEY) && !forwarding.lost(KEY));
        assert_eq!(ports(&forwarding), (None, Some(PORT)));
        forwarding
    }

    #[test]
    fn a_lost_port_counts_until_an_answer_does_not_show_it() {
        let mut forwarding = lost();
        assert!(!forwarding.answered(MAC), "an answer to an earlier question");
        assert!(forwarding.has_to_ask(MAC));
        forwarding.asked(MAC);
        assert_eq!((ports(&forwarding), forwarding.has_to_ask(MAC)), ((None, Some(PORT)), false));
        assert!(forwarding.answered(MAC));
        assert_eq!((ports(&forwarding), forwarding.has_to_ask(MAC)), ((None, None), false));
    }

    #[test]
    fn a_port_that_is_found_again_is_no_longer_lost() {
        let mut forwarding = lost();
        forwarding.asked(MAC);
        assert!(forwarding.found(KEY, PORT + 1));
        assert_eq!(ports(&forwarding), (Some(PORT + 1), None));
        assert!(!forwarding.answered(MAC) && !forwarding.has_lost());
        forwarding.lost(KEY);
        assert!(forwarding.has_to_ask(MAC), "anew");
    }

    #[test]
    fn links_that_are_gone_take_their_ports_along() {
        for gone in [KEY.bridge, PORT] {
            let mut forwarding = lost();
            forwarding.remove(gone);
            assert!(!forwarding.has_lost());
        }
    }
}
