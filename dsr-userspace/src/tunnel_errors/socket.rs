//! The sockets that errors about tunnels arrive at. The kernel drops what else this host receives by ICMP, so that neither
//! echo requests nor errors about other packets wake the agent.

use std::{
    io,
    net::{IpAddr, UdpSocket},
};

use dsr_common::{
    address::Family,
    forward::{ForwardMode, protocol_of},
};
use dsr_sys::{
    icmp::{Version, receive_only},
    packet::SockFilter,
};

use super::{
    kind::{ERRORS, ERRORS6},
    message::{ICMP_HEADER, TunnelError, read},
};

/// Errors to this host that come by one version of ICMP.
#[derive(Debug)]
pub(crate) struct ErrorSocket {
    socket: UdpSocket,
    family: Family,
}

impl ErrorSocket {
    /// Listens from here on, in the calling thread's network namespace.
    pub(crate) fn open(family: Family) -> io::Result<Self> {
        let socket = match family {
            Family::V4 => receive_only(Version::V4, &ERRORS, &filter(family))?,
            Family::V6 => receive_only(Version::V6, &ERRORS6, &filter(family))?,
        };
        Ok(Self { socket, family })
    }

    /// The next message that has come, and who sent it; nothing for one that is not about a tunnel. An error of kind
    /// [`io::ErrorKind::WouldBlock`] where none has come.
    pub(crate) fn take(&self) -> io::Result<Option<(TunnelError, IpAddr)>> {
        let mut packet = [0; LONGEST];
        let (length, from) = self.socket.recv_from(&mut packet)?;
        Ok(read(self.family, &packet[..length]).map(|error| (error, from.ip())))
    }
}

/// The same, to wait for errors.
#[derive(Debug)]
pub(super) struct ErrorStream {
    socket: tokio::net::UdpSocket,
    family: Family,
}

impl ErrorStream {
    /// Needs a tokio runtime with I/O enabled.
    pub(super) fn open(family: Family) -> io::Result<Self> {
        let ErrorSocket { socket, family } = ErrorSocket::open(family)?;
        Ok(Self { socket: tokio::net::UdpSocket::from_std(socket)?, family })
    }

    /// The next message, and who sent it; nothing for one that is not about a tunnel.
    pub(super) async fn next(&self) -> io::Result<Option<(TunnelError, IpAddr)>> {
        let mut packet = [0; LONGEST];
        let (length, from) = self.socket.recv_from(&mut packet).await?;
        Ok(read(self.family, &packet[..length]).map(|error| (error, from.ip())))
    }
}

/// Lets messages through that quote a packet of a protocol that tunnels have. With IPv4 a filter sees the IP header first, which
/// may have options; with IPv6 the message.
fn filter(family: Family) -> Vec<SockFilter> {
    const ALL: u32 = u32::MAX;
    let step = |code: u32, value: u32| SockFilter::new(code as u16, 0, 0, value);
    let header = ICMP_HEADER as u32;
    let mut filter = match family {
        Family::V4 => vec![
            // X: the length of the IP header at 0.
            step(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0),
            step(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, header + 9),
        ],
        Family::V6 => vec![step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, header + 6)],
    };
    let protocols = [
        protocol_of(Family::V4),
        protocol_of(Family::V6),
        ForwardMode::Gre.outer_protocol(family),
        ForwardMode::Gue.outer_protocol(family),
    ];
    for (protocol, after) in protocols.into_iter().zip((0..protocols.len() as u8).rev()) {
        // Where equal, on to the last step; where not, to the next protocol, and after the last one to the step that drops.
        let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        filter.push(SockFilter::new(equal, after + 1, 0, protocol.into()));
    }
    filter.extend([step(libc::BPF_RET | libc::BPF_K, 0), step(libc::BPF_RET | libc::BPF_K, ALL)]);
    filter
}

/// Bytes that are read of a message: all headers, and more than RFC 792 has quoted.
const LONGEST: usize = 256;
