//! `dsr backend setup`: prints the script, on any machine; nothing of this one is looked at or changed.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::{
    backend::{self, Action, Asked, Means, Persist, System},
    cli::{WRONG, output},
};

/// Arguments of `dsr backend setup`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(group = clap::ArgGroup::new("action").args(["undo", "check"]))]
#[command(group = clap::ArgGroup::new("means").args(["persist", "nftables", "netsh"]))]
pub(crate) struct Args {
    /// The system that the backend runs
    #[arg(long, value_name = "OS")]
    os: System,
    /// The VIPs, IPv4 or IPv6
    #[arg(long = "vip", value_name = "ADDRESS", value_delimiter = ',', required = true)]
    vips: Vec<String>,
    /// The backend's own address: the script refuses to run on a host that does not have it
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// The interface to the balancer's network: its name, or on Windows its index number [default: all, or the one
    /// that has --address]
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// The port of a service, like 80/tcp: checked for a listener, and let through the firewall of Windows; repeat it
    #[arg(long = "port", value_name = "PORT/PROTOCOL")]
    ports: Vec<String>,
    /// Linux: set it up for every start of the host too, by what sets up its network
    #[arg(long, value_name = "BY")]
    persist: Option<Persist>,
    /// Linux: turn the VIP's packets to the host's own address by nftables, where the loopback cannot have the VIP
    #[arg(long)]
    nftables: bool,
    /// Windows: use netsh and no cmdlets, which Windows Server 2008 does not have
    #[arg(long)]
    netsh: bool,
    /// Docker: the container
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// Print the script that takes away what the set-up added
    #[arg(long)]
    undo: bool,
    /// Print the script that names what is wrong, changes nothing, and fails if anything is
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match args.asked().validate() {
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
    fn asked(&self) -> Asked {
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
            vips: self.vips.clone(),
            address: self.address.clone(),
            interface: self.interface.clone(),
            container: self.container.clone(),
            ports: self.ports.clone(),
        }
    }
}
