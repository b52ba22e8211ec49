//! The netlink sockets: some that bring events, some that ask. Knows messages, decides nothing.

use std::{collections::VecDeque, io, iter, net::IpAddr, pin::Pin};

use dsr_sys::netlink::{Connection, family, subscribe};
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, stream};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    link::{LinkExtentMask, LinkMessage},
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
    route::{RouteFlags, RouteMessage},
};
use rtnetlink::{
    MulticastGroup,
    packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload},
};

use super::{
    Error,
    decode::{self, Found},
    facts::{Fact, NeighbourKey, Out, Route, RouteHop},
    next_hop_object::{self, NextHopObject, NextHopObjects, Part},
};
use crate::model::{NoHop, Refusal};

/// Whether the address that packets of this host come from is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It is.
    Wanted,
    /// It is not.
    NotWanted,
}

/// Opens all sockets in the calling thread's network namespace.
pub(super) fn open() -> Result<(Kernel, Events), Error> {
    let messages = subscribe(&GROUPS).map_err(Error::Open)?;
    let connection = Connection::open().map_err(Error::Open)?;
    let (next_hop_objects, next_hop_messages) = next_hop_object::open()?;
    let closed = || stream::once(async { Some(Event::Closed) });
    let messages = messages.map(|(message, _)| event(&message)).chain(closed());
    let next_hop_messages = next_hop_messages.map(|message| next_hop_event(&message)).chain(closed());
    let events = Events { events: Box::pin(stream::select(messages, next_hop_messages)) };
    Ok((Kernel { connection, next_hop_objects }, events))
}

/// The sockets that bring events.
pub(super) struct Events {
    /// Nothing where a message tells nothing of interest.
    events: Pin<Box<dyn Stream<Item = Option<Event>> + Send + Sync>>,
}

/// What the sockets brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A fact.
    Fact(Box<Fact>),
    /// Events were lost (`ENOBUFS`): what is known may be wrong.
    Lost,
    /// A socket ended by itself.
    Closed,
}

impl Events {
    /// Waits for events, and takes all that are there. May be dropped and called again: nothing is lost.
    pub(super) async fn next(&mut self) -> Result<VecDeque<Event>, Error> {
        let mut events = VecDeque::new();
        let mut next = self.events.next().await;
        loop {
            match next {
                None | Some(Some(Event::Closed)) => return Err(Error::Closed("brings events")),
                Some(event) => events.extend(event),
            }
            match self.events.next().now_or_never() {
                Some(following) => next = following,
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

fn next_hop_event(message: &NetlinkMessage<next_hop_object::Message>) -> Option<Event> {
    match &message.payload {
        NetlinkPayload::InnerMessage(inner) => Some(Event::Fact(Box::new(Fact::NextHopChanged(inner.id)))),
        NetlinkPayload::Overrun(_) => Some(Event::Lost),
        _ => None,
    }
}

/// The sockets that ask.
pub(super) struct Kernel {
    connection: Connection,
    next_hop_objects: NextHopObjects,
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
    pub(super) async fn wait_for_link_change(&self) {
        let mut message = LinkMessage::default();
        message.header.index = LOOPBACK;
        let _ = self.request(RouteNetlinkMessage::GetLink(message), 0).await;
    }

    /// The route to an address, as the kernel finds it for packets of this host: rules, longest prefix, metric. Also the
    /// address that they come from, if `source` is wanted and the route does not name it.
    pub(super) async fn route(&self, address: IpAddr, source: Source) -> Result<Route, Error> {
        let mut out = match self.look_up(address, RouteFlags::FibMatch).await?.map(|answer| decode::route(&answer)) {
            Err(no) | Ok(Found::Route(Route::No(no))) => return Ok(Route::No(no)),
            Ok(Found::Route(Route::Out(out))) => out,
            Ok(Found::Object(id, out)) => match self.resolve(id, out).await? {
                Ok(out) => out,
                Err(no) => return Ok(Route::No(no)),
            },
        };
        if source == Source::Wanted && out.source.is_none() {
            let answer = self.look_up(address, RouteFlags::empty()).await?;
            out.source = answer.ok().and_then(|answer| decode::source(&answer));
        }
        Ok(Route::Out(out))
    }

    /// With [`RouteFlags::FibMatch`] the whole route, with all next hops; without, what one packet would do.
    async fn look_up(&self, address: IpAddr, flags: RouteFlags) -> Result<Result<RouteMessage, NoHop>, Error> {
        let answer = self.connection.route(address, None, flags).await.map_err(|_| Error::Closed("asks for routes"))?;
        Ok(answer.map_err(|refusal| decode::refused(refusal.raw_os_error())))
    }

    /// The next hops of a next-hop object. Groups have no groups in them (`nh_check_attr_group`).
    async fn resolve(&self, id: u32, mut out: Out) -> Result<Result<Out, NoHop>, Error> {
        let mut no = NoHop::NoRoute;
        let parts = match self.next_hop_objects.get(id).await? {
            Some(NextHopObject::Group(parts)) => parts,
            _ => vec![Part { id, weight: 1 }],
        };
        out.objects = iter::once(id).chain(parts.iter().map(|part| part.id).filter(|part| *part != id)).collect();
        for Part { id, weight } in parts {
            match self.next_hop_objects.get(id).await? {
                Some(NextHopObject::One { oif, gateway }) => out.next_hops.push(RouteHop { oif, gateway, weight }),
                Some(NextHopObject::Blackhole) => no = NoHop::Refused(Refusal::Blackhole),
                Some(NextHopObject::Encap) => no = NoHop::Encap,
                Some(NextHopObject::Group(_)) | None => {}
            }
        }
        Ok(if out.next_hops.is_empty() { Err(no) } else { Ok(out) })
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
