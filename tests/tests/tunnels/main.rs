//! Packets through a tunnel: the balancer's program puts them in, the backend's takes them out, and a foreign decoder
//! reads what is on the wire between the two.
#![allow(missing_docs, clippy::unwrap_used)]

mod backend;
mod capture;
mod decoder;
mod flow;
mod round_trip;
