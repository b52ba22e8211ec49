//! The words of the domain as types: what an operator wants ([`Desired`]), what the network allows ([`Network`]), and what
//! checks say of the backends ([`Health`]).
//!
//! Pure data. What is in here is valid: it was checked where it was made.

mod affinity;
mod check;
mod desired;
mod destinations;
mod forward;
mod health;
mod network;
mod overrides;
mod pooled;
mod service;
mod tls;
mod tunnels;
mod weights;

pub use affinity::{Affinity, FlowTimeout};
pub use check::{
    AgentCheck, AgentReport, Cause, Check, Checked, Checks, Dns, DnsType, Http, MinHealthy, OnDown, Probe,
};
pub use desired::Desired;
pub use destinations::Destinations;
pub use forward::{DscpCode, Forward, GueVariant, OuterSource, OuterSources};
pub use health::{Condition, Health};
pub use network::{
    BondPort, Hop, InterfaceState, Mac, Network, NextHop, NoHop, Reach, Refusal, RoutedPath, SINGLE_BUFFER_MTU, VlanTag,
};
pub use overrides::Override;
pub use pooled::{BackendKey, PooledBackend};
pub use service::{Announce, Backend, Fallback, OnAgentDeath, OnEmpty, Port, Protocol, Service, ServiceId, Weight};
pub use tls::Tls;
pub use tunnels::{GUE_PORT, Gre, Prefix, Tunnels};
pub use weights::Weights;
