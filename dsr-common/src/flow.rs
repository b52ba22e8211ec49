//! A flow: what packets of one connection have in common, as seen on their way to the VIP.

use crate::address::{Address, Family};

/// The two ends of a flow, told apart by who asked: the client sends to the VIP.
///
/// An ICMP error about an answer holds the answer's header, in which the two are swapped; whoever reads it swaps
/// them back, so that one flow has one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The family of both addresses.
    pub family: Family,
    /// The protocol number of the IP header (IANA "Protocol Numbers").
    pub protocol: u8,
    /// The client's port, network byte order as loaded from memory; zero where the protocol has no ports.
    pub client_port: u16,
    /// The service's port, network byte order as loaded from memory; zero where the protocol has no ports.
    pub service_port: u16,
    /// The client's address.
    pub client: Address,
    /// The VIP.
    pub vip: Address,
}
