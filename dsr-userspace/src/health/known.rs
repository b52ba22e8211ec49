//! What the network says of the backends that are checked. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use dsr_common::address::Family;

use super::{diagnose::Path, evidence::Reached};
use crate::model::{Forward, Network, NoHop, Reach};

/// What is known of the network.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Why nothing can be sent to a backend.
    unreached: BTreeMap<IpAddr, NoHop>,
    /// Backends that could be sent to once.
    seen: BTreeSet<IpAddr>,
    /// The routers that lead to backends, see [`Network::gateways`].
    gateways: BTreeMap<IpAddr, IpAddr>,
    /// The MTU of the path to each backend that can be sent to, and the address that its route prefers here.
    paths: BTreeMap<IpAddr, (u32, Option<IpAddr>)>,
}

impl Known {
    /// Takes what the network says.
    pub(super) fn set(&mut self, network: &Network) {
        self.unreached.clear();
        self.paths.clear();
        self.gateways.clone_from(&network.gateways);
        for (address, reach) in &network.reach {
            match reach {
                Reach::Hop(hop) => {
                    self.seen.insert(*address);
                    self.paths.insert(*address, (hop.path.mtu, hop.path.source));
                }
                Reach::No(why) => _ = self.unreached.insert(*address, why.clone()),
            }
        }
    }

    /// Whether the network leads to a backend by its forward mode, and if not, why.
    pub(super) fn reached(&self, address: IpAddr, forward: Forward) -> (Reached, Option<NoHop>) {
        match (self.gateways.get(&address), self.unreached.get(&address)) {
            (Some(gateway), None) if !forward.mode().is_routed() => (Reached::Never, Some(NoHop::Gateway(*gateway))),
            (_, None) if self.lacks_source(address, forward) => (Reached::Never, Some(NoHop::NoSource(address))),
            (_, None) => (Reached::Yes, None),
            (_, Some(why)) if self.seen.contains(&address) => (Reached::NoLonger, Some(why.clone())),
            (_, Some(why)) => (Reached::Never, Some(why.clone())),
        }
    }

    fn lacks_source(&self, address: IpAddr, forward: Forward) -> bool {
        self.paths.get(&address).is_some_and(|(_, source)| forward.lacks_source(address, *source))
    }

    /// The path of a backend's packets; nothing where its forward mode crosses no router.
    pub(super) fn path(&self, address: IpAddr, forward: Forward) -> Option<Path> {
        let (mtu, _) = *self.paths.get(&address).filter(|_| forward.mode().is_routed())?;
        let family = if address.is_ipv4() { Family::V4 } else { Family::V6 };
        Some(Path { forward, largest: mtu.saturating_sub(forward.overhead(family).into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Hop, Mac, OuterSources, RoutedPath};

    #[test]
    fn each_mode_has_its_own_reach_and_largest_packet() {
        let [backend, router] = [[10, 77, 1, 2], [10, 77, 0, 254]].map(IpAddr::from);
        let network = |source: Option<IpAddr>| {
            let path = RoutedPath { mtu: 1400, source, ..RoutedPath::default() };
            let hop = Hop { ifindex: 2, source: Mac([2; 6]), destination: Mac([4; 6]), tags: vec![], path };
            let (reach, gateways) = ([(backend, Reach::Hop(hop))].into(), [(backend, router)].into());
            Network { reach, gateways, ..Network::default() }
        };
        let mut known = Known::default();
        known.set(&network(Some([10, 77, 0, 1].into())));
        let ipip = Forward::Ipip(OuterSources::default());
        assert_eq!(known.reached(backend, Forward::L2), (Reached::Never, Some(NoHop::Gateway(router))));
        assert_eq!(known.reached(backend, ipip), (Reached::Yes, None));
        assert_eq!(known.path(backend, Forward::L2), None);
        assert_eq!(known.path(backend, ipip), Some(Path { forward: ipip, largest: 1380 }));
        known.set(&network(None));
        assert_eq!(known.reached(backend, ipip), (Reached::Never, Some(NoHop::NoSource(backend))));
        known
            .set(&Network { reach: [(backend, Reach::No(NoHop::SilentGateway(router)))].into(), ..Network::default() });
        assert_eq!(known.reached(backend, ipip), (Reached::NoLonger, Some(NoHop::SilentGateway(router))));
        assert_eq!(known.path(backend, ipip), None);
    }
}
