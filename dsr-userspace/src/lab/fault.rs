//! What can be wrong with a backend of a lab, on purpose.

use std::{fmt, str::FromStr};

use super::{
    Lab,
    error::Result,
    net::{LinkState, Links, Namespace, write_sysctl},
    plan::{self, INTERFACE},
};

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
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Arp, Self::Vip, Self::App, Self::Host, Self::Forward];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::Vip => "vip",
            Self::App => "app",
            Self::Host => "host",
            Self::Forward => "forward",
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
        }
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

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Fault::ALL.map(Fault::name).join(", ");
        let Some((backend, fault)) = text.split_once('=') else {
            return Err(format!("write a backend and what is wrong with it, like web2=arp; there are {names}"));
        };
        let number = backend.strip_prefix("web").and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        let Some(backend) = number else {
            return Err(format!("{backend:?} is no backend of a lab: they are web1, web2 and so on"));
        };
        let found = Fault::ALL.into_iter().find(|known| known.name() == fault);
        let fault = found.ok_or_else(|| format!("{fault:?} is no fault: write one of {names}"))?;
        Ok(Self { backend, fault })
    }
}

impl Lab {
    /// Breaks a backend; nothing happens where there is none of this number.
    pub fn break_backend(&self, broken: Broken) -> Result<()> {
        let Some(backend) = self.backend(broken.backend) else { return Ok(()) };
        match broken.fault {
            Fault::Arp => backend.run(answer_arp)?,
            Fault::Vip => self.take_vips(backend),
            Fault::App => {
                self.web.stop(&broken.name());
                Ok(())
            }
            Fault::Host => self.set_backend(broken.backend, LinkState::Down),
            Fault::Forward => {
                self.take_vips(backend)?;
                backend.run(forward)?
            }
        }
    }

    fn take_vips(&self, backend: &Namespace) -> Result<()> {
        let addresses = (0..self.shape.vips).flat_map(|index| {
            let ipv4 = self.vip(index).map(|vip| (vip.into(), 32));
            let ipv6 = self.vip6(index).map(|vip| (vip.into(), 128));
            ipv4.into_iter().chain(ipv6)
        });
        let addresses: Vec<_> = addresses.collect();
        backend.block_on(|| async {
            let links = Links::open()?;
            for (address, prefix) in addresses {
                links.remove_address("lo", address, prefix).await?;
            }
            Ok(())
        })?
    }
}

fn answer_arp() -> Result<()> {
    ["all", "lo", INTERFACE].iter().try_for_each(|name| write_sysctl(&format!("ipv4/conf/{name}/arp_ignore"), "0"))
}

/// The network that the VIP is in leads out of the backend again, to whoever answers for the VIP.
fn forward() -> Result<()> {
    for name in ["all", INTERFACE] {
        // It would tell the balancer of a shorter way.
        write_sysctl(&format!("ipv4/conf/{name}/send_redirects"), "0")?;
    }
    write_sysctl("ipv4/ip_forward", "1")
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
            ("web2=fire", "one of arp, vip, app, host, forward"),
            ("web2=", "one of arp"),
        ] {
            let error = text.parse::<Broken>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
