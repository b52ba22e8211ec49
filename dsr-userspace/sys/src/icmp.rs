//! Raw sockets that receive some types of ICMP or `ICMPv6` messages, in the calling thread's network namespace. They need the
//! capability `CAP_NET_RAW`.

use std::{io, net::UdpSocket};

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::socket::set;

/// The version of ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// ICMP: messages come with the IP header.
    V4,
    /// `ICMPv6`: messages come without it.
    V6,
}

/// A socket that does not block and receives messages of these types to this host that pass `filter`. Before the filters are
/// there, a few others may be queued.
pub fn receive_only(version: Version, types: &[u8], filter: &[SockFilter]) -> io::Result<UdpSocket> {
    let socket = match version {
        Version::V4 => Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?,
        Version::V6 => Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?,
    };
    // A set bit keeps the type out.
    match version {
        Version::V4 => set(&socket, libc::SOL_RAW, ICMP_FILTER, &blocked::<1>(types))?,
        Version::V6 => set(&socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &blocked::<8>(types))?,
    }
    socket.attach_filter(filter)?;
    socket.set_nonblocking(true)?;
    // A raw socket is read as a datagram socket is.
    Ok(socket.into())
}

/// A bit for each type, those of `types` clear.
fn blocked<const WORDS: usize>(types: &[u8]) -> [libc::c_int; WORDS] {
    let mut words = [!0; WORDS];
    for kind in types {
        if let Some(word) = words.get_mut(usize::from(kind / 32)) {
            *word &= !(1 << (kind % 32));
        }
    }
    words
}

/// Of the kernel's `linux/icmp.h` and `linux/icmpv6.h`.
const ICMP_FILTER: libc::c_int = 1;
const ICMPV6_FILTER: libc::c_int = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_its_bit() {
        assert_eq!(blocked::<1>(&[3, 11]), [!(1 << 3 | 1 << 11)]);
        assert_eq!(blocked::<8>(&[1, 33])[..3], [!(1 << 1), !(1 << 1), !0]);
    }
}
