//! How packets reach the backends of a service, as `dsr explain` and `dsr check` show it.

use std::{fmt, net::IpAddr};

use dsr_common::address::Family;
use serde::{Deserialize, Serialize};

use crate::model::Forward;

/// A forward mode, and what it makes of the packets to some backends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardView {
    /// Its name, as the status of a service has it.
    pub mode: String,
    /// The code that stands for the VIP, in `dscp`.
    pub dscp: Option<u8>,
    /// The tunnels to the backends, those with the same source and overhead in one; none in `l2` and `dscp`.
    pub tunnels: Vec<TunnelView>,
}

/// What is in front of the packets to some backends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelView {
    /// The outer source: an address, or a prefix whose other bits vary with the flow; nothing where none is known.
    pub source: Option<String>,
    /// The outer destinations: the backends' own addresses.
    pub destinations: Vec<IpAddr>,
    /// Bytes in front of the packet.
    pub overhead: u16,
}

impl ForwardView {
    /// A mode towards these backends, each with the address that the route to it prefers.
    pub fn new(forward: Forward, backends: impl Iterator<Item = (IpAddr, Option<IpAddr>)>) -> Self {
        let dscp = if let Forward::Dscp(code) = forward { Some(code.get()) } else { None };
        let mut tunnels: Vec<TunnelView> = Vec::new();
        for (backend, of_route) in backends.filter(|_| forward.mode().encapsulates()) {
            let family = if backend.is_ipv4() { Family::V4 } else { Family::V6 };
            let source = forward.outer_source(backend, of_route).map(|source| source.to_string());
            let overhead = forward.overhead(family);
            match tunnels.iter_mut().find(|tunnel| tunnel.source == source && tunnel.overhead == overhead) {
                Some(tunnel) => tunnel.destinations.push(backend),
                None => tunnels.push(TunnelView { source, destinations: vec![backend], overhead }),
            }
        }
        Self { mode: forward.mode().name().to_owned(), dscp, tunnels }
    }

    /// The mode alone, with its code: what a column of a table has room for.
    pub fn short(&self) -> String {
        match self.dscp {
            Some(code) => format!("{} {code}", self.mode),
            None => self.mode.clone(),
        }
    }
}

/// In a line, like `gue from 10.0.0.2 to 10.1.0.11, 28 bytes of overhead`.
impl fmt::Display for ForwardView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())?;
        for (index, TunnelView { source, destinations, overhead }) in self.tunnels.iter().enumerate() {
            let source = source.as_deref().unwrap_or("an unknown source");
            write!(f, "{} from {source} to ", if index == 0 { "" } else { ";" })?;
            let shown: Vec<_> = destinations.iter().take(SHOWN).map(ToString::to_string).collect();
            f.write_str(&shown.join(", "))?;
            if destinations.len() > SHOWN {
                write!(f, " and {} more", destinations.len() - SHOWN)?;
            }
            write!(f, ", {overhead} bytes of overhead")?;
        }
        Ok(())
    }
}

/// Backends that a line names.
const SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DscpCode, OuterSources};

    #[test]
    fn a_mode_is_told_with_what_it_puts_in_front() {
        let shown = |forward, backends: &[IpAddr]| {
            let source = |backend: &IpAddr| backend.is_ipv4().then(|| IpAddr::from([10, 0, 0, 2]));
            ForwardView::new(forward, backends.iter().map(|backend| (*backend, source(backend)))).to_string()
        };
        let backend = |last: u8| IpAddr::from([10, 1, 0, last]);
        assert_eq!(shown(Forward::L2, &[backend(1)]), "l2");
        assert_eq!(shown(Forward::Dscp(DscpCode::new(8).unwrap()), &[backend(1)]), "dscp 8");
        let ipip = Forward::Ipip(OuterSources::default());
        assert_eq!(shown(ipip, &[backend(1)]), "ipip from 10.0.0.2 to 10.1.0.1, 20 bytes of overhead");
        let all = [backend(1), "2001:db8::1".parse().unwrap(), backend(2), backend(3), backend(4)];
        let wanted = "ipip from 10.0.0.2 to 10.1.0.1, 10.1.0.2, 10.1.0.3 and 1 more, 20 bytes of overhead; from an unknown \
                      source to 2001:db8::1, 40 bytes of overhead";
        assert_eq!(shown(ipip, &all), wanted);
        let varied = OuterSources { ipv4: Some(([10, 64, 0, 0].into(), 16)), ipv6: None };
        let wanted = "ipip from 10.64.0.0/16 to 10.1.0.1, 20 bytes of overhead";
        assert_eq!(shown(Forward::Ipip(varied), &[backend(1)]), wanted);
    }
}
