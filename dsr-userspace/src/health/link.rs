//! The link that probes leave by, and the rules that lead them there.
//!
//! The kernel would ask the network who has a VIP, and no host may answer. So marked packets are routed to a link of our
//! own, on which no address is asked for (`NOARP`); the tc program on it knows the way. A table and a rule of our own
//! lead there: no other packet is looked up in them, and the node's routes stay as they are. The kernel has no such
//! link with one end everywhere (`dummy` is a module), so it is a veth pair whose other end nothing reaches.
//!
//! All of it is removed by [`ProbeLink::remove`], and what a crashed agent left by the next [`ProbeLink::add`].

use std::{io, net::IpAddr};

use dsr_common::probe;
use dsr_sys::netlink::Connection;
use futures_util::TryStreamExt;
use netlink_packet_route::{
    AddressFamily,
    link::{AfSpecInet6, AfSpecUnspec, In6AddrGenMode, LinkAttribute, LinkMessage},
    route::{RouteAttribute, RouteFlags, RouteMessage, RouteProtocol, RouteScope},
    rule::{RuleAction, RuleAttribute, RuleMessage},
};
use rtnetlink::{IpVersion, LinkUnspec, LinkVeth, RouteMessageBuilder, packet_core::ErrorMessage};

/// Why probes cannot be led to their link.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No socket.
    #[error("cannot open a netlink socket for health probes: {0}")]
    Open(#[source] io::Error),
    /// Probes do not go to the link.
    #[error("probes of {vip} do not go to {NAME}: the rule, its route or the link was removed")]
    Lost {
        /// Where they are sent.
        vip: IpAddr,
    },
    /// Nothing sends probes on from the link.
    #[error("the program on {NAME} that sends probes to their backends was removed")]
    Detached,
    /// The kernel refused a step.
    #[error("cannot {doing} for health probes: {reason}")]
    Refused {
        /// The step.
        doing: &'static str,
        /// What the kernel says.
        reason: String,
    },
}

/// The link, up, with its rules.
#[derive(Debug)]
pub struct ProbeLink {
    connection: Connection,
}

impl ProbeLink {
    /// Makes it in the calling thread's network namespace, after removing what an earlier agent may have left there.
    pub async fn add(families: Families) -> Result<Self, LinkError> {
        let link = Self::open()?;
        link.clear().await?;
        let made = link.make(families).await;
        if made.is_err() {
            // Nothing half made is left; that it could not be made is what has to be told.
            let _ = link.clear().await;
        }
        made.map(|()| link)
    }

    /// Removes link, rules and routes, those of a crashed agent too.
    pub async fn remove() -> Result<(), LinkError> {
        Self::open()?.clear().await
    }

    /// The index that the link has now.
    pub async fn ifindex(&self) -> Result<u32, LinkError> {
        self.index().await?.ok_or_else(|| LinkError::Refused { doing: "find the link", reason: "gone".to_owned() })
    }

    fn open() -> Result<Self, LinkError> {
        Connection::open().map(|connection| Self { connection }).map_err(LinkError::Open)
    }

    async fn make(&self, families: Families) -> Result<(), LinkError> {
        let links = self.connection.handle().link();
        links.add(LinkVeth::new(NAME, PEER).build()).execute().await.doing("add a link")?;
        for name in [NAME, PEER] {
            let quiet = LinkUnspec::new_with_name(name).arp(false).append_extra_attribute(no_own_addresses());
            links.change(quiet.build()).execute().await.doing("silence the link")?;
        }
        if families.ipv6 {
            // A host may keep IPv6 off its new links.
            let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{NAME}/disable_ipv6"), "0");
        }
        for name in [PEER, NAME] {
            links.change(LinkUnspec::new_with_name(name).up().build()).execute().await.doing("bring the link up")?;
        }
        let index = self.ifindex().await?;
        for version in families.versions() {
            self.connection.handle().route().add(route(&version, index)).execute().await.doing("add a route")?;
            let mut rule = self.connection.handle().rule().add();
            *rule.message_mut() = self::rule(family(&version));
            rule.execute().await.doing("add a rule")?;
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), LinkError> {
        for version in [IpVersion::V4, IpVersion::V6] {
            // A kernel without IPv6 has no such rules to list.
            let rules: Vec<RuleMessage> =
                self.connection.handle().rule().get(version).execute().try_collect().await.unwrap_or_default();
            for rule in rules.into_iter().filter(is_ours) {
                self.connection.handle().rule().del(rule).execute().await.doing("remove an old rule")?;
            }
        }
        match self.index().await? {
            // Its routes and its other end go with it.
            Some(index) => self.connection.handle().link().del(index).execute().await.doing("remove an old link"),
            None => Ok(()),
        }
    }

    async fn index(&self) -> Result<Option<u32>, LinkError> {
        let found = self.connection.handle().link().get().match_name(NAME.to_owned()).execute().try_next().await;
        match found {
            Ok(link) => Ok(link.map(|link: LinkMessage| link.header.index)),
            Err(rtnetlink::Error::NetlinkError(error)) if is_no_device(&error) => Ok(None),
            Err(error) => Err(error).doing("look for the link"),
        }
    }
}

/// Whether the kernel sends probes of one of these VIPs of a family to the link with this index. It is asked for the
/// route of a marked packet, which takes the rule, its route and the link.
pub async fn verify(index: u32, vips: &[IpAddr]) -> Result<(), LinkError> {
    let ProbeLink { connection } = ProbeLink::open()?;
    let mut lost = None;
    for vip in vips {
        match connection.route(*vip, Some(probe::MARK), RouteFlags::empty()).await.doing("look up the route")? {
            Ok(route) if route.attributes.contains(&RouteAttribute::Oif(index)) => return Ok(()),
            // What the kernel refuses to look up leads nowhere.
            _ => lost = Some(LinkError::Lost { vip: *vip }),
        }
    }
    lost.map_or(Ok(()), Err)
}

/// The families that are probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Families {
    /// A VIP is IPv4.
    pub ipv4: bool,
    /// A VIP is IPv6.
    pub ipv6: bool,
}

impl Families {
    /// Those of these addresses.
    pub fn of(addresses: impl Iterator<Item = IpAddr>) -> Self {
        addresses.fold(Self::default(), |families, address| Self {
            ipv4: families.ipv4 || address.is_ipv4(),
            ipv6: families.ipv6 || address.is_ipv6(),
        })
    }

    /// Whether all families of another are in this.
    pub const fn include(self, other: Self) -> bool {
        (self.ipv4 || !other.ipv4) && (self.ipv6 || !other.ipv6)
    }

    fn versions(self) -> impl Iterator<Item = IpVersion> {
        [(self.ipv4, IpVersion::V4), (self.ipv6, IpVersion::V6)].into_iter().filter(|(is, _)| *is).map(|(_, v)| v)
    }
}

/// The link's name.
pub const NAME: &str = "dsr-probe";
/// The name of its other end.
const PEER: &str = "dsr-probe-end";

/// The routing table and the number that routes and rules are known by as ours: no number that
/// `/etc/iproute2/rt_tables` or `rt_protos` of a distribution has.
const TABLE: u32 = 0xd5e0;
const PROTOCOL: u8 = 0xd5;
/// Before the table `main` (32766) and what an operator would put in front of it, after `local` (0).
const PRIORITY: u32 = 100;

/// No link-local address, which would be announced and used.
fn no_own_addresses() -> LinkAttribute {
    LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(In6AddrGenMode::None)])])
}

fn route(version: &IpVersion, index: u32) -> RouteMessage {
    let protocol = RouteProtocol::from(PROTOCOL);
    match version {
        IpVersion::V4 => RouteMessageBuilder::<std::net::Ipv4Addr>::new()
            .output_interface(index)
            .table_id(TABLE)
            .protocol(protocol)
            .scope(RouteScope::Link)
            .build(),
        IpVersion::V6 => RouteMessageBuilder::<std::net::Ipv6Addr>::new()
            .output_interface(index)
            .table_id(TABLE)
            .protocol(protocol)
            .build(),
    }
}

fn rule(family: AddressFamily) -> RuleMessage {
    let mut rule = RuleMessage::default();
    rule.header.family = family;
    rule.header.action = RuleAction::ToTable;
    rule.attributes = vec![
        RuleAttribute::Priority(PRIORITY),
        RuleAttribute::FwMark(probe::MARK),
        RuleAttribute::FwMask(probe::MARK_MASK),
        RuleAttribute::Table(TABLE),
        RuleAttribute::Protocol(RouteProtocol::from(PROTOCOL)),
    ];
    rule
}

/// Whether a rule is one that an agent made.
fn is_ours(rule: &RuleMessage) -> bool {
    let has = |attribute| rule.attributes.contains(&attribute);
    has(RuleAttribute::FwMark(probe::MARK)) && has(RuleAttribute::Table(TABLE))
}

const fn family(version: &IpVersion) -> AddressFamily {
    match version {
        IpVersion::V4 => AddressFamily::Inet,
        IpVersion::V6 => AddressFamily::Inet6,
    }
}

fn is_no_device(error: &ErrorMessage) -> bool {
    error.to_io().raw_os_error() == Some(libc::ENODEV)
}

trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, LinkError>;
}

impl<T> Doing<T> for Result<T, rtnetlink::Error> {
    fn doing(self, doing: &'static str) -> Result<T, LinkError> {
        self.map_err(|error| LinkError::Refused { doing, reason: error.to_string() })
    }
}
