//! A lab with more backends than nodes, and a configuration that changes.

use std::net::Ipv4Addr;

use dsr_lab::{
    Lab, Node, PORT, Samples,
    net::{LinkState, Links},
};
use dsr_tests::lab::{Configuration, PATIENCE, agent, connections::Servers, dsr_program};
use rustix::process::Signal;

/// A lab whose nodes are several backends each, and servers on all of them.
pub(crate) struct Fixture {
    pub(crate) lab: Lab,
    pub(crate) configuration: Configuration,
    _servers: Servers,
}

/// A backend is down while there is a file of its name, in the lab's directory as the agent sees it.
const CHECK: &str = "{command: [/bin/sh, -c, \"test ! -e /run/dsr/$DSR_BACKEND.sick\"], interval: 1s, timeout: 1s, \
                     rise: 1, fall: 1}";
/// Nodes of the lab.
pub(crate) const NODES: u8 = 3;
/// Backends that a node is besides the one named after it.
pub(crate) const FURTHER: u8 = 3;

fn service_line(vip: Ipv4Addr, fields: &str) -> String {
    format!("name: www, vip: {vip}, port: {PORT}, {fields}")
}

/// A backend that a node is too.
pub(crate) fn further(node: u8, number: u8) -> (String, Ipv4Addr) {
    (format!("web{node}-{number}"), Ipv4Addr::new(10, 77, 1 + node, number))
}

impl Fixture {
    /// Starts the agent with these fields of the service, and `backends` of the backends.
    pub(crate) fn start(fields: &str, top: Option<&str>, backends: usize) -> Self {
        let mut lab = Lab::builder().backends(NODES).without_http().build().unwrap();
        for node in 1..=NODES {
            let add = || async move {
                let links = Links::open()?;
                for number in 1..=FURTHER {
                    links.add_address("eth0", further(node, number).1, 16).await?;
                }
                Ok::<_, dsr_lab::Error>(())
            };
            lab.backend(node).unwrap().block_on(add).unwrap().unwrap();
            // A changed MAC is announced.
            let set = |key: &str| dsr_tests::lab::process::set(lab.backend(node).unwrap(), key, "1");
            set("ipv4.conf.eth0.arp_notify");
        }
        let servers = Servers::start(&lab);
        let vip = lab.vip(0).unwrap();
        let line = service_line(vip, fields);
        let mut configuration = Configuration::of(&lab).no_services().line(&line).health(CHECK);
        if let Some(top) = top {
            configuration = configuration.top(top);
        }
        let others = (1..=FURTHER).flat_map(|number| (1..=NODES).map(move |node| further(node, number)));
        for (name, address) in others.take(backends - usize::from(NODES)) {
            configuration = configuration.backend(&name, address, 100);
        }
        agent::start(&configuration, &mut lab);
        Self { lab, configuration, _servers: servers }
    }

    /// Changes the file, and waits until it is in force.
    pub(crate) fn change(&mut self, change: impl FnOnce(Configuration) -> Configuration) {
        self.configuration = change(self.configuration.clone());
        agent::reload(&self.configuration, &self.lab);
    }

    /// Gives the service other fields, and waits until they are in force.
    pub(crate) fn change_fields(&mut self, fields: &str) {
        let line = service_line(self.lab.vip(0).unwrap(), fields);
        self.change(|file| file.no_services().line(&line));
    }

    /// Pulls a node's cable, waits until its backends get no new connections, lets something happen `meanwhile`, and waits
    /// until they get some again. Its servers go on.
    pub(crate) fn unplug(&mut self, node: u8, meanwhile: impl FnOnce(&mut Self)) {
        // One host may be several backends, each of which is found again by itself.
        let host = Node::Backend(node).to_string();
        let of_host = |name: &&str| *name == host || name.starts_with(&format!("{host}-"));
        let all: Vec<String> = self
            .configuration
            .backends()
            .iter()
            .map(|backend| backend.name.as_str())
            .filter(of_host)
            .map(str::to_owned)
            .collect();
        self.lab.set_backend(node, LinkState::Down).unwrap();
        for backend in &all {
            self.wait_for(backend, |_, slots| slots == 0);
        }
        meanwhile(self);
        self.lab.set_backend(node, LinkState::Up).unwrap();
        for backend in &all {
            self.wait_for(backend, |_, slots| slots > 0);
        }
    }

    /// Ends the agent with a signal that leaves the program, and starts another.
    pub(crate) fn restart(&mut self, signal: Signal) {
        self.restart_agent(signal);
        agent::wait_for_slots(agent::running(&self.lab), &self.configuration);
    }

    /// The same where not every backend is there to be given slots.
    pub(crate) fn restart_agent(&mut self, signal: Signal) {
        agent::running(&self.lab).signal(signal);
        dsr_tests::lab::eventually("end of the agent", || agent::running(&self.lab).ended());
        self.lab.start_agent(dsr_program()).unwrap();
        let is_there = |samples: &Samples| samples.sum("dsr_build_info", &[]) > 0.0;
        agent::running(&self.lab).wait_until("its metrics", PATIENCE, is_there).unwrap();
        agent::wait_for_log(agent::running(&self.lab), &["took over from a terminated agent"]);
    }

    /// Lets a backend's check fail, `meanwhile` something happens, and lets it pass again. Its servers go on.
    pub(crate) fn flap(&self, backend: &str, meanwhile: impl FnOnce()) {
        let sick = self.lab.directory().join(format!("{backend}.sick"));
        std::fs::write(&sick, "").unwrap();
        self.wait_for(backend, |healthy, slots| healthy == 0 && slots == 0);
        meanwhile();
        std::fs::remove_file(sick).unwrap();
        self.wait_for(backend, |healthy, slots| healthy == 1 && slots > 0);
    }

    fn wait_for(&self, backend: &str, state: impl Fn(u64, u64) -> bool) {
        let labels = [("backend", backend)];
        dsr_tests::lab::eventually(&format!("other state of {backend}"), || {
            let (healthy, slots) =
                (self.count("dsr_backend_healthy", &labels), self.count("dsr_member_slots", &labels));
            state(healthy, slots).then_some(())
        });
    }

    /// Gives a node another MAC and announces it.
    pub(crate) fn change_mac(&self, node: u8) {
        let [.., last] = Node::Backend(node).mac().0;
        let change = format!("link set eth0 address 02:02:02:02:02:{last:02x}");
        dsr_tests::lab::process::ip(self.lab.backend(node).unwrap(), &change);
    }

    /// A metric's sum.
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        agent::count(&self.lab, name, labels)
    }
}
