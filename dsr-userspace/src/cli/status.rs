//! `dsr status`: what the agent of this node does.
//!
//! Exit code: 0 where all is well, 1 where something is wrong, 2 where no agent answers.

use std::{fmt, process::ExitCode};

use super::{
    ask::{Socket, ask},
    output,
    table::Table,
};
use dsr_common::forward::ForwardMode;

use crate::api::{
    Client,
    view::{InterfaceStatus, MemberState, ServiceStatus, Status},
};

/// Arguments of `dsr status`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    socket: Socket,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    ask(&args.socket, async |client: Client| {
        let status: Status = client.get("/v1/status").await?;
        if args.json {
            output::line(serde_json::to_string_pretty(&status)?)?;
        } else {
            output::print(Shown(&status))?;
        }
        Ok(if status.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// The status as text.
struct Shown<'a>(&'a Status);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(status) = self;
        let uptime = Uptime(status.uptime_seconds);
        writeln!(f, "dsr {}, up {uptime}{}", status.version, if status.tracing { ", a trace runs" } else { "" })?;
        let (ok, error) = (status.reloads.ok, status.reloads.error);
        writeln!(f, "configuration {}, hash {}, reloads {ok} good and {error} bad", status.config, status.config_hash)?;
        write!(f, "\n{}", interfaces(&status.interfaces))?;
        for service in &status.services {
            write!(f, "\n{} {}, pool {}", service.name, service.address, service.pool)?;
            if service.forward != ForwardMode::L2.name() {
                write!(f, " by {}", service.forward)?;
            }
            write!(f, ", {} slots", service.slots)?;
            if let Some(fallback) = &service.fallback {
                write!(f, ", fallback {fallback}{}", if service.on_fallback { " serves" } else { "" })?;
            }
            if service.tracked_slots > 0 {
                write!(f, ", {} of them tracked", service.tracked_slots)?;
            }
            write!(f, "\n{}", members(service))?;
        }
        if !status.findings.is_empty() {
            writeln!(f)?;
        }
        status.findings.iter().try_for_each(|finding| writeln!(f, "wrong: {finding}"))
    }
}

fn interfaces(interfaces: &[InterfaceStatus]) -> Table {
    let mut table = Table::new(&["INTERFACE", "XDP", "LINK", "MTU", "MAC"], &[3]);
    for InterfaceStatus { name, mode, mac, mtu, up } in interfaces {
        let link = if mac.is_none() {
            "gone"
        } else if *up {
            "up"
        } else {
            "down"
        };
        table.row([
            name.clone(),
            mode.clone().unwrap_or_else(|| "none".to_owned()),
            link.to_owned(),
            mtu.map_or_else(String::new, |mtu| mtu.to_string()),
            mac.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn members(service: &ServiceStatus) -> Table {
    let head = ["BACKEND", "ADDRESS", "STATE", "WEIGHT", "SLOTS", "SHARE", "PACKETS", "BYTES", "NEW FLOWS", "CAUSE"];
    let mut table = Table::new(&head, &[3, 4, 5, 6, 7, 8]);
    for member in &service.members {
        let state = match member.state {
            MemberState::Up => "up",
            MemberState::Unreachable => "unreachable",
            MemberState::Down => "down",
            MemberState::Standby => "standby",
            MemberState::Draining => "draining",
            MemberState::Drained => "drained",
        };
        table.row([
            member.backend.clone(),
            member.address.to_string(),
            match &member.says {
                Some(says) => format!("{state} (says {says})"),
                None => state.to_owned(),
            },
            match member.weight_in_file {
                Some(in_file) => format!("{} (file {in_file})", member.weight),
                None => member.weight.to_string(),
            },
            member.slots.to_string(),
            format!("{:.1}%", member.share * 100.0),
            member.packets.to_string(),
            member.bytes.to_string(),
            member.new_flows.to_string(),
            member.cause.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// Seconds, as a person reads them.
struct Uptime(u64);

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours, minutes, seconds) = (self.0 / 86400, self.0 / 3600 % 24, self.0 / 60 % 60, self.0 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds}s"),
            (0, 0, _) => write!(f, "{minutes}m {seconds}s"),
            (0, ..) => write!(f, "{hours}h {minutes}m"),
            _ => write!(f, "{days}d {hours}h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_by_its_two_largest_units() {
        let cases = [(0, "0s"), (59, "59s"), (60, "1m 0s"), (3600, "1h 0m"), (90_061, "1d 1h")];
        for (seconds, expected) in cases {
            assert_eq!(Uptime(seconds).to_string(), expected);
        }
    }
}
