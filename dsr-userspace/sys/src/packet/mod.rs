//! A packet socket that sends whole Ethernet frames, and where it is asked to, hears them.

use std::{io, os::fd::AsRawFd, ptr, time::Duration};

use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};

mod auxdata;

/// Sends frames by any interface of the network namespace that it was opened in.
#[derive(Debug)]
pub struct PacketSocket(Socket);

impl PacketSocket {
    /// Needs the capability `CAP_NET_RAW`.
    pub fn open() -> io::Result<Self> {
        // Protocol zero receives nothing (packet(7)), so that nothing queues up which nobody reads.
        Socket::new(Domain::PACKET, Type::RAW, None).map(Self)
    }

    /// One that hears all frames of an interface too, those that this host sends among them.
    pub fn listen(ifindex: u32) -> io::Result<Self> {
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        tell_tags(&socket)?;
        socket.bind(&address(index(ifindex)?, libc::ETH_P_ALL as u16))?;
        Ok(Self(socket))
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

    /// Sends a frame, Ethernet header and all; never blocks.
    pub fn send(&self, ifindex: u32, frame: &[u8]) -> io::Result<()> {
        let to = address(index(ifindex)?, 0);
        let sent = self.0.send_to_with_flags(frame, &to, libc::MSG_DONTWAIT)?;
        if sent == frame.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}

/// The kernel takes the outermost tag off a frame before anybody sees it (`skb_vlan_untag`), where the card has not done so
/// already; with this option it says which one it was.
fn tell_tags(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open while the socket is borrowed, and the option is a C int.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_AUXDATA,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Bytes of the next frame, and of what the kernel says of it.
fn receive(socket: &Socket, frame: &mut [u8], control: &mut auxdata::Control) -> io::Result<(usize, usize)> {
    let mut buffer = libc::iovec { iov_base: frame.as_mut_ptr().cast(), iov_len: frame.len() };
    let mut message = libc::msghdr {
        msg_name: ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: &raw mut buffer,
        msg_iovlen: 1,
        msg_control: control.0.as_mut_ptr().cast(),
        msg_controllen: control.0.len(),
        msg_flags: 0,
    };
    // SAFETY: the descriptor is open while the socket is borrowed, and the message points to two buffers of the lengths
    // that it says, which are borrowed until the call returns.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    Ok((length, message.msg_controllen))
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
