//! Questions to families of generic netlink: one message out, one in, in the calling thread's network namespace.

use std::io;

use rtnetlink::{
    packet_core::NlasIterator,
    sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC},
};

/// A socket for questions.
pub struct Generic {
    socket: Socket,
}

/// A family and what is asked of it.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The family's number, see [`Generic::family`].
    pub family: u16,
    /// The number of the command.
    pub number: u8,
}

impl Generic {
    /// Opens the socket.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket })
    }

    /// The number of a family.
    pub fn family(&self, name: &str) -> io::Result<u16> {
        let mut name = name.as_bytes().to_vec();
        name.push(0);
        let answer = self.ask(CONTROLLER, &attribute(CTRL_ATTR_FAMILY_NAME, &name))?;
        let number =
            find(&answer, CTRL_ATTR_FAMILY_ID).and_then(|value| Some(u16::from_ne_bytes(value.try_into().ok()?)));
        number.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Asks, and gives the attributes of the answer. The kernel answers before this returns.
    pub fn ask(&self, command: Command, attributes: &[u8]) -> io::Result<Vec<u8>> {
        self.exchange(command, NLM_F_REQUEST, attributes)
    }

    /// Tells the kernel to do something that it only acknowledges.
    pub fn tell(&self, command: Command, attributes: &[u8]) -> io::Result<()> {
        self.exchange(command, NLM_F_REQUEST | NLM_F_ACK, attributes).map(drop)
    }

    fn exchange(&self, command: Command, flags: u16, attributes: &[u8]) -> io::Result<Vec<u8>> {
        let length = (HEADERS + attributes.len()) as u32;
        let mut message = Vec::with_capacity(length as usize);
        message.extend_from_slice(&length.to_ne_bytes());
        message.extend_from_slice(&command.family.to_ne_bytes());
        message.extend_from_slice(&flags.to_ne_bytes());
        // Sequence and port: there is one question at a time, and the kernel knows whose.
        message.extend_from_slice(&[0; 8]);
        message.extend_from_slice(&[command.number, VERSION, 0, 0]);
        message.extend_from_slice(attributes);
        self.socket.send(&message, 0)?;
        let (answer, _) = self.socket.recv_from_full()?;
        let kind = answer.get(4..6).map(|bytes| u16::from_ne_bytes([bytes[0], bytes[1]]));
        match (kind, answer.get(NETLINK_HEADER..HEADERS)) {
            (Some(NLMSG_ERROR), Some(code)) => match i32::from_ne_bytes([code[0], code[1], code[2], code[3]]) {
                // An acknowledgement.
                0 => Ok(Vec::new()),
                code => Err(io::Error::from_raw_os_error(-code)),
            },
            (Some(_), Some(_)) => Ok(answer[HEADERS..].to_vec()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// An attribute, padded.
pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = ((ATTRIBUTE_HEADER + value.len()) as u16).to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The value of the first attribute of a kind.
pub fn find(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    all(attributes, kind).next()
}

/// The values of all attributes of a kind.
pub fn all(attributes: &[u8], kind: u16) -> impl Iterator<Item = &[u8]> {
    let found = NlasIterator::new(attributes).map_while(Result::ok);
    found.filter(move |found| found.kind() == kind).map(|found| {
        let length = found.value_length();
        let whole: &[u8] = found.into_inner();
        whole.get(ATTRIBUTE_HEADER..ATTRIBUTE_HEADER + length).unwrap_or_default()
    })
}

/// The value of an attribute that is a 32-bit number.
pub fn number(attributes: &[u8], kind: u16) -> Option<u32> {
    Some(u32::from_ne_bytes(find(attributes, kind)?.try_into().ok()?))
}

/// `GENL_ID_CTRL` and `CTRL_CMD_GETFAMILY` (`linux/genetlink.h`), as are the numbers below.
const CONTROLLER: Command = Command { family: 16, number: 3 };
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const VERSION: u8 = 1;
/// `linux/netlink.h`
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLMSG_ERROR: u16 = 2;
const NETLINK_HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
/// Of netlink and of generic netlink.
const HEADERS: usize = NETLINK_HEADER + 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_again() {
        let mut attributes = attribute(7, &[1, 2, 3]);
        attributes.extend(attribute(8, &9_u32.to_ne_bytes()));
        assert_eq!(attributes.len(), 16);
        assert_eq!(find(&attributes, 7), Some(&[1, 2, 3][..]));
        assert_eq!(number(&attributes, 8), Some(9));
        assert_eq!((number(&attributes, 7), find(&attributes, 6)), (None, None));
    }

    #[test]
    fn the_controller_knows_itself_and_nobody_else() {
        let generic = Generic::open().unwrap();
        assert_eq!(generic.family("nlctrl").unwrap(), CONTROLLER.family);
        assert_eq!(generic.family("dsr-nobody").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
