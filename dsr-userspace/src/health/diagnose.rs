//! Looks at a backend whose check failed from other sides, to name the cause.

use std::{fs, net::SocketAddr, time::Duration};

use dsr_sys::socket::source_towards;

use super::{
    check::{self, Failure, Names, echo},
    evidence::{Evidence, Observation, Reached},
    local,
    socket::ProbeRoute,
    tunnel::TunnelErrors,
};
use crate::model::{Cause, Check, Forward, Probe};

/// Why a check failed: the cause, and what of it an operator should read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// What was seen, in words.
    pub detail: String,
}

/// How packets reach a backend that may be behind routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The forward mode.
    pub(super) forward: Forward,
    /// The largest packet to the VIP, in bytes: the path MTU less what the mode puts in front.
    pub(super) largest: u32,
}

/// Asks the backend at its own address, and both addresses for an echo. Where this host cannot ask, nothing is found: a
/// cause that is guessed could move flows of a backend that is there.
pub(super) async fn diagnose(
    check: &Check,
    route: &ProbeRoute,
    names: &Names<'_>,
    path: Option<Path>,
    failure: Failure,
) -> Result<Finding, Failure> {
    let at_vip = Observation::from(&Err(failure.clone()));
    let own = own_route(check, names)?;
    let is_command = matches!(check.probe, Probe::Command(_));
    let at_own = match &own {
        // What a command says is known already.
        Some(own) if !is_command && at_vip == Observation::Nothing => match check::run(check, own, names).await {
            Err(local @ Failure::Local(_)) => return Err(local),
            result => Observation::from(&result),
        },
        _ => Observation::Nothing,
    };
    let echo_own = match &own {
        Some(own) if at_own == Observation::Nothing => echo::is_answered(own, patience(check)).await?,
        _ => false,
    };
    let dropped_before = dropped_here();
    let errors = path.map(|path| TunnelErrors::listen(names.address, path.forward)).transpose()?;
    let echo_vip = at_vip == Observation::Nothing && echo::is_answered(route, patience(check)).await?;
    let echo_full = match path {
        Some(path) if echo_vip => Some(takes_full_size(route, path, patience(check)).await?),
        _ => None,
    };
    let evidence = Evidence {
        reached: Reached::Yes,
        // A command that fails, or takes too long, says nothing of the host.
        at_vip: if is_command && !echo_own { Observation::Nothing } else { at_vip },
        at_own,
        echo_own,
        echo_vip,
        dropped_here: dropped_here() > dropped_before,
        tunnel: errors.map(|errors| errors.take()),
        echo_full,
        may_be_silent: matches!(check.probe, Probe::Dns(_)),
    };
    Ok(Finding { cause: evidence.cause(), detail: detail(evidence, &failure) })
}

/// The way to the backend's own address, by the routing table; nothing where that has none.
fn own_route(check: &Check, names: &Names<'_>) -> Result<Option<ProbeRoute>, Failure> {
    let to = SocketAddr::new(names.address, check.port.get());
    match source_towards(names.address) {
        Ok(from) => Ok(Some(ProbeRoute { to, from, number: None })),
        Err(error) if local::is_local(&error) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

fn detail(evidence: Evidence, failure: &Failure) -> String {
    let more = match (evidence.cause(), failure) {
        (Cause::VipMissing, _) => "; it answers at its own address, but not at the VIP",
        (Cause::NoDecap, _) => {
            "; it answers at its own address, but not at the VIP: it does not take packets off the tunnel (or turn the DSCP \
             back into the VIP), or does not hold the VIP"
        }
        (Cause::TunnelRefused, _) => {
            "; ICMP says that its protocol or port is unreachable: nothing there ends the tunnel"
        }
        (Cause::Mtu, _) => "; small packets arrive through the tunnel, packets that fill the path MTU do not",
        (Cause::ReplyLost, _) if evidence.dropped_here => {
            "; this node's rp_filter drops its answer: set it to 0 or 2 where VIPs are routed elsewhere"
        }
        (Cause::ReplyLost, _) => "; it holds the VIP: a firewall or the return path loses packets",
        (Cause::HostDown, _) => "; it does not answer at its own address either",
        (Cause::ApplicationDown, Failure::Refused) => "; the host is up, but nothing listens at the VIP's port",
        _ => "",
    };
    format!("{failure}{more}")
}

/// Whether the backend answers an echo request at the VIP that fills the path MTU.
pub(super) async fn takes_full_size(route: &ProbeRoute, path: Path, patience: Duration) -> Result<bool, Failure> {
    let size = path.largest.min(PROBE_LINK_MTU) as usize;
    Ok(echo::is_answered_of(route, size, patience).await?)
}

/// Whether a backend that answers a small echo request at the VIP does not answer one that fills the path MTU.
pub(super) async fn loses_full_size(check: &Check, route: &ProbeRoute, path: Path) -> Result<bool, Failure> {
    let small = || echo::is_answered(route, patience(check));
    // One may be lost by chance, and a host may answer no echo at all.
    Ok(small().await? && !takes_full_size(route, path, patience(check)).await? && small().await?)
}

/// The MTU of the link that probes are sent to (`dsr-probe`).
const PROBE_LINK_MTU: u32 = 1500;

fn patience(check: &Check) -> Duration {
    check.timeout.min(LONGEST_ECHO)
}

/// Packets that this node dropped by `rp_filter` since it started.
fn dropped_here() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/net/netstat").unwrap_or_default();
    counter(&text, "TcpExt:", "IPReversePathFilter").unwrap_or(0)
}

/// A value of `/proc/net/netstat`: a line of names, then one of values, behind the same word.
fn counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group));
    let position = lines.next()?.split_whitespace().position(|found| found == name)?;
    lines.next()?.split_whitespace().nth(position)?.parse().ok()
}

/// An answer of the same segment comes at once.
const LONGEST_ECHO: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_names() {
        let text = "TcpExt: A IPReversePathFilter\nTcpExt: 1 7\nIpExt: A\nIpExt: 3\n";
        assert_eq!(counter(text, "TcpExt:", "IPReversePathFilter"), Some(7));
        assert_eq!(counter(text, "IpExt:", "B"), None);
    }
}
