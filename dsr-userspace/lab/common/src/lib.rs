//! What the kernel programs of the lab and of the benchmark share with the user side. Not part of the product.
#![no_std]
#![deny(unsafe_code)]

pub mod bench;

/// The VLAN of a backend that is in the wrong one.
pub const VLAN: u16 = 200;
/// The port of the lab's services.
pub const PORT: u16 = 80;

/// The program that puts frames into [`VLAN`], like a switch's access port for incoming frames.
pub const TAG_PROGRAM: &str = "tag";
/// The program that accepts only frames of [`VLAN`], and removes their tag.
pub const UNTAG_PROGRAM: &str = "untag";
/// The program that passes every frame.
pub const PASS_PROGRAM: &str = "pass";
/// The program that drops TCP to [`PORT`].
pub const FIREWALL_PROGRAM: &str = "firewall";
/// The program that drops tunnels.
pub const TUNNEL_FIREWALL_PROGRAM: &str = "tunnel_firewall";
