//! Breaks backends of a lab.

use std::sync::{Mutex, PoisonError};

use dsr_lab_common::{FIREWALL_PROGRAM, TUNNEL_FIREWALL_PROGRAM};

use super::{
    Lab,
    error::Result,
    fault::{Broken, Fault},
    net::{LinkState, Links, Namespace, write_sysctl},
    plan::{INTERFACE, Node},
    vlan::OtherVlan,
};
use crate::programs::Sabotage;

/// What keeps backends broken: it lasts as long as the lab.
#[derive(Debug, Default)]
pub(super) struct Breakages(Mutex<Vec<Breakage>>);

#[derive(Debug)]
#[allow(dead_code)] // Each is only there to be dropped.
enum Breakage {
    Vlan(OtherVlan),
    Firewall(Sabotage),
}

impl Breakages {
    fn keep(&self, breakage: Breakage) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(breakage);
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
            Fault::Firewall => self.close_firewall(backend, FIREWALL_PROGRAM),
            Fault::Decap => {
                self.stop_backend_agent(broken.backend);
                self.close_firewall(backend, TUNNEL_FIREWALL_PROGRAM)
            }
            Fault::Refused => {
                self.stop_backend_agent(broken.backend);
                Ok(())
            }
            Fault::Mtu => backend.block_on(|| async { Links::open()?.set_mtu(INTERFACE, SMALL_MTU).await })?,
            Fault::Mac => backend.block_on(|| copy_mac(if broken.backend == 1 { 2 } else { 1 }))?,
            Fault::Vlan => {
                let vlan = OtherVlan::put(Node::Backend(broken.backend), backend, self.switch())?;
                self.broken.keep(Breakage::Vlan(vlan));
                Ok(())
            }
        }
    }

    fn close_firewall(&self, backend: &Namespace, program: &'static str) -> Result<()> {
        let firewall = backend.run(|| Sabotage::attach(program, INTERFACE))??;
        self.broken.keep(Breakage::Firewall(firewall));
        Ok(())
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

/// Fewer bytes than any path of the lab, more than IPv6 needs at least.
const SMALL_MTU: u32 = 1300;

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

/// Announced at once by gratuitous ARP.
async fn copy_mac(of: u8) -> Result<()> {
    write_sysctl(&format!("ipv4/conf/{INTERFACE}/arp_notify"), "1")?;
    Links::open()?.set_mac(INTERFACE, Node::Backend(of).mac()).await
}
