//! The sockets of probes: ordinary ones, but that a mark may name the member that they are for.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Duration,
};

use dsr_common::probe;
use dsr_sys::socket::choose_port_late;
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
