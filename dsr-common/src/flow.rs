//! A flow: what the packets of one connection have in common, in the direction to the VIP.

use crate::address::{Address, Family};

/// The two ends of a flow, distinguished by who connects: the client sends to the VIP.
///
/// An ICMP error quotes the reply's header, in which the two are swapped; its parser swaps them back, so that a flow
/// has one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The family of both addresses.
    pub family: Family,
    /// The protocol number of the IP header (IANA "Protocol Numbers").
    pub protocol: u8,
    /// The client's port, in network byte order as loaded from memory; zero if the protocol has no ports.
    pub client_port: u16,
    /// The service's port, in network byte order as loaded from memory; zero if the protocol has no ports.
    pub service_port: u16,
    /// The client's address.
    pub client: Address,
    /// The VIP.
    pub vip: Address,
}
