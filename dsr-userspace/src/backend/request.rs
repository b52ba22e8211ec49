//! From what an operator asked for to a request that cannot be wrong.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use super::{
    forward::{AskedForward, Received, elsewhere},
    name::{Directory, LONGEST_CONTAINER, LONGEST_INTERFACE, Name},
    port::ServicePort,
};
use crate::config::host_address;
use dsr_common::forward::ForwardMode;

/// A system that a backend runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum System {
    /// Any Linux with iproute2
    Linux,
    /// Windows Server 2012 and later; with --netsh 2008 and later
    Windows,
    /// FreeBSD
    Freebsd,
    /// macOS
    Macos,
    /// Oracle Solaris 11
    Solaris,
    /// illumos: `OmniOS`, `SmartOS`, `OpenIndiana`
    Illumos,
    /// A container with an address of its own on the network, set up from its Docker host
    Docker,
    /// A pod of Kubernetes with an address of its own on the network
    Pod,
}

/// What keeps a Linux backend set up after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Persist {
    /// `/etc/systemd/network`
    SystemdNetworkd,
    /// `/etc/network/interfaces.d`
    Ifupdown,
    /// `/etc/NetworkManager/system-connections`
    #[value(name = "networkmanager")]
    NetworkManager,
    /// `/etc/netplan`
    Netplan,
}

/// What the script does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes the host a backend. Run again it changes nothing.
    Setup,
    /// Removes what the set-up added, and nothing else.
    Undo,
    /// Changes nothing, names each fault, and fails if there is one.
    Check,
}

/// By what means a backend is made to take the VIP's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// The system's own commands, an address on the loopback.
    Commands,
    /// The same on Linux, and files for the next start.
    Files(Persist),
    /// Linux without the address: nftables turns packets for the VIP to the host's own address.
    Nftables,
    /// Windows by the classic command instead of cmdlets.
    Netsh,
}

/// What an operator asked for, as it was written.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The backend's system.
    pub system: System,
    /// What to do.
    pub action: Action,
    /// By what means.
    pub means: Means,
    /// The VIPs.
    pub vips: Vec<String>,
    /// The backend's own address.
    pub address: Option<String>,
    /// The interface to the balancer's network.
    pub interface: Option<String>,
    /// The container or pod.
    pub container: Option<String>,
    /// The ports of the services, like `80/tcp`.
    pub ports: Vec<String>,
    /// How packets reach the backend.
    pub forward: AskedForward,
}

/// A request without errors.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) system: System,
    pub(super) action: Action,
    pub(super) means: Means,
    pub(super) vips: Vec<IpAddr>,
    pub(super) address: Option<IpAddr>,
    pub(super) interface: Option<Name>,
    pub(super) container: Option<Name>,
    pub(super) ports: Vec<ServicePort>,
    pub(super) received: Received,
    /// Where the set-up records what it changed, if not in the usual place.
    pub(super) state: Option<Directory>,
}

impl Request {
    /// The same, recording in this directory what the set-up changes.
    #[must_use]
    pub fn recorded_in(self, state: Directory) -> Self {
        Self { state: Some(state), ..self }
    }
}

/// One thing that is wrong with what was asked: the argument, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The argument.
    pub argument: &'static str,
    /// What is wrong, and what to write.
    pub message: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.argument, self.message)
    }
}

impl Asked {
    /// The request, or everything that is wrong with it.
    ///
    /// # Errors
    /// Each thing that is wrong, in the order of the arguments.
    pub fn validate(&self) -> Result<Request, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut read = |argument, result: Result<_, String>| {
            result.map_err(|message| wrong.push(Wrong { argument, message })).ok()
        };
        let address = self.address.as_deref().and_then(|text| read("--address", host_address(text)));
        let vips: Vec<_> = self.vips.iter().filter_map(|vip| read("--vip", host_address(vip))).collect();
        let mut seen = BTreeSet::new();
        for vip in &vips {
            if Some(*vip) == address {
                wrong.push(Wrong {
                    argument: "--vip",
                    message: format!(
                        "{vip} is the backend's own address: write the address that clients connect to, \
                         which is shared by all backends"
                    ),
                });
            }
            if !seen.insert(*vip) {
                wrong.push(Wrong { argument: "--vip", message: format!("{vip} is written twice: write it once") });
            }
        }
        let mut named = |argument, text: &Option<String>, read: &dyn Fn(&str) -> Result<Name, String>| {
            let result = text.as_deref().map(read)?;
            result.map_err(|message| wrong.push(Wrong { argument, message })).ok()
        };
        let interface = named("--interface", &self.interface, &|text| match self.system {
            System::Windows => Name::windows(text),
            _ => Name::plain(text, LONGEST_INTERFACE),
        });
        let container = named("--container", &self.container, &|text| Name::plain(text, LONGEST_CONTAINER));
        let mut ports = Vec::new();
        for text in &self.ports {
            match text.parse::<ServicePort>() {
                Ok(port) if !ports.contains(&port) => ports.push(port),
                Ok(_) => {}
                Err(message) => wrong.push(Wrong { argument: "--port", message }),
            }
        }
        let mut unfit = Vec::new();
        let received = self.forward.validate(&vips, address, &mut unfit);
        wrong.extend(unfit.into_iter().map(|(argument, message)| Wrong { argument, message }));
        wrong.extend(self.unfit());
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let Self { system, action, means, .. } = *self;
        Ok(Request { system, action, means, vips, address, interface, container, ports, received, state: None })
    }

    /// Arguments that this system has no use for, and those that it cannot do without.
    fn unfit(&self) -> Vec<Wrong> {
        use System::{Docker, Freebsd, Illumos, Linux, Macos, Pod, Solaris, Windows};
        let mut wrong = Vec::new();
        let mut require = |fits: bool, argument, message: &str| {
            if !fits {
                wrong.push(Wrong { argument, message: message.to_owned() });
            }
        };
        let system = self.system;
        require(!self.vips.is_empty(), "--vip", "is missing: write the address that clients connect to");
        match self.means {
            Means::Commands => {}
            Means::Files(_) => require(system == Linux, "--persist", "is for --os linux: leave it out"),
            Means::Nftables => require(system == Linux, "--nftables", "is for --os linux: leave it out"),
            Means::Netsh => require(system == Windows, "--netsh", "is for --os windows: leave it out"),
        }
        let by_interface = matches!(system, Linux | Windows | Docker) && self.means != Means::Nftables;
        require(
            by_interface || self.interface.is_none(),
            "--interface",
            "is not needed here, where no setting is an interface's: leave it out",
        );
        let mode = self.forward.mode;
        require(mode == ForwardMode::L2 || system == Linux, "--forward", elsewhere(system, mode));
        require(
            mode == ForwardMode::L2 || system != Linux || self.means == Means::Commands,
            "--forward",
            "does not go with --persist and --nftables: use `dsr backend run` with its unit, or run the script at boot",
        );
        let lan = self.address.is_some() || self.interface.is_some();
        require(
            system != Windows || lan,
            "--address",
            "is missing: Windows has a setting for the adapter of the balancer's network: write the backend's own \
             address, or name the adapter with --interface",
        );
        require(
            system != Docker || self.container.is_some(),
            "--container",
            "is missing: write the name of the container, as `docker ps` shows it",
        );
        require(system == Docker || self.container.is_none(), "--container", "is for --os docker: leave it out");
        require(
            self.ports.is_empty() || !matches!(system, Freebsd | Macos | Solaris | Illumos | Pod),
            "--port",
            "is for --os linux, docker and windows: leave it out, no firewall is touched here",
        );
        wrong
    }
}
