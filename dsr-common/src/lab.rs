//! What the lab's own kernel programs and the user side agree on.

/// The VLAN of a backend that is in the wrong one.
pub const VLAN: u16 = 200;
/// Where the lab's services are.
pub const PORT: u16 = 80;

/// The program that puts frames into [`VLAN`], as a switch does with what comes in on a port.
pub const TAG_PROGRAM: &str = "tag";
/// The program that lets frames of [`VLAN`] alone through, and takes their tag off.
pub const UNTAG_PROGRAM: &str = "untag";
/// The program that drops TCP to [`PORT`].
pub const FIREWALL_PROGRAM: &str = "firewall";
