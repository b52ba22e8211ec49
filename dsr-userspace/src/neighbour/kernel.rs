//! The netlink sockets: one that brings events, one that asks. Knows messages, decides nothing.

use std::{collections::VecDeque, io, net::IpAddr};

use dsr_sys::netlink::{self, Connection, family, subscribe};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    link::{LinkExtentMask, LinkMessage},
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
};
use rtnetlink::{
    MulticastGroup,
    packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload},
};

use super::{
    Error, decode,
    facts::{Fact, NeighbourKey, Route},
};

/// Opens both sockets in the calling thread's network namespace.
pub(super) fn open() -> Result<(Kernel, Events), Error> {
    let messages = subscribe(&GROUPS).map_err(Error::Open)?;
    let connection = Connection::open().map_err(Error::Open)?;
    Ok((Kernel { connection }, Events { messages }))
}

/// The socket that brings events.
pub(super) struct Events {
    messages: netlink::Events,
}

/// What the socket brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A fact.
    Fact(Box<Fact>),
    /// Events were lost (`ENOBUFS`): what is known may be wrong.
    Lost,
}

impl Events {
    /// Waits for events, and takes all that are there. May be dropped and called again: nothing is lost.
    pub(super) async fn next(&mut self) -> Result<VecDeque<Event>, Error> {
        let mut events = VecDeque::new();
        let first = self.messages.next().await;
        let mut message = first.ok_or(Error::Closed("brings events"))?.0;
        loop {
            events.extend(event(&message));
            match self.messages.next().now_or_never().flatten() {
                Some((next, _)) => message = next,
                None => return Ok(events),
            }
        }
    }
}

fn event(message: &NetlinkMessage<RouteNetlinkMessage>) -> Option<Event> {
    match &message.payload {
        NetlinkPayload::InnerMessage(inner) => decode::fact(inner).map(|fact| Event::Fact(Box::new(fact))),
        NetlinkPayload::Overrun(_) => Some(Event::Lost),
        _ => None,
    }
}

/// The socket that asks.
pub(super) struct Kernel {
    connection: Connection,
}

impl Kernel {
    /// Every link and every neighbour.
    pub(super) async fn list(&self) -> Result<Vec<Fact>, Error> {
        let links = self.connection.handle().link().get().execute().map_ok(RouteNetlinkMessage::NewLink);
        let links: Vec<_> = links.try_collect().await.map_err(|source| Error::Dump { what: "links", source })?;
        let neighbours =
            self.connection.handle().neighbours().get().execute().map_ok(RouteNetlinkMessage::NewNeighbour);
        let neighbours: Vec<_> =
            neighbours.try_collect().await.map_err(|source| Error::Dump { what: "neighbours", source })?;
        let (ports, forwarding) = (self.ports().await?, self.forwarding().await?);
        Ok(links.iter().chain(&neighbours).chain(&ports).chain(&forwarding).filter_map(decode::fact).collect())
    }

    /// Every port of a bridge, and the bridges themselves, with their VLANs.
    async fn ports(&self) -> Result<Vec<RouteNetlinkMessage>, Error> {
        let request =
            self.connection.handle().link().get().set_filter_mask(AddressFamily::Bridge, vec![LinkExtentMask::Brvlan]);
        let ports = request.execute().map_ok(RouteNetlinkMessage::NewLink).try_collect().await;
        ports.map_err(|source| Error::Dump { what: "bridge ports", source })
    }

    /// The forwarding tables of all bridges.
    async fn forwarding(&self) -> Result<Vec<RouteNetlinkMessage>, Error> {
        let mut request = self.connection.handle().neighbours().get();
        request.message_mut().header.family = AddressFamily::Bridge;
        let entries = request.execute().map_ok(RouteNetlinkMessage::NewNeighbour).try_collect().await;
        entries.map_err(|source| Error::Dump { what: "forwarding tables of bridges", source })
    }

    /// Waits until the kernel has finished the change of a link that it is telling of.
    ///
    /// It sends the event before it tells its own parts, which then remove routes without a word (IPv4, `fib_flush`).
    /// Both happen under the RTNL lock, and so does the look at a link, which therefore comes after.
    pub(super) async fn settle(&self) {
        let mut message = LinkMessage::default();
        message.header.index = LOOPBACK;
        let _ = self.request(RouteNetlinkMessage::GetLink(message), 0).await;
    }

    /// The route to an address. What the kernel refuses to look up (unreachable, prohibited) is no route.
    pub(super) async fn route(&self, address: IpAddr) -> Result<Route, Error> {
        let answer = self.connection.route(address, None).await.map_err(|_| Error::Closed("asks for routes"))?;
        Ok(answer.map_or(Route::None, |answer| decode::route(&answer)))
    }

    /// Makes the kernel ask for a MAC by broadcast.
    pub(super) async fn solicit(&self, key: NeighbourKey) -> io::Result<()> {
        let mut message = neighbour(key);
        message.header.flags = NeighbourFlags::Use;
        self.request(RouteNetlinkMessage::NewNeighbour(message), NLM_F_ACK | NLM_F_CREATE).await
    }

    /// Makes the kernel ask the neighbour itself whether its MAC is still true; it counts as true meanwhile.
    pub(super) async fn confirm(&self, key: NeighbourKey) -> io::Result<()> {
        let mut message = neighbour(key);
        message.header.state = NeighbourState::Probe;
        self.request(RouteNetlinkMessage::NewNeighbour(message), NLM_F_ACK | NLM_F_REPLACE).await
    }

    async fn request(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | flags;
        let answers = self.connection.handle().clone().request(request).map_err(io::Error::other)?;
        let mut answers = Box::pin(answers);
        while let Some(answer) = answers.next().await {
            if let NetlinkPayload::Error(error) = answer.payload {
                return Err(error.to_io());
            }
        }
        Ok(())
    }
}

fn neighbour((ifindex, address): NeighbourKey) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family(address);
    message.header.ifindex = ifindex;
    message.attributes.push(NeighbourAttribute::Destination(match address {
        IpAddr::V4(address) => NeighbourAddress::Inet(address),
        IpAddr::V6(address) => NeighbourAddress::Inet6(address),
    }));
    message
}

const GROUPS: [MulticastGroup; 8] = [
    MulticastGroup::Link,
    MulticastGroup::Neigh,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv4Rule,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Ipv6Route,
    MulticastGroup::Ipv6Rule,
];

/// The loopback link's index, the same in every network namespace (`LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;
