//! The agent as an operator meets it: started, reloaded, stopped and killed, with a network that changes. Needs root.

#![allow(clippy::unwrap_used)]

mod bridge;
mod death;
mod end;
mod growth;
mod interfaces;
mod interrupted;
mod metrics;
mod neighbour;
mod pins;
mod readers;
mod refused;
mod reload;
mod seed;
mod service_manager;
mod start;
mod trouble;
mod vlans;
