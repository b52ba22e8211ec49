//! An ICMP echo, which the kernel of a host answers at every address that it holds.

use std::{io, time::Duration};

use tokio::time::timeout;

use super::ProbeRoute;
use crate::health::{local, random};

/// Whether there is an answer; an error where this host cannot ask.
pub(in crate::health) async fn is_answered(route: &ProbeRoute, patience: Duration) -> io::Result<bool> {
    is_answered_of(route, 0, patience).await
}

/// The same with an IP packet of `size` bytes, where a request is not longer than that anyway. One that does not fit the MTU
/// of the route that it leaves by is not sent, and so not answered.
pub(in crate::health) async fn is_answered_of(route: &ProbeRoute, size: usize, patience: Duration) -> io::Result<bool> {
    match timeout(patience, ask(route, size)).await {
        Ok(Err(error)) if local::is_local(&error) => Err(error),
        answered => Ok(matches!(answered, Ok(Ok(())))),
    }
}

async fn ask(route: &ProbeRoute, size: usize) -> io::Result<()> {
    let socket = route.icmp()?;
    let token = random().to_be_bytes();
    let header = if route.to.is_ipv4() { 20 } else { 40 };
    socket.send(&request(route.to.is_ipv4(), token, size.saturating_sub(header))).await?;
    let mut answer = vec![0; LONGEST.max(size)];
    loop {
        let length = socket.recv(&mut answer).await?;
        if is_reply(route.to.is_ipv4(), &answer[..length], token) {
            return Ok(());
        }
    }
}

/// The message, of `length` bytes or more; of `ICMPv6` the kernel computes the checksum (RFC 3542, 3.1).
fn request(is_ipv4: bool, token: [u8; 8], length: usize) -> Vec<u8> {
    let mut message = vec![if is_ipv4 { ECHO } else { ECHO6 }, 0, 0, 0];
    // Identifier and sequence number, and as data the whole token.
    message.extend_from_slice(&token[..4]);
    message.extend_from_slice(&token);
    message.resize(message.len().max(length & !1), 0);
    if is_ipv4 {
        let sum = checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    message
}

/// Whether what a raw socket got is the answer; with IPv4 it gets the IP header too.
fn is_reply(is_ipv4: bool, packet: &[u8], token: [u8; 8]) -> bool {
    let header = if is_ipv4 { packet.first().map_or(0, |first| usize::from(first & 0xf) * 4) } else { 0 };
    let reply = if is_ipv4 { REPLY } else { REPLY6 };
    packet
        .get(header..)
        .is_some_and(|message| message.first() == Some(&reply) && message.get(8..16) == Some(&token[..]))
}

/// The Internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !(((folded & 0xffff) + (folded >> 16)) as u16)
}

const ECHO: u8 = 8;
const REPLY: u8 = 0;
const ECHO6: u8 = 128;
const REPLY6: u8 = 129;
/// Bytes of the longest reply that is looked at: ours is much shorter, with all options of IPv4.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

    #[test]
    fn a_request_has_a_checksum_that_is_right() {
        assert_eq!(checksum(&request(true, TOKEN, 0)), 0);
    }

    #[test]
    fn only_the_reply_to_the_request_is_one() {
        let reply = |kind: u8, token: [u8; 8]| [&[kind, 0, 0, 0, 1, 2, 3, 4][..], &token].concat();
        let in_ip = |message: Vec<u8>| [&[0x45_u8][..], &[0; 19], &message].concat();
        assert!(is_reply(true, &in_ip(reply(REPLY, TOKEN)), TOKEN));
        assert!(!is_reply(true, &in_ip(reply(ECHO, TOKEN)), TOKEN), "our own request, on a loopback");
        assert!(!is_reply(true, &in_ip(reply(REPLY, [0; 8])), TOKEN));
        assert!(!is_reply(true, &[0x4f; 21], TOKEN));
        assert!(is_reply(false, &reply(REPLY6, TOKEN), TOKEN));
        assert!(!is_reply(false, &[], TOKEN));
    }
}
