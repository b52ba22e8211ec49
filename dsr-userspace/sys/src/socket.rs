//! Socket options that neither the standard library nor socket2 has, and the address that the kernel sends from.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    os::fd::{AsFd, AsRawFd},
};

/// Lets a bound socket get its port when it connects (`IP_BIND_ADDRESS_NO_PORT`, ip(7)): the port then only has to be free
/// for that destination, where `bind` would take one that no other socket has.
pub fn choose_port_late(socket: impl AsFd) -> io::Result<()> {
    switch_on(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT)
}

/// The address of this host that the kernel sends to `to` from. Nothing is sent.
pub fn source_towards(to: IpAddr) -> io::Result<IpAddr> {
    let any = if to.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect((to, DISCARD))?;
    Ok(socket.local_addr()?.ip())
}

/// Sets an option that is a C int to one.
pub(crate) fn switch_on(socket: impl AsFd, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    set(socket, level, option, &[1])
}

/// Sets an option that is an array of C ints.
pub(crate) fn set(socket: impl AsFd, level: libc::c_int, option: libc::c_int, value: &[libc::c_int]) -> io::Result<()> {
    let length = size_of_val(value) as libc::socklen_t;
    // SAFETY: the descriptor is borrowed until the call returns, and pointer and length describe the slice.
    let failed = unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, option, value.as_ptr().cast(), length) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Any port does (RFC 863).
const DISCARD: u16 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_reached_from_itself() {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        assert_eq!(source_towards(loopback).unwrap(), loopback);
    }

    #[test]
    fn a_port_is_chosen_when_the_socket_connects() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        choose_port_late(&socket).unwrap();
        socket.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let bound = socket.local_addr().unwrap().as_socket().unwrap();
        assert_eq!(bound.port(), 0, "bind chose a port although it was told not to");
    }
}
