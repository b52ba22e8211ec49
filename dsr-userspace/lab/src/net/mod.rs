//! Network namespaces and what is in them: links, addresses, sysctls, offloads, raw sockets, processes.
//!
//! Every function acts on the network namespace of the calling thread, but for those of [`Namespace`], which is how a
//! thread or a process gets into one. Nothing here knows what a lab looks like.

mod link;
mod mount;
mod namespace;
mod offload;
mod packet;
mod process;
mod sysctl;

pub use link::{LinkState, Links, Veth};
pub use namespace::Namespace;
pub use offload::{disable_sender_offloads, disable_tag_offload};
pub use packet::PacketSocket;
pub use sysctl::write as write_sysctl;

pub(crate) use mount::{mounted_names, remove, unmount};
