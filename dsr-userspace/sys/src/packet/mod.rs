//! Packet sockets: whole Ethernet frames (packet(7)), in the calling thread's network namespace. They need the capability
//! `CAP_NET_RAW`.

use std::{io, mem::zeroed, os::fd::AsRawFd, time::Duration};

pub use socket2::SockFilter;
use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};

use crate::socket::switch_on;

mod auxdata;

/// Sends frames by any interface, and receives none.
#[derive(Debug)]
pub struct PacketSender(Socket);

/// Sends and receives frames of one interface.
#[derive(Debug)]
pub struct PacketSocket(Socket);

impl PacketSender {
    /// Opens the socket.
    pub fn open() -> io::Result<Self> {
        // Protocol zero receives nothing (packet(7)): no unread packets queue up.
        Socket::new(Domain::PACKET, Type::RAW, None).map(Self)
    }

    /// Sends a frame, Ethernet header and all; never blocks.
    pub fn send(&self, ifindex: u32, frame: &[u8]) -> io::Result<()> {
        let to = address(ifindex, 0)?;
        whole(self.0.send_to_with_flags(frame, &to, libc::MSG_DONTWAIT)?, frame)
    }
}

impl PacketSocket {
    /// Opens a socket on an interface: it receives the frames that pass `filter`, both those that come in and those that
    /// this host sends. An empty filter lets all frames through.
    pub fn open(ifindex: u32, filter: &[SockFilter]) -> io::Result<Self> {
        // Without a protocol nothing comes in before the filter is there and the socket is bound.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        // The kernel takes the outermost tag off a frame before anybody sees it (`skb_vlan_untag`), where the card has not
        // done so already; with this option it says which one it was.
        switch_on(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA)?;
        if !filter.is_empty() {
            socket.attach_filter(filter)?;
        }
        socket.bind(&address(ifindex, libc::ETH_P_ALL as u16)?)?;
        Ok(Self(socket))
    }

    /// Sends a frame, Ethernet header and all.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        whole(self.0.send(frame)?, frame)
    }

    /// The next frame as it was on the wire, with its tags in it; or nothing after `patience`, which is not zero.
    pub fn receive(&self, patience: Duration) -> io::Result<Option<Vec<u8>>> {
        self.0.set_read_timeout(Some(patience))?;
        let mut frame = vec![0; usize::from(u16::MAX)];
        let mut control = auxdata::Control::default();
        match receive(&self.0, &mut frame, &mut control) {
            Ok((length, told)) => {
                frame.truncate(length);
                if let Some(tag) = auxdata::tag(control.0.get(..told).unwrap_or_default()) {
                    auxdata::put_back(&mut frame, tag);
                }
                Ok(Some(frame))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How many frames passed the filter since the last call, also those for which there was no room. They are thrown away,
    /// and can no longer be received.
    pub fn take_count(&self) -> io::Result<u32> {
        while self.0.recv_with_flags(&mut [], libc::MSG_DONTWAIT | libc::MSG_TRUNC).is_ok() {}
        statistics(&self.0).map(|statistics| statistics.tp_packets)
    }
}

fn whole(sent: usize, frame: &[u8]) -> io::Result<()> {
    if sent == frame.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// Bytes of the next frame, and of what the kernel says of it.
fn receive(socket: &Socket, frame: &mut [u8], control: &mut auxdata::Control) -> io::Result<(usize, usize)> {
    let mut buffer = libc::iovec { iov_base: frame.as_mut_ptr().cast(), iov_len: frame.len() };
    // SAFETY: a structure of integers and pointers, for which zero is a value. musl's has padding that cannot be named.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &raw mut buffer;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    // The length's type differs between glibc and musl.
    message.msg_controllen = control.0.len() as _;
    // SAFETY: the descriptor is open while the socket is borrowed, and the message points to two buffers of the lengths
    // that it says, which are borrowed until the call returns.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    Ok((length, message.msg_controllen as _))
}

fn statistics(socket: &Socket) -> io::Result<libc::tpacket_stats> {
    // SAFETY: a structure of integers, for which zero is a value.
    let mut statistics: libc::tpacket_stats = unsafe { zeroed() };
    let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    let to = (&raw mut statistics).cast();
    // SAFETY: pointer and length describe `statistics`, which outlives the call.
    let failed =
        unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS, to, &raw mut length) };
    if failed == 0 { Ok(statistics) } else { Err(io::Error::last_os_error()) }
}

fn address(ifindex: u32, protocol: u16) -> io::Result<SockAddr> {
    let ifindex = i32::try_from(ifindex).map_err(|_| io::Error::from_raw_os_error(libc::ENXIO))?;
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: the storage has the size and alignment of every socket address, and all zeroes is a valid `sockaddr_ll`.
    let link = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    link.sll_family = libc::AF_PACKET as libc::sa_family_t;
    link.sll_ifindex = ifindex;
    link.sll_protocol = protocol.to_be();
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the storage holds an address of this family and length.
    Ok(unsafe { SockAddr::new(storage, length) })
}
