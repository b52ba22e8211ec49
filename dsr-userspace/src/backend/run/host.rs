//! This host's links and addresses, by rtnetlink: listed, and listed again when the kernel tells of a change.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    pin::Pin,
};

use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _};
use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{LinkAttribute, LinkLayerType},
};
use rtnetlink::{MulticastGroup, packet_core::NetlinkMessage, sys::SocketAddr};

use super::Error;

/// The sockets: one that asks, one that brings events.
pub(super) struct Host {
    handle: rtnetlink::Handle,
    events: Events,
}

type Events = Pin<Box<dyn Stream<Item = (NetlinkMessage<RouteNetlinkMessage>, SocketAddr)> + Send + Sync>>;

/// What is there.
pub(super) struct Seen {
    /// The index of each Ethernet link.
    pub(super) links: BTreeMap<String, u32>,
    /// Every address but those of the loopback network.
    pub(super) addresses: BTreeSet<IpAddr>,
}

impl Host {
    /// Opens the sockets in the calling thread's network namespace. Events are kept from here on.
    pub(super) fn open() -> Result<Self, Error> {
        let (connection, _, events) = rtnetlink::new_multicast_connection(&GROUPS).map_err(Error::Socket)?;
        tokio::spawn(connection);
        let (connection, handle, _) = rtnetlink::new_connection().map_err(Error::Socket)?;
        tokio::spawn(connection);
        Ok(Self { handle, events: Box::pin(events) })
    }

    /// Lists links and addresses.
    pub(super) async fn look(&self) -> Result<Seen, Error> {
        let mut links = BTreeMap::new();
        let mut messages = self.handle.link().get().execute();
        while let Some(link) = messages.try_next().await.map_err(Error::List)? {
            let is_ethernet = link.header.link_layer_type == LinkLayerType::Ether;
            for attribute in link.attributes.into_iter().filter(|_| is_ethernet) {
                if let LinkAttribute::IfName(name) = attribute {
                    links.insert(name, link.header.index);
                }
            }
        }
        let messages = self.handle.address().get().execute();
        let messages: Vec<_> = messages.try_collect().await.map_err(Error::List)?;
        let addresses = messages.iter().filter_map(local).filter(|address| !address.is_loopback()).collect();
        Ok(Seen { links, addresses })
    }

    /// Waits until something has changed, or events were lost. May be dropped and called again.
    pub(super) async fn changed(&mut self) -> Result<(), Error> {
        self.events.next().await.ok_or(Error::Closed)?;
        while self.events.next().now_or_never().flatten().is_some() {}
        Ok(())
    }
}

/// The local end where a link has two ends: `IFA_ADDRESS` is then the other one (`include/uapi/linux/if_addr.h`).
fn local(message: &AddressMessage) -> Option<IpAddr> {
    let find = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| message.attributes.iter().find_map(wanted);
    let local = find(|attribute| if let AddressAttribute::Local(address) = attribute { Some(*address) } else { None });
    local.or_else(|| {
        find(|attribute| if let AddressAttribute::Address(address) = attribute { Some(*address) } else { None })
    })
}

const GROUPS: [MulticastGroup; 3] = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
