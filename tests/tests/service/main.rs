//! Real programs through a VIP: nginx, curl, iperf3, ping and Prometheus, with the real agent in a lab. Needs root.

#![allow(clippy::unwrap_used)]

mod change;
mod http;
mod iperf;
mod prometheus;
mod refuse;
mod source;
