//! What the agent balances with: configuration, network and program, and the one way in which they are made to agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{Error, carried::Carried, interfaces::enter, loops::LoopLog, reach::ReachLog};
use crate::{
    announce::{self, Announcer},
    config::{Config, XdpMode},
    datapath::{self, Datapath, Features, Mode},
    metrics::Reloads,
    model::{Network, SINGLE_BUFFER_MTU},
    reconcile::{Full, Layout, Plan, Sizes, apply, plan},
};

/// Everything that makes packets go where they shall.
pub(super) struct Balancer {
    pub(super) config: Config,
    pub(super) network: Network,
    pub(super) datapath: Datapath,
    pub(super) layout: Layout,
    pub(super) reloads: Reloads,
    pub(super) loops: LoopLog,
    pub(super) carried: Carried,
    /// The interfaces and ports that the program was told of, and the name in the configuration that each counts for.
    pub(super) entered: BTreeMap<u32, String>,
    features: Features,
    announcer: Announcer,
    reach: ReachLog,
    /// What the program was loaded with.
    seed: u64,
}

impl Balancer {
    /// Loads the program, fills its tables, attaches it and announces the VIPs.
    pub(super) fn start(config: Config, network: Network) -> Result<Self, Error> {
        let features = features(&config, &network);
        let sizes = Sizes::for_desired(&config.desired);
        let seed = config.desired.hash_seed;
        let datapath = Datapath::load(sizes, features, seed)?;
        let announcer = Announcer::start().map_err(Error::Announce)?;
        let (layout, reloads, reach) = (Layout::default(), Reloads::default(), ReachLog::default());
        let (loops, carried, entered) = (LoopLog::default(), Carried::default(), BTreeMap::new());
        let mut balancer = Self {
            config,
            network,
            datapath,
            layout,
            reloads,
            loops,
            carried,
            entered,
            features,
            announcer,
            reach,
            seed,
        };
        balancer.reconcile()?;
        tracing::info!(
            interfaces = balancer.config.interfaces().join(","),
            vips = balancer.config.vips().len(),
            services = balancer.config.desired.services.len(),
            "balancing"
        );
        Ok(balancer)
    }

    /// Follows a change of the network.
    pub(super) fn observe(&mut self, network: Network) -> Result<(), Error> {
        self.network = network;
        self.reconcile()
    }

    /// Takes over another configuration, and with it the network as other interfaces show it; or, if that fails, goes
    /// on with what it has.
    pub(super) fn adopt(&mut self, config: Config, network: Option<Network>) -> Result<(), Error> {
        let network = network.unwrap_or_else(|| self.network.clone());
        let (old_config, old_network) = self.exchange(config, network);
        let result = self.take_over(&old_config);
        if result.is_err() {
            let (refused, _) = self.exchange(old_config, old_network);
            // What was done of it before it failed is undone.
            if let Err(error) = self.take_over(&refused) {
                tracing::error!(%error, "the configuration that was in force could not be restored in full");
            }
        }
        result
    }

    fn exchange(&mut self, config: Config, network: Network) -> (Config, Network) {
        (std::mem::replace(&mut self.config, config), std::mem::replace(&mut self.network, network))
    }

    /// Makes everything agree with a configuration that came in the place of `other`.
    fn take_over(&mut self, other: &Config) -> Result<(), Error> {
        if self.seed != self.config.desired.hash_seed || other.interfaces() != self.config.interfaces() {
            self.rebuild()?;
        }
        self.reconcile()
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn count_reload(&mut self, ok: bool) {
        *(if ok { &mut self.reloads.ok } else { &mut self.reloads.error }) += 1;
    }

    /// Makes the program's tables and attachments agree with configuration and network.
    fn reconcile(&mut self) -> Result<(), Error> {
        if features(&self.config, &self.network) != self.features {
            self.rebuild()?;
        }
        self.enter_interfaces()?;
        let plan = match self.plan(&self.datapath) {
            Ok(plan) => plan,
            Err(full) => {
                tracing::info!("{full}: the program is loaded again with larger tables");
                self.rebuild()?;
                self.plan(&self.datapath)?
            }
        };
        apply(&plan.changes, &mut self.datapath);
        tracing::debug!(changes = plan.changes.len(), "reconciled");
        self.layout = plan.layout;
        self.carried.retain(&self.layout);
        let attached = self.attached();
        attach(&self.config, &self.network, &mut self.datapath, &attached)?;
        self.reach.update(&self.config.desired, &self.network);
        self.announce();
        Ok(())
    }

    /// Loads the program anew, with tables and constants for what is wanted now, and puts it in the old one's place
    /// without a gap. What the old one counted is carried over. Until that has worked, nothing is taken from the old one.
    fn rebuild(&mut self) -> Result<(), Error> {
        let features = features(&self.config, &self.network);
        let desired = &self.config.desired;
        let mut fresh = Datapath::load(Sizes::for_desired(desired), features, desired.hash_seed)?;
        enter(&mut fresh, &self.devices(), &self.network)?;
        let plan = self.plan(&fresh)?;
        apply(&plan.changes, &mut fresh);
        let kept = self.attached();
        attach(&self.config, &self.network, &mut fresh, &kept)?;
        fresh.replace(&mut self.datapath, &kept)?;
        (self.features, self.seed) = (features, desired.hash_seed);
        let gone = std::mem::replace(&mut self.datapath, fresh);
        let layout = std::mem::replace(&mut self.layout, plan.layout);
        let names = self.names();
        let entered = std::mem::replace(&mut self.entered, names);
        Ok(self.carried.add(&gone, &layout, &entered)?)
    }

    /// The configuration's interfaces that have the program.
    fn attached(&self) -> BTreeSet<String> {
        let names = self.config.interfaces().into_iter();
        let state = |name: &String| self.network.interfaces.get(name);
        names.filter(|name| state(name).is_some_and(|state| self.datapath.is_attached(name, state.ifindex))).collect()
    }

    fn plan(&self, datapath: &Datapath) -> Result<Plan, Full> {
        let devices: BTreeMap<u32, u32> = self.devices().iter().map(|(device, i)| (i.ifindex, *device)).collect();
        plan(&self.config.desired, &self.network, &devices, datapath)
    }

    fn announce(&self) {
        let vips: BTreeSet<IpAddr> = self.config.desired.announced_vips().collect();
        let names = self.config.interfaces();
        let active = vips.iter().flat_map(|vip| names.iter().map(|name| (*vip, name.as_str())));
        self.announcer.set_claims(announce::claims(active, &self.network.interfaces));
    }
}

/// What the program has to be able to do for this configuration on this network.
fn features(config: &Config, network: &Network) -> Features {
    Features {
        redirect: config.interfaces.len() > 1,
        vlan: true,
        ipv6: config.vips().any(|vip| vip.is_ipv6()),
        any: config.desired.services.iter().any(|service| service.id.port.number().is_none()),
        jumbo: network.interfaces.values().any(|interface| interface.mtu > SINGLE_BUFFER_MTU),
        track: true,
        source: false,
        remember: false,
    }
}

/// Attaches the program to the interfaces that are not in `attached`.
fn attach(
    config: &Config,
    network: &Network,
    datapath: &mut Datapath,
    attached: &BTreeSet<String>,
) -> Result<(), Error> {
    let allow_generic = config.xdp_mode == XdpMode::GenericAllowed;
    for name in config.interfaces().into_iter().filter(|name| !attached.contains(name)) {
        let Some(interface) = network.interfaces.get(&name) else {
            tracing::warn!(interface = name, "the interface is gone; it is used again when it is back");
            continue;
        };
        let attached = datapath.attach(&name, interface.ifindex, allow_generic);
        match attached.map_err(|error| about_bond(error, network))? {
            Mode::Native => tracing::info!(interface = name, "attached natively"),
            Mode::Generic => tracing::warn!(
                interface = name,
                "attached in GENERIC mode: the driver has no native XDP, every packet costs several times more"
            ),
        }
    }
    Ok(())
}

/// What is refused to a bond may be given to its ports.
fn about_bond(error: datapath::Error, network: &Network) -> datapath::Error {
    let datapath::Error::Attach { interface, mut reason } = error else { return error };
    let ports = network.ports.values().filter(|port| port.bond == interface).map(|port| port.name.as_str());
    let ports: Vec<_> = ports.collect();
    if !ports.is_empty() {
        reason += &format!(
            "; it is a bond, whose mode and ports all have to have native XDP: else write its ports in its place, \
             `interfaces: [{}]`",
            ports.join(", ")
        );
    }
    datapath::Error::Attach { interface, reason }
}
