//! `dsr trace`: what becomes of the packets of a client to a VIP, a line each, while they come.
//!
//! Exit code: 0 where packets were seen, 1 where none came, 2 where no agent answers or it says no.

use std::{fmt, io::Write, net::IpAddr, process::ExitCode};

use super::{
    ask::{Socket, ask},
    output,
};
use crate::{
    api::{
        Client,
        view::{Decision, TraceLine, TraceRequest},
    },
    cli::endpoint::Endpoint,
};

/// Arguments of `dsr trace`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The client's address, optionally with a port [default: every client]
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    src: Option<Endpoint>,
    /// The VIP, optionally with the service's port
    #[arg(long, value_name = "VIP[:PORT]")]
    dst: Endpoint,
    /// Stop after this many packets
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Stop after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    duration: u64,
    /// Print one JSON object per packet
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: Socket,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let request = TraceRequest {
        client: args.src.map(|src| src.address),
        client_port: args.src.and_then(|src| src.port),
        vip: args.dst.address,
        port: args.dst.port,
        count: args.count,
        seconds: args.duration,
    };
    ask(&args.socket, async |client: Client| follow(&client, &request, args.json).await)
}

async fn follow(client: &Client, request: &TraceRequest, json: bool) -> anyhow::Result<ExitCode> {
    let mut lines = client.lines("/v1/trace", request).await?;
    output::complain(format_args!("the trace runs for up to {} s; Ctrl-C ends it", request.seconds));
    let mut seen = 0_u64;
    let why = loop {
        match lines.next().await? {
            Some(TraceLine::Frame(decision)) => {
                seen += 1;
                if json {
                    writeln!(std::io::stdout(), "{}", serde_json::to_string(&decision)?)?;
                } else {
                    writeln!(std::io::stdout(), "{}", Shown(&decision))?;
                }
            }
            Some(TraceLine::Alive) => {}
            Some(TraceLine::End(why)) => break why,
            None => break "the agent ended it".to_owned(),
        }
    };
    output::complain(format_args!("{why}: {seen} packets"));
    Ok(if seen > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A decision as a line.
struct Shown<'a>(&'a Decision);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(decision) = self;
        let time = decision.time_us;
        let (seconds, micros) = (time / 1_000_000, time % 1_000_000);
        let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}.{micros:06}Z {}", decision.interface)?;
        write!(f, " {} ", with_port(decision.client, decision.client_port))?;
        write!(f, "> {}/{}", with_port(decision.vip, decision.port), decision.protocol)?;
        f.write_str(if decision.opens { " opens" } else { "" })?;
        if let Some(service) = &decision.service {
            write!(f, " service {service}")?;
        }
        if let Some(slot) = decision.slot {
            write!(f, " slot {slot}")?;
        }
        if let Some(member) = &decision.member {
            write!(f, " backend {} {}", member.backend, member.address)?;
            if let (Some(mac), Some(interface)) = (&member.mac, &member.interface) {
                write!(f, " {mac} by {interface}")?;
            }
        }
        write!(f, ": {}", decision.outcome)?;
        if decision.outcome != "sent" {
            write!(f, " ({})", decision.meaning)?;
        }
        Ok(())
    }
}

fn with_port(address: IpAddr, port: Option<u16>) -> String {
    Endpoint { address, port }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::MemberName;

    #[test]
    fn a_decision_is_a_line() {
        let mut decision = Decision {
            time_us: 86_399_000_007,
            interface: "eth0".to_owned(),
            client: "10.0.0.9".parse().unwrap(),
            client_port: Some(4711),
            vip: "192.0.2.10".parse().unwrap(),
            port: Some(80),
            protocol: "tcp".to_owned(),
            opens: true,
            service: Some("www".to_owned()),
            slot: Some(17),
            member: Some(MemberName {
                backend: "web1".to_owned(),
                address: "10.0.0.11".parse().unwrap(),
                mac: Some("02:00:00:00:00:01".to_owned()),
                interface: Some("eth0".to_owned()),
            }),
            outcome: "sent".to_owned(),
            meaning: "Sent to the backend.".to_owned(),
        };
        let start = "23:59:59.000007Z eth0 10.0.0.9:4711 > 192.0.2.10:80/tcp opens service www slot 17";
        let line = Shown(&decision).to_string();
        assert_eq!(line, format!("{start} backend web1 10.0.0.11 02:00:00:00:00:01 by eth0: sent"));
        (decision.member, decision.outcome) = (None, "drop_no_backend".to_owned());
        decision.meaning = "Dropped.".to_owned();
        assert_eq!(Shown(&decision).to_string(), format!("{start}: drop_no_backend (Dropped.)"));
    }
}
