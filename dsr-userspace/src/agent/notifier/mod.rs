//! Notifies the network and the operator: announces VIPs on the interfaces that run the program, watches for other hosts that
//! claim them, and logs changes of backends and ICMP errors about tunnels.

mod decisions;
mod loops;
mod preflight;
mod reach;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
};

pub(super) use self::{decisions::tell_turns, preflight::PreflightLog};
use self::{loops::LoopLog, reach::ReachLog};
use crate::{
    agent::{
        program::Program,
        state::{Dirty, State},
    },
    announce::{self, Announcer},
    arpwatch::{ArpWatch, Claims, View},
    datapath,
    tasks::Tasks,
    tunnel_errors::{ErrorCounts, TunnelErrors},
};

/// Tells the network and the operator.
pub(super) struct Notifier {
    announcer: Announcer,
    /// The interfaces that VIPs are announced on, as last said.
    announced: Option<BTreeSet<String>>,
    arp_watch: ArpWatch,
    reach: ReachLog,
    loops: LoopLog,
    tunnel_errors: TunnelErrors,
}

impl Notifier {
    /// Tells nothing yet.
    pub(super) fn start(tasks: &Tasks) -> io::Result<Self> {
        Ok(Self {
            announcer: Announcer::start(tasks)?,
            announced: None,
            arp_watch: ArpWatch::start(tasks)?,
            reach: ReachLog::default(),
            loops: LoopLog::default(),
            tunnel_errors: TunnelErrors::new(tasks),
        })
    }

    /// Tells the log, the network and the watch for claims what has changed.
    pub(super) fn tell(&mut self, changed: &Dirty, state: &State, program: &mut Program) {
        let Dirty { config, links, reach, .. } = changed;
        if *config {
            self.reach.update_all(state);
            self.tunnel_errors.set_backends(&state.config.desired);
        } else {
            self.reach.update(state, reach);
        }
        let attached = program.attached(state);
        if *config || *links || self.announced.as_ref() != Some(&attached) {
            self.announce(state, attached);
        }
        if *config || *links || !reach.is_empty() {
            self.watch(state, &program.entered);
        }
        if let Some(events) = program.take_claims() {
            self.arp_watch.listen(events);
        }
    }

    /// Announces the VIPs on these interfaces: one without the program would draw traffic that nothing forwards.
    pub(super) fn announce(&mut self, state: &State, attached: BTreeSet<String>) {
        let vips: BTreeSet<IpAddr> = state.config.desired.announced_vips().collect();
        let active = vips.iter().flat_map(|vip| attached.iter().map(|name| (*vip, name.as_str())));
        self.announcer.set_claims(announce::claims(active, &state.network.interfaces));
        self.announced = Some(attached);
    }

    /// Claims to VIPs: what to ask for, and whose MAC is whose.
    fn watch(&mut self, state: &State, entered: &BTreeMap<u32, String>) {
        let mut view = View::new(&state.config, &state.network);
        // Ports too, whose frames count for their bond.
        view.interfaces.extend(entered.clone());
        self.arp_watch.set_view(view);
    }

    /// The claims to VIPs that were seen.
    pub(super) fn claims(&self) -> Claims {
        self.arp_watch.claims()
    }

    /// The ICMP errors about tunnels that came.
    pub(super) fn tunnel_errors(&self) -> ErrorCounts {
        self.tunnel_errors.counts()
    }

    /// Logs each backend from which frames came back since the last look.
    pub(super) fn look_for_loops(&mut self, state: &State, program: &Program) -> Result<(), datapath::Error> {
        self.loops.look(state, program)
    }
}
