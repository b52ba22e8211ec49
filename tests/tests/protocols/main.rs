//! What real hosts make of the protocols' corners, in labs with the real agent. Needs root.

#![allow(clippy::unwrap_used)]

mod any;
mod fragments;
mod ipv6;
mod loops;
mod path_mtu;
mod reject;
