//! Links and addresses by rtnetlink, in the calling thread's network namespace.

use std::{
    future::ready,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use dsr_common::mac::Mac;
use dsr_sys::netlink::{Connection, family};
use futures_util::TryStreamExt;
use rtnetlink::{
    LinkBridge, LinkUnspec, LinkVeth, RouteMessageBuilder,
    packet_route::{
        address::{AddressAttribute, AddressHeaderFlags, AddressMessage},
        link::{
            BridgePortState, InfoBridgePort, InfoData, InfoPortData, InfoVeth, LinkAttribute, LinkInfo, LinkMessage,
        },
    },
};
use rustix::net::{SocketType, netdevice::name_to_index, socket};

use crate::error::{Doing, Result};

/// A netlink connection into the namespace of the thread that opened it.
pub struct Links {
    connection: Connection,
}

/// A pair of virtual Ethernet interfaces: a port of a bridge here, and its peer in another namespace.
#[derive(Clone, Copy, Debug)]
pub struct Veth<'a> {
    /// Index of the bridge.
    pub bridge: u32,
    /// Name of the bridge's port.
    pub port: &'a str,
    /// MAC of the bridge's port.
    pub port_mac: Mac,
    /// The peer's namespace.
    pub namespace: BorrowedFd<'a>,
    /// The peer's name.
    pub peer: &'a str,
    /// The peer's MAC.
    pub peer_mac: Mac,
}

/// Whether an interface is administratively up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// As after `ip link set up`.
    Up,
    /// As after `ip link set down`.
    Down,
}

impl Links {
    /// Opens the connection. Needs a tokio runtime, which answers while it runs.
    pub fn open() -> Result<Self> {
        Connection::open().map(|connection| Self { connection }).doing(|| "open a netlink socket")
    }

    /// Makes a bridge that forwards at once and speaks neither STP nor IGMP; gives its index.
    pub async fn add_bridge(&self, name: &str, mac: Mac) -> Result<u32> {
        let bridge = LinkBridge::new(name).address(mac.0.to_vec()).mcast_snooping(false).forward_delay(0);
        self.connection
            .handle()
            .link()
            .add(bridge.build())
            .execute()
            .await
            .doing(|| format!("add the bridge {name}"))?;
        index(name)
    }

    /// Makes a veth pair, the bridge's port up and the peer down.
    pub async fn add_veth(&self, veth: &Veth<'_>) -> Result<()> {
        let port = LinkVeth::new(veth.port, veth.peer)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer_message(veth))))
            .address(veth.port_mac.0.to_vec())
            .controller(veth.bridge)
            .up();
        let added = self.connection.handle().link().add(port.build()).execute().await;
        added.doing(|| format!("add the veth pair {}", veth.port))
    }

    /// Sets an interface up or down.
    pub async fn set_state(&self, name: &str, state: LinkState) -> Result<()> {
        let link = LinkUnspec::new_with_name(name);
        let link = match state {
            LinkState::Up => link.up(),
            LinkState::Down => link.down(),
        };
        let changed = self.connection.handle().link().change(link.build()).execute().await;
        changed.doing(|| format!("set {name} {state:?}"))
    }

    /// Gives an interface another MAC.
    pub async fn set_mac(&self, name: &str, mac: Mac) -> Result<()> {
        let link = LinkUnspec::new_with_name(name).address(mac.0.to_vec());
        let changed = self.connection.handle().link().change(link.build()).execute().await;
        changed.doing(|| format!("give {name} the MAC {mac}"))
    }

    /// Gives an interface another MTU, in bytes.
    pub async fn set_mtu(&self, name: &str, mtu: u32) -> Result<()> {
        let link = LinkUnspec::new_with_name(name).mtu(mtu);
        let changed = self.connection.handle().link().change(link.build()).execute().await;
        changed.doing(|| format!("give {name} the MTU {mtu}"))
    }

    /// How many ports of bridges forward frames. The kernel lets a port do so some time after both its ends are up
    /// (`net/core/link_watch.c`), and drops what is sent to it before.
    pub async fn forwarding_ports(&self) -> Result<usize> {
        let links = self.connection.handle().link().get().execute();
        let forwarding = links.try_fold(0, |count, link| ready(Ok(count + usize::from(is_forwarding(&link)))));
        forwarding.await.doing(|| "list the interfaces")
    }

    /// Gives an interface an address. An IPv6 address is usable at once, without duplicate address detection.
    pub async fn add_address(&self, name: &str, address: impl Into<IpAddr>, prefix: u8) -> Result<()> {
        let address = address.into();
        let mut request = self.connection.handle().address().add(index(name)?, address, prefix);
        if address.is_ipv6() {
            request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        }
        request.execute().await.doing(|| format!("add {address}/{prefix} to {name}"))
    }

    /// A default route by a router.
    pub async fn add_default_route(&self, gateway: impl Into<IpAddr>) -> Result<()> {
        let gateway = gateway.into();
        let route = match gateway {
            IpAddr::V4(gateway) => RouteMessageBuilder::<Ipv4Addr>::new().gateway(gateway).build(),
            IpAddr::V6(gateway) => RouteMessageBuilder::<Ipv6Addr>::new().gateway(gateway).build(),
        };
        self.connection
            .handle()
            .route()
            .add(route)
            .execute()
            .await
            .doing(|| format!("add a default route by {gateway}"))
    }

    /// Takes an address from an interface.
    pub async fn remove_address(&self, name: &str, address: IpAddr, prefix: u8) -> Result<()> {
        let mut message = AddressMessage::default();
        message.header.family = family(address);
        message.header.prefix_len = prefix;
        message.header.index = index(name)?;
        message.attributes = match address {
            IpAddr::V4(_) => vec![AddressAttribute::Local(address), AddressAttribute::Address(address)],
            IpAddr::V6(_) => vec![AddressAttribute::Address(address)],
        };
        self.connection
            .handle()
            .address()
            .del(message)
            .execute()
            .await
            .doing(|| format!("take {address}/{prefix} from {name}"))
    }
}

/// The index of an interface of the calling thread's namespace.
pub(super) fn index(name: &str) -> Result<u32> {
    let found = socket(rustix::net::AddressFamily::INET, SocketType::DGRAM, None);
    found.and_then(|socket| name_to_index(socket.as_fd(), name)).doing(|| format!("find the interface {name}"))
}

fn is_forwarding(link: &LinkMessage) -> bool {
    let infos = link.attributes.iter().filter_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    });
    let ports = infos.flatten().filter_map(|info| match info {
        LinkInfo::PortData(InfoPortData::BridgePort(port)) => Some(port),
        _ => None,
    });
    ports.flatten().any(|port| *port == InfoBridgePort::State(BridgePortState::Forwarding))
}

fn peer_message(veth: &Veth<'_>) -> LinkMessage {
    LinkUnspec::new_with_name(veth.peer)
        .address(veth.peer_mac.0.to_vec())
        .setns_by_fd(veth.namespace.as_raw_fd())
        .build()
}
