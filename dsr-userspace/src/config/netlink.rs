//! The host's facts, read by rtnetlink from the network namespace that the calling thread is in.

use std::{collections::HashMap, fs, io, net::IpAddr};

use dsr_sys::netlink::Connection;
use futures_util::TryStreamExt;
use netlink_packet_route::{
    address::{AddressAttribute, AddressMessage},
    link::{LinkAttribute, LinkLayerType},
};

use super::host::{AddressOnHost, HostFacts};

/// Why the host's facts could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// No socket.
    #[error("cannot open an rtnetlink socket: {0}")]
    Socket(#[from] io::Error),
    /// The kernel did not answer as expected.
    #[error("cannot list the interfaces and addresses of this host by rtnetlink: {0}")]
    List(#[from] rtnetlink::Error),
}

impl HostFacts {
    /// Reads the facts. Needs no privilege; must run inside a tokio runtime.
    pub async fn read() -> Result<Self, FactsError> {
        Self::ask(Connection::open()?.handle()).await
    }

    async fn ask(handle: &rtnetlink::Handle) -> Result<Self, FactsError> {
        let (mut names, mut interfaces, mut others) = (HashMap::new(), Vec::new(), Vec::new());
        let mut links = handle.link().get().execute();
        while let Some(link) = links.try_next().await? {
            let name = link.attributes.into_iter().find_map(|attribute| match attribute {
                LinkAttribute::IfName(name) => Some(name),
                _ => None,
            });
            let Some(name) = name else { continue };
            let is_ethernet = link.header.link_layer_type == LinkLayerType::Ether;
            if is_ethernet { &mut interfaces } else { &mut others }.push(name.clone());
            names.insert(link.header.index, name);
        }
        let mut addresses = Vec::new();
        let mut messages = handle.address().get().execute();
        while let Some(message) = messages.try_next().await? {
            addresses.extend(on_host(&message, &names));
        }
        interfaces.sort();
        others.sort();
        Ok(Self { interfaces, others, addresses, first_free_port: first_free_port() })
    }
}

/// `ip_unprivileged_port_start` of the network namespace, which `/proc/sys/net` shows that of its reader.
fn first_free_port() -> u16 {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The local end where a link has two ends: `IFA_ADDRESS` is then the other one (`include/uapi/linux/if_addr.h`).
fn on_host(message: &AddressMessage, names: &HashMap<u32, String>) -> Option<AddressOnHost> {
    let find = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| message.attributes.iter().find_map(wanted);
    let local = find(|attribute| if let AddressAttribute::Local(address) = attribute { Some(*address) } else { None });
    let address = local.or_else(|| {
        find(|attribute| if let AddressAttribute::Address(address) = attribute { Some(*address) } else { None })
    })?;
    let interface = names.get(&message.header.index)?.clone();
    Some(AddressOnHost { address, prefix: message.header.prefix_len, interface })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_host_has_a_loopback() {
        let facts = HostFacts::read().await.unwrap();
        assert!(facts.others.iter().any(|name| name == "lo"), "{facts:?}");
        for on_host in &facts.addresses {
            let mut all = facts.interfaces.iter().chain(&facts.others);
            assert!(all.any(|name| *name == on_host.interface), "{facts:?}");
            assert_ne!(on_host.address, IpAddr::from([0, 0, 0, 0]));
        }
    }
}
