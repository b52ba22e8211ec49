//! The specification of a lab, and the steps to build it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use dsr_common::forward::ForwardMode;

use super::{
    Lab,
    agent::AgentSpec,
    backend_agents::BackendAgents,
    breakage::Breakages,
    error::{Error, Result},
    fault::Broken,
    plan::{self, Families, MAX_BACKENDS, MAX_VIPS, Node, PORT, Placement, Shape},
    state::State,
    stop::Stop,
    topology::Topology,
    web::{Site, Web},
};

/// The specification of a lab.
#[derive(Clone, Debug)]
#[must_use]
pub struct LabBuilder {
    shape: Shape,
    http: Http,
    agent: Option<PathBuf>,
    configuration: Option<String>,
    stop: Stop,
    broken: Vec<Broken>,
}

/// Whether the backends answer HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Http {
    Served,
    Absent,
}

impl Default for LabBuilder {
    fn default() -> Self {
        let shape = Shape {
            backends: 3,
            vips: 1,
            families: Families::Ipv4,
            placement: Placement::Segment,
            forward: ForwardMode::L2,
        };
        Self { shape, http: Http::Served, agent: None, configuration: None, stop: Stop::default(), broken: Vec::new() }
    }
}

impl LabBuilder {
    /// This many backends, at most [`MAX_BACKENDS`].
    pub fn backends(self, backends: u8) -> Self {
        Self { shape: Shape { backends: backends.min(MAX_BACKENDS), ..self.shape }, ..self }
    }

    /// This many VIPs, one at least and [`MAX_VIPS`] at most.
    pub fn vips(self, vips: u8) -> Self {
        Self { shape: Shape { vips: vips.clamp(1, MAX_VIPS), ..self.shape }, ..self }
    }

    /// IPv6 beside IPv4: every node has an address of each, and for each VIP there is an IPv6 one.
    pub fn with_ipv6(self) -> Self {
        Self { shape: Shape { families: Families::Both, ..self.shape }, ..self }
    }

    /// The backends on a segment of their own, behind a router: `l2` cannot reach them.
    pub fn routed(self) -> Self {
        Self { shape: Shape { placement: Placement::Routed, ..self.shape }, ..self }
    }

    /// Packets reach the backends by this forward mode; one that crosses routers has a router to cross. Each backend then
    /// runs its own agent if the lab has one.
    pub fn forward(self, mode: ForwardMode) -> Self {
        let placement = if mode.is_routed() { Placement::Routed } else { self.shape.placement };
        Self { shape: Shape { forward: mode, placement, ..self.shape }, ..self }
    }

    /// No HTTP server on the backends: the caller starts one of its own, or none.
    pub fn without_http(self) -> Self {
        Self { http: Http::Absent, ..self }
    }

    /// An agent: `program run -c FILE` in the balancer's namespace.
    pub fn agent(self, program: impl AsRef<Path>) -> Self {
        Self { agent: Some(program.as_ref().to_owned()), ..self }
    }

    /// The agent's configuration, in place of one pool of all backends behind [`PORT`] of each VIP. [`Self::build`]
    /// does not wait for slots then; [`super::Agent::wait_until`] can.
    pub fn configuration(self, yaml: impl Into<String>) -> Self {
        Self { configuration: Some(yaml.into()), ..self }
    }

    /// Backends that are broken when [`Self::build`] returns. Those that cannot be found then are broken last: the lab is ready
    /// when every backend gets traffic.
    pub fn broken(self, broken: &[Broken]) -> Self {
        Self { broken: broken.to_vec(), ..self }
    }

    /// Gives up building, and waiting for the agent later, when `stop` is set.
    pub fn stop(self, stop: &Stop) -> Self {
        Self { stop: stop.clone(), ..self }
    }

    /// Removes what crashed labs left, builds the lab, starts its agent and waits until every backend gets traffic.
    /// On an error nothing stays behind.
    pub fn build(self) -> Result<Lab> {
        if !rustix::process::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        let state = State::take()?;
        let topology = Topology::build(&state, self.shape, &self.stop)?;
        let web = Web::start(self.sites(&topology)?)?;
        let agent_spec = AgentSpec {
            balancer: Arc::clone(&topology.balancer),
            directory: state.directory().to_owned(),
            stop: self.stop,
        };
        let mut lab = Lab {
            agent: None,
            backend_agents: BackendAgents::default(),
            web,
            agent_spec,
            broken: Breakages::default(),
            topology,
            shape: self.shape,
            state,
        };
        lab.write_config(self.configuration.as_ref().unwrap_or(&lab.default_configuration()))?;
        let (last, first): (Vec<Broken>, Vec<Broken>) = self.broken.iter().partition(|broken| broken.fault.hides());
        if let Some(program) = &self.agent {
            lab.start_backend_agents(program)?;
        }
        first.iter().try_for_each(|broken| lab.break_backend(*broken))?;
        if let Some(program) = &self.agent {
            lab.start_agent(program)?;
            if self.configuration.is_none() {
                lab.wait_ready()?;
            }
        }
        last.iter().try_for_each(|broken| lab.break_backend(*broken))?;
        Ok(lab)
    }

    fn sites(&self, topology: &Topology) -> Result<Vec<Site>> {
        if self.http == Http::Absent {
            return Ok(Vec::new());
        }
        let sites = (1..).map(Node::Backend).zip(&topology.backends);
        let sites = sites.map(|(node, namespace)| Site::listen(namespace, &node.to_string(), &self.addresses(node)));
        sites.collect()
    }

    /// Where a backend answers HTTP: at its own addresses and at the VIPs.
    fn addresses(&self, node: Node) -> Vec<SocketAddr> {
        let at = |index| SocketAddr::from((plan::vip(index), PORT));
        let at6 = |index| SocketAddr::from((plan::vip6(index), PORT));
        let ipv4 = (0..self.shape.vips).map(at).chain([(node.address(), PORT).into()]);
        match self.shape.families {
            Families::Ipv4 => ipv4.collect(),
            Families::Both => {
                ipv4.chain((0..self.shape.vips).map(at6)).chain([(node.address6(), PORT).into()]).collect()
            }
        }
    }
}
