//! All that is to be known before anything can be said.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use dsr_sys::socket::source_towards;
use futures_util::{StreamExt, stream};
use tokio::{net::TcpStream, time};

use super::{
    agent::{self, Counted, State},
    capture::{self, Captured},
    misplaced::{Misplaced, misplaced},
    probe::{PORTS, ProbePath},
    probe_plan::probe_plans,
};
use crate::{
    arpwatch::View,
    config::{Config, FactsError, HostFacts},
    health::{OwnAnswer, ask_own},
    model::{Backend, Check, Checked, Hop, Mac, Network, Port, Protocol, Reach, Service, ServiceId},
    neighbour::{self, Survey, Watcher},
    tasks::Tasks,
};

/// Why nothing could be found out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The network cannot be looked at.
    #[error(transparent)]
    Neighbour(#[from] neighbour::Error),
    /// The host's addresses cannot be read.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// Nothing can be sent or heard.
    #[error("cannot send probes: {0}; root or CAP_NET_RAW is needed")]
    Probe(#[from] io::Error),
}

/// What is known.
pub(super) struct Observations<'a> {
    pub(super) config: &'a Config,
    pub(super) network: Network,
    pub(super) view: View,
    /// Where backends are expected, and the VLANs that this host is in.
    pub(super) survey: Survey,
    /// What was heard.
    pub(super) observed: Vec<Captured>,
    /// Backends that are where they are not expected.
    pub(super) misplaced: BTreeMap<IpAddr, Misplaced>,
    /// The probes that were sent.
    pub(super) probes: Vec<Probe>,
    /// What a TCP connection to a backend's own address met.
    pub(super) own: BTreeMap<SocketAddr, Own>,
    /// What a backend answered to its check at its own address, where no agent checks it.
    pub(super) said: BTreeMap<Checked, OwnAnswer>,
    /// What the agent counted before and after the probes; nothing where none runs.
    pub(super) agent: Option<(Counted, Counted)>,
}

/// Probes of one VIP at one backend.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    /// The service.
    pub(super) id: ServiceId,
    /// The service's name.
    pub(super) service: String,
    /// The backend.
    pub(super) backend: Backend,
    /// VIP and TCP port; no port where the service has none to be asked for.
    pub(super) vip: (IpAddr, Option<u16>),
    /// The ports that connections were opened from, and the identifier of the echo request.
    pub(super) marks: BTreeSet<u16>,
}

/// What a connection to a backend's own address met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// Somebody listens.
    Open,
    /// The host refuses: no process listens.
    Refused,
    /// Nothing.
    Silent,
}

impl<'a> Observations<'a> {
    /// Looks, asks and listens.
    pub(super) async fn gather(config: &'a Config) -> Result<Self, Error> {
        let network = look(config).await?;
        let (view, host) = (View::new(config, &network), HostFacts::read().await?);
        let survey = neighbour::survey(config.interfaces(), &config.desired.backend_addresses()).await?;
        let (probes, frames) = probes(config, &network, &host);
        let before = agent::counted(config).await;
        let observed = capture::send_and_capture(probe_plans(config, &network, &view, &survey, frames)).await?;
        let misplaced = misplaced(&survey, &observed);
        let own = connect_all(config, &network).await;
        let agent = before.zip(agent::counted(config).await);
        let said = BTreeMap::new();
        let mut observations = Self { config, network, view, survey, observed, misplaced, probes, own, said, agent };
        observations.said = observations.ask_all().await;
        Ok(observations)
    }

    /// Each backend once, with a service that it is of.
    pub(super) fn backends(&self) -> impl Iterator<Item = &Backend> {
        let mut seen = BTreeSet::new();
        let all = self.config.desired.services.iter().flat_map(|service| service.backends.iter());
        all.filter(move |backend| seen.insert((&backend.name, backend.address)))
    }

    /// The check of the backend that a probe was for, if it has one.
    pub(super) fn check(&self, probe: &Probe) -> Option<&Arc<Check>> {
        let service = self.config.desired.services.iter().find(|service| service.id == probe.id)?;
        self.config.checks.of(service, probe.backend.address)
    }

    /// How an agent says that the backend of a probe stands, where one runs that has it.
    pub(super) fn agents(&self, probe: &Probe) -> Option<&Option<State>> {
        self.agent.as_ref()?.1.states.get(&(probe.service.clone(), probe.backend.name.clone()))
    }

    /// Makes the checks that no agent makes at the backends' own addresses.
    async fn ask_all(&self) -> BTreeMap<Checked, OwnAnswer> {
        let unknown = self.probes.iter().filter(|probe| self.agents(probe).is_none());
        let ask = |(probe, check): (&Probe, Arc<Check>)| {
            let (id, service, backend) = (probe.id, probe.service.clone(), probe.backend.clone());
            async move { ((id, backend.address), ask_own(&check, (&service, id.vip), &backend).await) }
        };
        let asked: Vec<_> =
            unknown.filter_map(|probe| Some((probe, Arc::clone(self.check(probe)?)))).map(ask).collect();
        stream::iter(asked).buffer_unordered(AT_A_TIME).collect().await
    }

    /// The MAC of a backend on a segment of this host; none for one behind a router.
    pub(super) fn mac(&self, address: IpAddr) -> Option<Mac> {
        self.network.mac(address)
    }
}

pub(super) fn hop(network: &Network, address: IpAddr) -> Option<&Hop> {
    match network.reach.get(&address) {
        Some(Reach::Hop(hop)) => Some(hop),
        _ => None,
    }
}

/// The network, when all backends are found or time is over.
async fn look(config: &Config) -> Result<Network, Error> {
    let (watcher, mut network) = Watcher::start(config.interfaces(), &Tasks::unsupervised())?;
    let wanted = config.destinations();
    watcher.set_backends(wanted.clone());
    let found = |network: &Network| wanted.addresses().all(|address| hop(network, address).is_some());
    // Where time is over, what is known by then is what there is to know.
    let _ = time::timeout(RESOLVED_WITHIN, network.wait_for(found)).await;
    let seen = network.borrow().clone();
    Ok(seen)
}

/// What to ask each backend for each of its VIPs.
fn probes(config: &Config, network: &Network, host: &HostFacts) -> (Vec<Probe>, Vec<(u32, Vec<u8>)>) {
    let (mut probes, mut frames, mut ports) = (Vec::new(), Vec::new(), PORTS);
    // Frames to a backend's segment say nothing of one behind a router.
    for service in config.desired.services.iter().filter(|service| !service.forward.mode().is_routed()) {
        for backend in service.backends.iter().filter(|backend| backend.weight.get() > 0) {
            let Some(hop) = hop(network, backend.address) else { continue };
            let Some(mac) = network.interfaces.values().find(|i| i.ifindex == hop.ifindex).map(|i| i.mac) else {
                continue;
            };
            let Some(source) = source(backend.address, service.id.vip, host) else { continue };
            let path = ProbePath { hop, mac, source };
            let port = port(service);
            let mut marks = BTreeSet::new();
            for port in port.iter().cycle().take(if port.is_some() { SYNS } else { 0 }) {
                let Some(from) = ports.next() else { break };
                frames.push((hop.ifindex, path.syn(from, (service.id.vip, *port).into())));
                marks.insert(from);
            }
            if let Some(id) = ports.next() {
                frames.push((hop.ifindex, path.echo(id, service.id.vip)));
                marks.insert(id);
            }
            let (id, service, vip) = (service.id, service.name.clone(), (service.id.vip, port));
            probes.push(Probe { id, service, backend: backend.clone(), vip, marks });
        }
    }
    (probes, frames)
}

/// The port that a service can be asked at by TCP.
fn port(service: &Service) -> Option<u16> {
    match (service.id.protocol, service.id.port) {
        (Protocol::Tcp, Port::One(port)) => Some(port.get()),
        _ => None,
    }
}

/// The address of this host that a backend answers to when it is asked for a VIP.
fn source(backend: IpAddr, vip: IpAddr, host: &HostFacts) -> Option<IpAddr> {
    let own = source_towards(backend).ok()?;
    if own.is_ipv4() == vip.is_ipv4() {
        return Some(own);
    }
    let interface = &host.addresses.iter().find(|on_host| on_host.address == own)?.interface;
    let is_link_local = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let others = host.addresses.iter().filter(|on_host| on_host.interface == *interface).map(|on_host| on_host.address);
    others.into_iter().find(|address| address.is_ipv4() == vip.is_ipv4() && !is_link_local(address))
}

/// Connects to each backend's own address at the TCP ports of its services.
async fn connect_all(config: &Config, network: &Network) -> BTreeMap<SocketAddr, Own> {
    let services = config.desired.services.iter().filter_map(|service| Some((service, port(service)?)));
    let all = services.flat_map(|(service, port)| service.backends.iter().map(move |backend| (backend.address, port)));
    let reachable: BTreeSet<_> =
        all.filter(|(address, _)| hop(network, *address).is_some()).map(SocketAddr::from).collect();
    stream::iter(reachable).map(|at| async move { (at, connect(at).await) }).buffer_unordered(AT_A_TIME).collect().await
}

async fn connect(at: SocketAddr) -> Own {
    match time::timeout(CONNECTED_WITHIN, TcpStream::connect(at)).await {
        Ok(Ok(_)) => Own::Open,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Own::Refused,
        Ok(Err(_)) | Err(_) => Own::Silent,
    }
}

/// How long hosts may take to say their MACs.
const RESOLVED_WITHIN: Duration = Duration::from_secs(5);
const CONNECTED_WITHIN: Duration = Duration::from_millis(1500);
/// Connections that are opened at a time.
const AT_A_TIME: usize = 64;
/// Connections that are opened to a VIP at each backend: flows of several hashes, so that one at least goes astray where a
/// backend forwards.
const SYNS: usize = 4;
