//! What a lab shall have, and the steps to have it.

use std::{
    net::SocketAddrV4,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Lab,
    agent::Seat,
    error::{Error, Result},
    plan::{self, MAX_BACKENDS, MAX_VIPS, Node, PORT},
    state::State,
    stop::Stop,
    topology::Topology,
    web::{Site, Web},
};

/// What a lab shall have.
#[derive(Clone, Debug)]
#[must_use]
pub struct LabBuilder {
    backends: u8,
    vips: u8,
    http: Http,
    agent: Option<PathBuf>,
    configuration: Option<String>,
    stop: Stop,
}

/// Whether the backends answer HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Http {
    Served,
    Absent,
}

impl Default for LabBuilder {
    fn default() -> Self {
        Self { backends: 3, vips: 1, http: Http::Served, agent: None, configuration: None, stop: Stop::default() }
    }
}

impl LabBuilder {
    /// This many backends, at most [`MAX_BACKENDS`].
    pub fn backends(self, backends: u8) -> Self {
        Self { backends: backends.min(MAX_BACKENDS), ..self }
    }

    /// This many VIPs, one at least and [`MAX_VIPS`] at most.
    pub fn vips(self, vips: u8) -> Self {
        Self { vips: vips.clamp(1, MAX_VIPS), ..self }
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
        let topology = Topology::build(&state, self.backends, self.vips, &self.stop)?;
        let web = Web::start(self.sites(&topology)?)?;
        let seat =
            Seat { balancer: Arc::clone(&topology.balancer), directory: state.directory().to_owned(), stop: self.stop };
        let mut lab = Lab { agent: None, _web: web, seat, topology, vips: self.vips, state };
        lab.write_config(self.configuration.as_ref().unwrap_or(&lab.default_configuration()))?;
        if let Some(program) = &self.agent {
            lab.start_agent(program)?;
            if self.configuration.is_none() {
                lab.wait_ready()?;
            }
        }
        Ok(lab)
    }

    fn sites(&self, topology: &Topology) -> Result<Vec<Site>> {
        if self.http == Http::Absent {
            return Ok(Vec::new());
        }
        let sites = (1..).map(Node::Backend).zip(&topology.backends);
        let sites = sites.map(|(node, namespace)| {
            let own = SocketAddrV4::new(node.address(), PORT);
            let vips = (0..self.vips).map(|index| SocketAddrV4::new(plan::vip(index), PORT));
            Site::listen(namespace, &node.to_string(), &vips.chain([own]).collect::<Vec<_>>())
        });
        sites.collect()
    }
}
