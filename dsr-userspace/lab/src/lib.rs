//! A network of namespaces with a client, a switch, a balancer and backends, for `dsr lab` and for the tests.
//!
//! ```text
//!   client ── switch (bridge) ── balancer: the agent and its program
//!                │ │ │
//!            web1 web2 web3 ..: the VIP on the loopback, an HTTP server
//! ```
//!
//! With a router between, the backends are on a second bridge of the switch:
//!
//! ```text
//!   client ── switch (br0) ── balancer
//!                │
//!              router
//!                │
//!             switch (br1) ── web1 web2 web3 ..
//! ```
//!
//! What enters is a number of backends; what leaves is a [`Lab`], whose namespaces `ip netns` shows, and which takes
//! all of it away when it is dropped. What a killed process leaves, the next lab takes away. Labs do not meet: each
//! has its own number in all names.

#![forbid(unsafe_code)]

mod agent;
mod backend_agents;
mod breakage;
mod builder;
mod configuration;
mod display;
mod error;
mod fault;
mod http;
mod load;
mod plan;
mod process;
mod programs;
mod replies;
mod samples;
mod screen;
mod state;
mod stop;
mod summary;
mod terminal;
mod topology;
mod traffic;
mod view;
mod vlan;
mod web;

pub mod net;

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use dsr_common::forward::ForwardMode;

pub use agent::Agent;
pub use builder::LabBuilder;
pub use display::Display;
pub use error::{Error, Result};
pub use fault::{Broken, Fault};
pub use http::{Answer, Failure, get};
pub use load::{Load, LoadPlan, Tally};
pub use net::Namespace;
pub use plan::{MAX_BACKENDS, MAX_VIPS, Node, PORT};
pub use programs::Pass;
pub use replies::Replies;
pub use samples::{Sample, Samples};
pub use screen::View;
pub use stop::Stop;
pub use summary::Summary;
pub use terminal::Key;
pub use traffic::Traffic;

use agent::AgentSpec;
use backend_agents::BackendAgents;
use breakage::Breakages;
use net::{LinkState, Links};
use plan::{Families, Shape};
use state::State;
use topology::Topology;
use web::Web;

/// A running lab. Dropping it removes all of it.
// Fields are dropped in this order: what uses a namespace goes before it, the lock goes last.
#[derive(Debug)]
pub struct Lab {
    agent: Option<Agent>,
    backend_agents: BackendAgents,
    web: Web,
    agent_spec: AgentSpec,
    broken: Breakages,
    topology: Topology,
    shape: Shape,
    state: State,
}

impl Lab {
    /// A lab of three backends and one VIP with HTTP and no agent, to be changed and built.
    pub fn builder() -> LabBuilder {
        LabBuilder::default()
    }

    /// Its number: its namespaces are called `dsr-<id>-client`, `-switch`, `-balancer`, `-web1` and so on.
    pub fn id(&self) -> String {
        self.state.id()
    }

    /// Its directory for as long as it is up.
    pub fn directory(&self) -> &Path {
        self.state.directory()
    }

    /// How packets reach its backends, unless another configuration is written.
    pub const fn forward(&self) -> ForwardMode {
        self.shape.forward
    }

    /// The client's namespace.
    pub fn client(&self) -> &Namespace {
        &self.topology.client
    }

    /// The switch's namespace: a bridge whose ports are named after the nodes.
    pub fn switch(&self) -> &Namespace {
        &self.topology.switch
    }

    /// The balancer's namespace.
    pub fn balancer(&self) -> &Namespace {
        &self.topology.balancer
    }

    /// The router's namespace: `eth0` towards client and balancer, `eth1` towards the backends. Nothing in a lab without
    /// one.
    pub fn router(&self) -> Option<&Namespace> {
        self.topology.router.as_ref()
    }

    /// The namespace of a backend, numbered from one as in its name; nothing where there is none of this number.
    pub fn backend(&self, number: u8) -> Option<&Namespace> {
        self.topology.backends.get(usize::from(number.checked_sub(1)?))
    }

    /// The backends' names.
    pub fn backend_names(&self) -> Vec<String> {
        (1..).map(Node::Backend).zip(&self.topology.backends).map(|(node, _)| node.to_string()).collect()
    }

    /// The VIP with this index, counted from zero.
    pub fn vip(&self, index: u8) -> Option<Ipv4Addr> {
        (index < self.shape.vips).then(|| plan::vip(index))
    }

    /// The IPv6 VIP with this index, counted from zero; nothing in a lab without IPv6.
    pub fn vip6(&self, index: u8) -> Option<Ipv6Addr> {
        (index < self.shape.vips && self.shape.families == Families::Both).then(|| plan::vip6(index))
    }

    /// Where the service is that the load goes to: [`PORT`] of the first VIP.
    pub fn service(&self) -> SocketAddrV4 {
        SocketAddrV4::new(plan::vip(0), PORT)
    }

    /// The same service over IPv6: [`PORT`] of the first IPv6 VIP, in a lab that has one.
    pub fn service6(&self) -> Option<SocketAddrV6> {
        self.vip6(0).map(|vip| SocketAddrV6::new(vip, PORT, 0, 0))
    }

    /// Sets a backend's interface up or down, as if its cable were plugged or pulled.
    pub fn set_backend(&self, number: u8, state: LinkState) -> Result<()> {
        let Some(backend) = self.backend(number) else { return Ok(()) };
        backend.block_on(|| async { Links::open()?.set_state(plan::INTERFACE, state).await })?
    }

    /// Watches for answers that come through the balancer.
    pub fn watch_replies(&self) -> Result<Replies> {
        Replies::watch(self.switch(), plan::vip(0))
    }

    /// The configuration that an agent gets unless another is written.
    pub fn default_configuration(&self) -> String {
        configuration::of_balancer(self.shape)
    }

    /// Replaces the agent's configuration file, in one step; returns its path. A running agent is not notified.
    pub fn write_config(&self, yaml: &str) -> Result<PathBuf> {
        self.agent_spec.write_configuration(yaml)
    }

    /// A command in the balancer's namespace that sees the agent's socket and pins where they always are.
    pub fn agent_command(&self, program: impl AsRef<Path>) -> Result<Command> {
        self.agent_spec.command(program.as_ref())
    }

    /// The command that names what is wrong in the lab: `program doctor -c FILE`.
    pub fn doctor_command(&self, program: impl AsRef<Path>) -> Result<Command> {
        self.agent_spec.doctor(program.as_ref())
    }

    /// Starts `program run -c FILE` with the configuration that was written last; does not wait for it. An agent
    /// that was there before is stopped first.
    pub fn start_agent(&mut self, program: impl AsRef<Path>) -> Result<&Agent> {
        drop(self.agent.take());
        Ok(self.agent.insert(self.agent_spec.start(program.as_ref())?))
    }

    /// The agent.
    pub fn agent(&self) -> Result<&Agent> {
        self.agent.as_ref().ok_or(Error::NoAgent)
    }

    /// Waits until the agent gives slots to each of the lab's backends.
    pub fn wait_ready(&self) -> Result<()> {
        let names = self.backend_names();
        let ready =
            |samples: &Samples| names.iter().all(|name| samples.sum("dsr_member_slots", &[("backend", name)]) > 0.0);
        self.agent()?.wait_until("slots for every backend", READY_WITHIN, ready).map(drop)
    }
}

/// How long an agent may take from its start until every backend has slots.
const READY_WITHIN: Duration = Duration::from_secs(15);
