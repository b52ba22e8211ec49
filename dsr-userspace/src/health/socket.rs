//! The sockets of probes: ordinary ones, but that a mark may name the member that they are for.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::Duration,
};

use dsr_common::probe;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

/// Where a probe goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeRoute {
    /// What it connects to.
    pub to: SocketAddr,
    /// The address of this node that it comes from.
    pub from: IpAddr,
    /// The number of the member that it is steered to; nothing where the routing table leads there.
    pub number: Option<u32>,
}

impl ProbeRoute {
    /// Connects by TCP. When the stream is dropped the connection is reset, so that no port stays taken: a VIP's
    /// backends have but the ports of one address between them.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let socket = self.socket(Type::STREAM, Protocol::TCP)?;
        socket.set_linger(Some(Duration::ZERO))?;
        socket.set_tcp_nodelay(true)?;
        let stream: std::net::TcpStream = socket.into();
        TcpSocket::from_std_stream(stream).connect(self.to).await
    }

    /// A UDP socket that sends there and takes what comes from there.
    pub fn datagrams(&self) -> io::Result<tokio::net::UdpSocket> {
        let socket = self.socket(Type::DGRAM, Protocol::UDP)?;
        socket.connect(&SockAddr::from(self.to))?;
        let socket: UdpSocket = socket.into();
        tokio::net::UdpSocket::from_std(socket)
    }

    /// A socket for ICMP, or `ICMPv6`, with that address; the port counts for nothing.
    pub fn icmp(&self) -> io::Result<tokio::net::UdpSocket> {
        let protocol = if self.to.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
        let socket = self.socket(Type::RAW, protocol)?;
        socket.connect(&SockAddr::from(SocketAddr::new(self.to.ip(), 0)))?;
        // What is sent and received by a connected raw socket is what a connected datagram socket does.
        let socket: UdpSocket = socket.into();
        tokio::net::UdpSocket::from_std(socket)
    }

    fn socket(&self, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(self.to), kind, Some(protocol))?;
        socket.set_nonblocking(true)?;
        if let Some(number) = self.number {
            socket.set_mark(probe::mark(number))?;
        }
        choose_port_late(&socket)?;
        socket.bind(&SockAddr::from(SocketAddr::new(self.from, 0)))?;
        Ok(socket)
    }
}

/// The address of this node that the kernel sends to `to` from.
pub fn source_towards(to: IpAddr) -> io::Result<IpAddr> {
    let any = if to.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    // Nothing is sent.
    socket.connect((to, DISCARD))?;
    Ok(socket.local_addr()?.ip())
}

/// A bound socket would get a port that no other socket has, whatever it connects to; so it gets one when it connects,
/// which only has to be free for that address.
fn choose_port_late(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open while the socket is borrowed, and the option is a C int.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Any port does (RFC 863).
const DISCARD: u16 = 9;
