//! `dsr explain`: where the packets of a flow go, and why.
//!
//! Exit code: 0 where a backend gets them, 1 where none does, 2 where no agent answers or it says no.

use std::{fmt, process::ExitCode, str::FromStr};

use super::{
    ask::{Socket, ask},
    endpoint::Endpoint,
    output,
};
use crate::api::{
    Client,
    view::{ExplainRequest, Explanation, MemberName},
};

/// Arguments of `dsr explain`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The client's address and port
    #[arg(value_name = "CLIENT:PORT")]
    src: Endpoint,
    /// The VIP, port and protocol: tcp, udp, sctp, or a protocol number
    #[arg(value_name = "VIP:PORT/PROTOCOL")]
    dst: Destination,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: Socket,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.dst.has_ports() && (args.src.port.is_none() || args.dst.end.port.is_none()) {
        let name = &args.dst.name;
        output::complain(format_args!("dsr: {name} has ports: write both, like 10.0.0.9:4711 192.0.2.10:80/tcp"));
        return Ok(ExitCode::from(super::WRONG));
    }
    let request = ExplainRequest {
        client: args.src.address,
        client_port: args.src.port.unwrap_or(0),
        vip: args.dst.end.address,
        port: args.dst.end.port.unwrap_or(0),
        protocol: args.dst.protocol,
    };
    ask(&args.socket, async |client: Client| {
        let explanation: Explanation = client.post("/v1/explain", &request).await?;
        if args.json {
            output::line(serde_json::to_string_pretty(&explanation)?)?;
        } else {
            output::print(Shown(args, &explanation))?;
        }
        Ok(if explanation.member.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Where a packet is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Destination {
    end: Endpoint,
    protocol: u8,
    name: String,
}

impl Destination {
    fn has_ports(&self) -> bool {
        PROTOCOLS.iter().any(|(_, number)| *number == self.protocol)
    }
}

/// Protocols with ports (IANA "Protocol Numbers").
const PROTOCOLS: [(&str, u8); 3] = [("tcp", 6), ("udp", 17), ("sctp", 132)];

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((end, name)) = text.rsplit_once('/') else {
            return Err(format!("write the protocol too, like {text}/tcp"));
        };
        let number = PROTOCOLS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
        let Some(protocol) = number.or_else(|| name.parse().ok()) else {
            return Err(format!("`{name}` is not a protocol: write tcp, udp, sctp, or a number from 0 to 255"));
        };
        Ok(Self { end: end.parse()?, protocol, name: name.to_owned() })
    }
}

/// The explanation as text.
struct Shown<'a>(&'a Args, &'a Explanation);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(args, explanation) = self;
        writeln!(f, "flow         {} > {}/{}", args.src, args.dst.end, args.dst.name)?;
        if let Some(service) = &explanation.service {
            writeln!(f, "service      {} {}", service.name, service.address)?;
            writeln!(f, "in VLANs     {}", service.vlans.join(", "))?;
            if let Some(forward) = &service.forward {
                writeln!(f, "forwarded    {forward}")?;
            }
            let state = if service.tracked { "tracked: its backend changed a while ago" } else { "stable" };
            writeln!(f, "hash         {}, slot {} of {}, {state}", service.hash, service.slot, service.slots)?;
            if service.tracked {
                writeln!(f, "slot's now   {}", member(service.current.as_ref()))?;
                writeln!(f, "slot's then  {}", member(service.previous.as_ref()))?;
            }
        }
        writeln!(f, "goes to      {}", member(explanation.member.as_ref()))?;
        writeln!(f, "why          {} ({})", explanation.meaning, explanation.why)?;
        if explanation.if_opening != explanation.member {
            writeln!(f, "if it opens  {}", member(explanation.if_opening.as_ref()))?;
        }
        Ok(())
    }
}

fn member(member: Option<&MemberName>) -> String {
    let Some(MemberName { backend, address, mac, interface }) = member else { return "no backend".to_owned() };
    match (mac, interface) {
        (Some(mac), Some(interface)) => format!("{backend} {address}, {mac} by {interface}"),
        _ => format!("{backend} {address}, unreachable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_has_a_protocol() {
        let read = |text: &str| text.parse::<Destination>();
        assert_eq!(read("192.0.2.10:80/tcp").unwrap().protocol, 6);
        assert_eq!(read("[2001:db8::1]:53/udp").unwrap().end.port, Some(53));
        assert_eq!(read("192.0.2.10/47").unwrap().protocol, 47);
        assert!(read("192.0.2.10:80").unwrap_err().contains("192.0.2.10:80/tcp"));
        assert!(read("192.0.2.10:80/http").unwrap_err().contains("tcp, udp, sctp"));
        assert!(read("web/tcp").unwrap_err().contains("write an address"));
    }
}
