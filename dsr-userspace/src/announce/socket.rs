//! A packet socket that sends whole Ethernet frames, and where it is asked to, hears them.

use std::{io, time::Duration};

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

    /// One that hears all frames of an interface too, those that this host sends among them.
    pub(crate) fn listen(ifindex: u32) -> io::Result<Self> {
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket.bind(&address(index(ifindex)?, libc::ETH_P_ALL as u16))?;
        Ok(Self(socket))
    }

    /// The next frame, or nothing after `patience`, which is not zero.
    pub(crate) fn receive(&self, patience: Duration) -> io::Result<Option<Vec<u8>>> {
        self.0.set_read_timeout(Some(patience))?;
        let mut frame = vec![0; usize::from(u16::MAX)];
        match io::Read::read(&mut &self.0, &mut frame) {
            Ok(length) => {
                frame.truncate(length);
                Ok(Some(frame))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a frame, Ethernet header and all; never blocks.
    pub(crate) fn send(&self, ifindex: u32, frame: &[u8]) -> io::Result<()> {
        let to = address(index(ifindex)?, 0);
        let sent = self.0.send_to_with_flags(frame, &to, libc::MSG_DONTWAIT)?;
        if sent == frame.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}

fn index(ifindex: u32) -> io::Result<i32> {
    i32::try_from(ifindex).map_err(|_| io::Error::from_raw_os_error(libc::ENXIO))
}

fn address(ifindex: i32, protocol: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: the storage has the size and alignment of every socket address, and all zeroes is a valid `sockaddr_ll`.
    let link = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    link.sll_family = libc::AF_PACKET as libc::sa_family_t;
    link.sll_ifindex = ifindex;
    link.sll_protocol = protocol.to_be();
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the storage holds an address of this family and length.
    unsafe { SockAddr::new(storage, length) }
}
