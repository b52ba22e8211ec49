//! System calls that no safe library wraps, behind safe functions: packet sockets, socket options, the state of a child
//! between fork and exec, and generic netlink.
//!
//! Nothing here knows of load balancing. Every function acts on the calling thread's network namespace.

pub mod icmp;
pub mod limits;
pub mod namespace;
pub mod netlink;
pub mod packet;
pub mod privilege;
pub mod process;
pub mod socket;
pub mod verify;
