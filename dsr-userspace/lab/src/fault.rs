//! What can be wrong with a backend of a lab, on purpose.

use std::{fmt, str::FromStr};

use dsr_common::forward::ForwardMode;

use super::plan;

/// What is wrong with a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It answers ARP for the VIP.
    Arp,
    /// It does not hold the VIP.
    Vip,
    /// Its server is stopped.
    App,
    /// Its cable is pulled.
    Host,
    /// It does not hold the VIP, and forwards what comes for it.
    Forward,
    /// Its firewall drops what comes for the service.
    Firewall,
    /// It has another backend's MAC.
    Mac,
    /// It is in another VLAN.
    Vlan,
    /// It does not take packets off the tunnel, and drops them without a word.
    Decap,
    /// Nothing on it ends the tunnel, and its kernel says so.
    Refused,
    /// Its link has a smaller MTU than it should.
    Mtu,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Arp,
        Self::Vip,
        Self::App,
        Self::Host,
        Self::Forward,
        Self::Firewall,
        Self::Mac,
        Self::Vlan,
        Self::Decap,
        Self::Refused,
        Self::Mtu,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::Vip => "vip",
            Self::App => "app",
            Self::Host => "host",
            Self::Forward => "forward",
            Self::Firewall => "firewall",
            Self::Mac => "mac",
            Self::Vlan => "vlan",
            Self::Decap => "decap",
            Self::Refused => "refused",
            Self::Mtu => "mtu",
        }
    }

    /// What a backend does that has it, as in "web2 ...".
    pub const fn says(self) -> &'static str {
        match self {
            Self::Arp => "answers ARP for the VIP: arp_ignore is off",
            Self::Vip => "does not hold the VIP on its loopback",
            Self::App => "runs no server",
            Self::Host => "is gone: its cable is pulled",
            Self::Forward => "does not hold the VIP, and forwards what comes for it",
            Self::Firewall => "drops what comes for the service's port: its firewall is closed",
            Self::Mac => "has the MAC of another backend, as a copied virtual machine has",
            Self::Vlan => "is in another VLAN: its switch port is set wrong",
            Self::Decap => "does not take packets off the tunnel: its agent is stopped and its firewall drops them",
            Self::Refused => "does not take packets off the tunnel: its agent is stopped",
            Self::Mtu => "drops packets above 1300 bytes without a word: its link has a smaller MTU",
        }
    }

    /// Why a lab with this forward mode cannot have it, if it cannot.
    pub fn obstacle(self, mode: ForwardMode) -> Option<String> {
        let why = match self {
            Self::Decap | Self::Mtu if !mode.is_routed() => "there is no tunnel",
            Self::Refused if !mode.encapsulates() => "packets without an outer header are not refused",
            // The firewall is a program where the backend's agent has its own.
            Self::Firewall if mode.is_routed() => "its interface has the program that ends the tunnel",
            // The balancer is not on the segment of the backends.
            Self::Arp | Self::Forward | Self::Mac | Self::Vlan if mode.is_routed() => "it is a fault of one segment",
            _ => return None,
        };
        Some(format!("forward mode {} cannot have the fault {}: {why}", mode.name(), self.name()))
    }

    /// Whether a backend that has it cannot be found any more.
    pub const fn hides(self) -> bool {
        matches!(self, Self::Host | Self::Vlan)
    }
}

/// A backend, by its number, and what is wrong with it. On the command line `web2=arp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Counted from one, as in its name.
    pub backend: u8,
    /// What is wrong.
    pub fault: Fault,
}

impl Broken {
    /// The backend's name.
    pub fn name(self) -> String {
        plan::Node::Backend(self.backend).to_string()
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name(), self.fault.name())
    }
}

impl FromStr for Broken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = Fault::ALL.map(Fault::name).join(", ");
        let Some((backend, fault)) = text.split_once('=') else {
            return Err(format!("write a backend and what is wrong with it, like web2=arp; there are {names}"));
        };
        let number = backend.strip_prefix("web").and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        let Some(backend) = number else {
            return Err(format!("{backend:?} is not a backend of the lab: they are web1, web2 and so on"));
        };
        let found = Fault::ALL.into_iter().find(|known| known.name() == fault);
        let fault = found.ok_or_else(|| format!("{fault:?} is not a fault: write one of {names}"))?;
        Ok(Self { backend, fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_and_its_fault_are_read() {
        for fault in Fault::ALL {
            let broken = Broken { backend: 12, fault };
            assert_eq!(broken.to_string().parse(), Ok(broken));
        }
        for (text, said) in [
            ("web2", "like web2=arp"),
            ("web0=arp", "web1, web2"),
            ("db=arp", "web1, web2"),
            ("web300=arp", "web1, web2"),
            ("web2=fire", "one of arp, vip, app, host, forward, firewall, mac, vlan, decap, refused, mtu"),
            ("web2=", "one of arp"),
        ] {
            let error = text.parse::<Broken>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_fault_that_a_mode_cannot_have_is_named() {
        for mode in ForwardMode::ALL {
            assert_eq!(Fault::Decap.obstacle(mode).is_some(), mode == ForwardMode::L2);
            assert_eq!(Fault::Arp.obstacle(mode).is_none(), mode == ForwardMode::L2);
            assert_eq!(Fault::Vip.obstacle(mode), None);
        }
        let expected =
            "forward mode dscp cannot have the fault refused: packets without an outer header are not refused";
        assert_eq!(Fault::Refused.obstacle(ForwardMode::Dscp).unwrap(), expected);
    }
}
