//! A packet socket that sends whole Ethernet frames and receives none.

use std::io;

use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};

/// Sends frames by any interface of the network namespace that it was opened in.
#[derive(Debug)]
pub(crate) struct PacketSocket(Socket);

impl PacketSocket {
    /// Needs the capability `CAP_NET_RAW`.
    pub(crate) fn open() -> io::Result<Self> {
        // Protocol zero receives nothing (packet(7)), so that nothing queues up which nobody reads.
        Socket::new(Domain::PACKET, Type::RAW, None).map(Self)
    }

    /// Sends a frame, Ethernet header and all; never blocks.
    pub(crate) fn send(&self, ifindex: u32, frame: &[u8]) -> io::Result<()> {
        let index = i32::try_from(ifindex).map_err(|_| io::Error::from_raw_os_error(libc::ENXIO))?;
        let sent = self.0.send_to_with_flags(frame, &address(index), libc::MSG_DONTWAIT)?;
        if sent == frame.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}

fn address(ifindex: i32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: the storage has the size and alignment of every socket address, and all zeroes is a valid `sockaddr_ll`.
    let link = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    link.sll_family = libc::AF_PACKET as libc::sa_family_t;
    link.sll_ifindex = ifindex;
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the storage holds an address of this family and length.
    unsafe { SockAddr::new(storage, length) }
}
