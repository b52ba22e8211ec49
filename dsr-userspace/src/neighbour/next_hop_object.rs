//! Next-hop objects (`ip nexthop`, Linux 5.3): messages of `linux/nexthop.h`, which netlink-packet-route does not know, over
//! a netlink socket of their own. Knows messages, decides nothing.
//!
//! With `net.ipv4.nexthop_compat_mode` 0, a route that uses an object contains only its id, and the kernel sends no route event
//! when the object changes. So the objects are queried and their own events received, which works in both modes.

use std::net::IpAddr;

use futures_util::{Stream, StreamExt};
use rtnetlink::{
    MulticastGroup,
    packet_core::{
        DecodeError, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload,
        NetlinkSerializable, NlasIterator, parse_ip, parse_u32,
    },
    proto::{self, ConnectionHandle},
    sys::{AsyncSocket, Socket, SocketAddr, protocols::NETLINK_ROUTE},
};

use super::Error;

/// Opens the socket in the calling thread's network namespace. The stream brings the events of all objects.
pub(super) fn open() -> Result<(NextHopObjects, impl Stream<Item = NetlinkMessage<Message>>), Error> {
    let (mut connection, handle, messages) = proto::new_connection(NETLINK_ROUTE).map_err(Error::Open)?;
    let socket: &mut Socket = connection.socket_mut().socket_mut();
    socket.bind(&SocketAddr::new(0, 0)).map_err(Error::Open)?;
    socket.add_membership(MulticastGroup::Nexthop as u32).map_err(Error::Open)?;
    tokio::spawn(connection);
    Ok((NextHopObjects { handle }, messages.map(|(message, _)| message)))
}

/// Asks for objects.
pub(super) struct NextHopObjects {
    handle: ConnectionHandle<Message>,
}

impl NextHopObjects {
    /// An object; nothing where the kernel has none of this id.
    pub(super) async fn get(&self, id: u32) -> Result<Option<NextHopObject>, Error> {
        let mut request = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(Message::get(id)));
        request.header.flags = NLM_F_REQUEST;
        request.finalize();
        let closed = || Error::Closed("asks for next-hop objects");
        let mut answers = self.handle.request(request, SocketAddr::new(0, 0)).map_err(|_| closed())?;
        match answers.next().await.ok_or_else(closed)?.payload {
            NetlinkPayload::InnerMessage(message) => Ok(message.object),
            // ENOENT: it went this moment; an event tells.
            _ => Ok(None),
        }
    }
}

/// What an object stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextHopObject {
    /// Packets are dropped.
    Blackhole,
    /// One next hop, which encapsulates packets.
    Encap,
    /// One next hop.
    One {
        /// Index of the link.
        oif: u32,
        /// The router; nothing where the destination is on the link.
        gateway: Option<IpAddr>,
    },
    /// Other objects.
    Group(Vec<Part>),
}

/// An object of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its id.
    pub(super) id: u32,
    /// Its share relative to the group's others.
    pub(super) weight: u32,
}

/// A message about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    kind: u16,
    /// The object's id.
    pub(super) id: u32,
    /// What it stands for, where the message says.
    pub(super) object: Option<NextHopObject>,
}

impl Message {
    const fn get(id: u32) -> Self {
        Self { kind: RTM_GETNEXTHOP, id, object: None }
    }
}

impl From<Message> for NetlinkPayload<Message> {
    fn from(message: Message) -> Self {
        Self::InnerMessage(message)
    }
}

impl NetlinkDeserializable for Message {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let attributes =
            payload.get(HEADER..).ok_or_else(|| DecodeError::from("a next-hop message without a header"))?;
        let (mut id, mut oif, mut gateway, mut other) = (0, None, None, None);
        for attribute in NlasIterator::new(attributes) {
            let attribute = attribute?;
            match attribute.kind() {
                NHA_ID => id = parse_u32(attribute.value())?,
                NHA_OIF => oif = Some(parse_u32(attribute.value())?),
                NHA_GATEWAY => gateway = Some(parse_ip(attribute.value())?),
                NHA_BLACKHOLE => other = Some(NextHopObject::Blackhole),
                NHA_ENCAP_TYPE => other = Some(NextHopObject::Encap),
                NHA_GROUP => other = Some(NextHopObject::Group(parts(attribute.value()))),
                _ => {}
            }
        }
        let object = other.or_else(|| oif.map(|oif| NextHopObject::One { oif, gateway }));
        Ok(Self { kind: header.message_type, id, object })
    }
}

/// `struct nexthop_grp`: id, weight less one, and since Linux 6.12 its high byte.
fn parts(value: &[u8]) -> Vec<Part> {
    let (parts, _) = value.as_chunks::<8>();
    let part = |&[a, b, c, d, low, high, _, _]: &[u8; 8]| Part {
        id: u32::from_ne_bytes([a, b, c, d]),
        weight: u32::from(u16::from_le_bytes([low, high])) + 1,
    };
    parts.iter().map(part).collect()
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        HEADER + ID_ATTRIBUTE
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.fill(0);
        let attribute = &mut buffer[HEADER..];
        attribute[..2].copy_from_slice(&(ID_ATTRIBUTE as u16).to_ne_bytes());
        attribute[2..4].copy_from_slice(&NHA_ID.to_ne_bytes());
        attribute[4..].copy_from_slice(&self.id.to_ne_bytes());
    }
}

const RTM_GETNEXTHOP: u16 = 106;

/// `struct nhmsg`: family, scope, protocol, reserved, flags.
const HEADER: usize = 8;

/// Header and value of an attribute of 32 bits.
const ID_ATTRIBUTE: usize = 8;

const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_BLACKHOLE: u16 = 4;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
const NHA_ENCAP_TYPE: u16 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(hex: &str) -> Message {
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        match NetlinkMessage::deserialize(&bytes).unwrap().payload {
            NetlinkPayload::InnerMessage(message) => message,
            other => panic!("no next-hop object: {other:?}"),
        }
    }

    #[test]
    fn objects_are_read_as_the_kernel_sends_them() {
        let one = |gateway: &str| NextHopObject::One { oif: 3, gateway: Some(gateway.parse().unwrap()) };
        let group = NextHopObject::Group(vec![Part { id: 7, weight: 2 }, Part { id: 8, weight: 3 }]);
        let cases = [
            (GATEWAY, 7, one("10.0.0.254")),
            (GATEWAY_V6, 11, one("fd00::254")),
            (GROUP, 9, group),
            (BLACKHOLE, 10, NextHopObject::Blackhole),
        ];
        for (hex, id, object) in cases {
            assert_eq!(recorded(hex), Message { kind: RTM_NEWNEXTHOP, id, object: Some(object) });
        }
    }

    #[test]
    fn the_high_byte_of_a_weight_counts() {
        assert_eq!(parts(&[7, 0, 0, 0, 0xff, 1, 0, 0]), [Part { id: u32::from_ne_bytes([7, 0, 0, 0]), weight: 512 }]);
    }

    #[test]
    fn a_request_names_the_object() {
        let mut request = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(Message::get(9)));
        request.finalize();
        let mut bytes = vec![0xff; request.buffer_len()];
        request.serialize(&mut bytes);
        assert_eq!(bytes[16..24], [0; 8]);
        assert_eq!(NetlinkMessage::deserialize(&bytes).unwrap().payload, NetlinkPayload::from(Message::get(9)));
    }

    const RTM_NEWNEXTHOP: u16 = 104;

    // As Linux 6.18 answered `RTM_GETNEXTHOP`, for the objects of the comments.

    /// `id 7 via 10.0.0.254 dev lb0`
    const GATEWAY: &str = "\
        300000006800000001000000b113000002fd00000000000008000100070000000800050003000000080006000a0000fe";

    /// `id 11 via fd00::254 dev lb0`
    const GATEWAY_V6: &str = "\
        3c0000006800000001000000b11300000afd000000000000080001000b000000080005000300000014000600fd0000000000\
        00000000000000000254";

    /// `id 9 group 7,2/8,3`
    const GROUP: &str = "\
        440000006800000001000000b113000000000000000000000800010009000000060003000000000014000200070000000100\
        0000080000000200000008000e0000000080";

    /// `id 10 blackhole`
    const BLACKHOLE: &str = "\
        240000006800000001000000b11300000200000000000000080001000a00000004000400";
}
