//! A packet socket: whole Ethernet frames of one interface (packet(7)), in the calling thread's network namespace.

use std::{
    io,
    mem::{size_of, zeroed},
    os::fd::AsRawFd,
    time::Duration,
};

use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use super::link;
use crate::lab::error::{Doing, Result};

/// Sees the frames of one interface that pass its filter, both those that come in and those that go out.
#[derive(Debug)]
pub struct PacketSocket(Socket);

impl PacketSocket {
    /// Opens a socket on `interface`. An empty filter lets all frames through.
    pub fn open(interface: &str, filter: &[SockFilter]) -> Result<Self> {
        let index = link::index(interface)?;
        open(index, filter).map(Self).doing(|| format!("open a packet socket on {interface}"))
    }

    /// Sends a frame, Ethernet header first.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        self.0.send(frame).map(drop).doing(|| "send a frame")
    }

    /// The next frame, or nothing after `patience`.
    pub fn receive(&self, patience: Duration) -> Result<Option<Vec<u8>>> {
        self.0.set_read_timeout(Some(patience)).doing(|| "set a time limit on a packet socket")?;
        let mut frame = vec![0; usize::from(u16::MAX)];
        match io::Read::read(&mut &self.0, &mut frame) {
            Ok(length) => {
                frame.truncate(length);
                Ok(Some(frame))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error).doing(|| "receive a frame"),
        }
    }

    /// How many frames passed the filter since the last call, also those for which there was no room. They are
    /// thrown away, and can no longer be received.
    pub fn take_count(&self) -> Result<u32> {
        while self.0.recv_with_flags(&mut [], libc::MSG_DONTWAIT | libc::MSG_TRUNC).is_ok() {}
        statistics(&self.0).map(|statistics| statistics.tp_packets).doing(|| "read a packet socket's statistics")
    }
}

fn open(index: u32, filter: &[SockFilter]) -> io::Result<Socket> {
    // Without a protocol nothing comes in before the filter is there and the socket is bound.
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
    if !filter.is_empty() {
        socket.attach_filter(filter)?;
    }
    socket.bind(&link_address(index)?)?;
    Ok(socket)
}

fn link_address(index: u32) -> io::Result<SockAddr> {
    let init = |storage: *mut socket2::SockAddrStorage, length: *mut libc::socklen_t| {
        let address = storage.cast::<libc::sockaddr_ll>();
        // SAFETY: socket2 passes zeroed storage that any address fits in, and a length to fill in.
        unsafe {
            (*address).sll_family = libc::AF_PACKET as u16;
            (*address).sll_protocol = (libc::ETH_P_ALL as u16).to_be();
            (*address).sll_ifindex = index.cast_signed();
            *length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        }
        Ok(())
    };
    // SAFETY: `init` fills in an address of the length that it sets.
    unsafe { SockAddr::try_init(init) }.map(|((), address)| address)
}

fn statistics(socket: &Socket) -> io::Result<libc::tpacket_stats> {
    // SAFETY: a structure of integers, for which zero is a value.
    let mut statistics: libc::tpacket_stats = unsafe { zeroed() };
    let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    // SAFETY: pointer and length describe `statistics`, which outlives the call.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut statistics).cast(),
            &raw mut length,
        )
    };
    if status == 0 { Ok(statistics) } else { Err(io::Error::last_os_error()) }
}
