//! `dsr backend setup`: prints the script, on any machine; nothing of this one is looked at or changed, but for the file that is
//! named.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use dsr_common::forward::ForwardMode;

use crate::{
    backend::{self, Action, Asked, AskedForward, Means, Persist, Served, System, Wrong},
    cli::{WRONG, output},
    config::{self, Config, host_address},
};

/// Arguments of `dsr backend setup`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(group = clap::ArgGroup::new("action").args(["undo", "check"]))]
#[command(group = clap::ArgGroup::new("means").args(["persist", "nftables", "netsh"]))]
pub(crate) struct Args {
    /// The backend's operating system
    #[arg(long, value_name = "OS")]
    os: System,
    /// The balancers' configuration file: the VIPs, the forward mode and its codes, key or port are taken from it, for the
    /// backend that has --address
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["vips", "forward", "codes", "gre_key", "gue_port"])]
    config: Option<PathBuf>,
    /// With --config: the backend's pool, if it is in several with different forward modes; instead of --address, for
    /// all backends of the pool
    #[arg(long, value_name = "NAME", requires = "config", conflicts_with = "vips")]
    pool: Option<String>,
    /// The VIPs, IPv4 or IPv6
    #[arg(long = "vip", value_name = "ADDRESS", value_delimiter = ',', required_unless_present = "config")]
    vips: Vec<String>,
    /// The backend's own address: the script refuses to run on a host that does not have it
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// The interface to the balancer's network: its name, or on Windows its index number [default: all, or the one
    /// that has --address]
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// A service's port, like 80/tcp: checked for a listener, allowed in the Windows firewall; repeatable
    #[arg(long = "port", value_name = "PORT/PROTOCOL")]
    ports: Vec<String>,
    /// Linux: persist the set-up across reboots, using this network manager
    #[arg(long, value_name = "BY")]
    persist: Option<Persist>,
    /// Linux: translate the VIP to the host's own address with nftables, if the loopback cannot hold the VIP
    #[arg(long)]
    nftables: bool,
    /// Windows: use netsh instead of cmdlets, for Windows Server 2008
    #[arg(long)]
    netsh: bool,
    /// Docker: the container's name
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// How packets reach this backend: the forward mode of its pool on the balancers. For modes other than l2 the script
    /// also sets up the kernel's own means of Linux; `dsr backend run` needs none of them
    #[arg(long, value_name = "MODE", default_value = "l2", value_parser = backend::forward::mode)]
    forward: ForwardMode,
    /// Mode dscp: the code of each VIP, the same as on the balancers
    #[arg(long = "dscp", value_name = "VIP=CODE", value_delimiter = ',')]
    codes: Vec<String>,
    /// Mode gre: the key, if the balancers have one
    #[arg(long, value_name = "NUMBER")]
    gre_key: Option<u32>,
    /// Mode gue: the UDP port [default: 6080]
    #[arg(long, value_name = "PORT")]
    gue_port: Option<u16>,
    /// Print the script that removes what the set-up added
    #[arg(long)]
    undo: bool,
    /// Print the script that reports each fault and exits with 1 if there is one; it changes nothing
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = match args.config.as_deref().map(config::load_unseeded).transpose() {
        Ok(config) => config,
        Err(errors) => {
            output::complain(errors);
            return Ok(ExitCode::from(WRONG));
        }
    };
    match args.served(config.as_ref()).and_then(|served| args.asked(served).validate()) {
        Ok(request) => {
            let script = backend::script(&request).context("cannot write the script")?;
            output::print(&script).context("cannot print the script")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(wrong) => {
            for wrong in wrong {
                output::complain(format_args!("dsr: {wrong}"));
            }
            Ok(ExitCode::from(WRONG))
        }
    }
}

impl Args {
    /// What the backend serves: by the balancers' file, else as it is written.
    fn served(&self, config: Option<&Config>) -> Result<Served, Vec<Wrong>> {
        let Some(config) = config else {
            let forward =
                AskedForward { mode: self.forward, codes: self.codes.clone(), key: self.gre_key, port: self.gue_port };
            return Ok(Served { vips: self.vips.clone(), forward });
        };
        let wrong = |message| vec![Wrong { argument: "--address", message }];
        let address = self.address.as_deref().map(host_address).transpose().map_err(wrong)?;
        Served::by(config, address, self.pool.as_deref()).map_err(|wrong| vec![wrong])
    }

    fn asked(&self, Served { vips, forward }: Served) -> Asked {
        let means = match (self.persist, self.nftables, self.netsh) {
            (Some(persist), ..) => Means::Files(persist),
            (None, true, _) => Means::Nftables,
            (None, false, true) => Means::Netsh,
            (None, false, false) => Means::Commands,
        };
        let action = match (self.undo, self.check) {
            (true, _) => Action::Undo,
            (false, true) => Action::Check,
            (false, false) => Action::Setup,
        };
        Asked {
            system: self.os,
            action,
            means,
            vips,
            address: self.address.clone(),
            interface: self.interface.clone(),
            container: self.container.clone(),
            ports: self.ports.clone(),
            forward,
        }
    }
}
