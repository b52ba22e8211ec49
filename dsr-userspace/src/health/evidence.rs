//! From what was found to its cause. Pure.

use super::{check::Failure, tunnel::TunnelAnswer};
use crate::model::Cause;

/// Whether the backend is reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// It does.
    Yes,
    /// It does not any more.
    NoLonger,
    /// It never did since the agent started.
    Never,
}

/// What came back from an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observation {
    /// The right answer.
    Right,
    /// Something: a host is there.
    Something,
    /// Nothing.
    Nothing,
}

impl From<&Result<(), Failure>> for Observation {
    fn from(result: &Result<(), Failure>) -> Self {
        match result {
            Ok(()) => Self::Right,
            Err(Failure::Refused | Failure::Unanswered | Failure::Wrong(_)) => Self::Something,
            Err(Failure::Silent | Failure::Forwarded | Failure::Unsent(_) | Failure::Local(_)) => Self::Nothing,
        }
    }
}

/// What was found of a backend whose check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each is an observation of its own.
pub(super) struct Evidence {
    /// Whether the network leads there.
    pub(super) reached: Reached,
    /// What the check heard at the VIP.
    pub(super) at_vip: Observation,
    /// What the same check heard at the backend's own address.
    pub(super) at_own: Observation,
    /// Whether the backend answers an echo at its own address.
    pub(super) echo_own: bool,
    /// Whether it answers one at the VIP.
    pub(super) echo_vip: bool,
    /// Whether this node dropped an answer because of where it came from.
    pub(super) dropped_here: bool,
    /// What the network said of the packets of the tunnel; nothing where the forward mode does not cross routers.
    pub(super) tunnel: Option<TunnelAnswer>,
    /// Whether it answers at the VIP an echo request that fills the path MTU, where it answers a small one and this was
    /// asked.
    pub(super) echo_full: Option<bool>,
    /// Whether silence is how a service without a listener answers.
    pub(super) may_be_silent: bool,
}

impl Evidence {
    /// The cause that explains all of it.
    pub(super) fn cause(self) -> Cause {
        match self.reached {
            Reached::Never => return Cause::NoNeighbour,
            Reached::NoLonger => return Cause::HostDown,
            Reached::Yes => {}
        }
        if self.at_vip != Observation::Nothing {
            return Cause::ApplicationDown;
        }
        // Who refuses is there, whatever its firewall hides.
        if self.tunnel == Some(TunnelAnswer::Refused) && !self.echo_vip {
            return Cause::TunnelRefused;
        }
        if self.at_own == Observation::Nothing && !self.echo_own && !self.echo_vip {
            return Cause::HostDown;
        }
        if !self.echo_vip && !self.dropped_here {
            return if self.tunnel.is_some() { Cause::NoDecap } else { Cause::VipMissing };
        }
        if self.echo_full == Some(false) || matches!(self.tunnel, Some(TunnelAnswer::TooBig(_))) {
            return Cause::Mtu;
        }
        // The VIP is held. A host refuses TCP to a closed port; without a refusal, packets are lost.
        if self.may_be_silent && self.at_own != Observation::Right { Cause::ApplicationDown } else { Cause::ReplyLost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENT: Evidence = Evidence {
        reached: Reached::Yes,
        at_vip: Observation::Nothing,
        at_own: Observation::Nothing,
        echo_own: false,
        echo_vip: false,
        dropped_here: false,
        tunnel: None,
        echo_full: None,
        may_be_silent: false,
    };

    #[test]
    fn a_host_that_says_nothing_is_down() {
        assert_eq!(SILENT.cause(), Cause::HostDown);
        assert_eq!(Evidence { reached: Reached::NoLonger, ..SILENT }.cause(), Cause::HostDown);
        assert_eq!(Evidence { reached: Reached::Never, ..SILENT }.cause(), Cause::NoNeighbour);
    }

    #[test]
    fn an_application_that_refuses_or_errs_is_down() {
        let refused = Evidence { at_vip: Observation::Something, ..SILENT };
        assert_eq!(refused.cause(), Cause::ApplicationDown);
        assert_eq!(Evidence { at_own: Observation::Right, ..refused }.cause(), Cause::ApplicationDown);
        let no_dns = Evidence { echo_own: true, echo_vip: true, may_be_silent: true, ..SILENT };
        assert_eq!(no_dns.cause(), Cause::ApplicationDown);
    }

    #[test]
    fn a_vip_that_nobody_holds_is_missing() {
        for at_own in [Observation::Right, Observation::Something] {
            assert_eq!(Evidence { at_own, echo_own: true, ..SILENT }.cause(), Cause::VipMissing);
        }
        assert_eq!(Evidence { echo_own: true, ..SILENT }.cause(), Cause::VipMissing, "a firewall hides the port");
        let no_dns = Evidence { echo_own: true, may_be_silent: true, ..SILENT };
        assert_eq!(no_dns.cause(), Cause::VipMissing);
    }

    #[test]
    fn a_vip_that_is_held_and_silent_loses_packets() {
        let held = Evidence { at_own: Observation::Right, echo_own: true, echo_vip: true, ..SILENT };
        assert_eq!(held.cause(), Cause::ReplyLost);
        assert_eq!(Evidence { may_be_silent: true, ..held }.cause(), Cause::ReplyLost);
        let here = Evidence { echo_vip: false, dropped_here: true, ..held };
        assert_eq!(here.cause(), Cause::ReplyLost);
    }

    #[test]
    fn a_tunnel_that_does_not_end_at_the_host_is_named() {
        let tunnel = Evidence { tunnel: Some(TunnelAnswer::Nothing), ..SILENT };
        assert_eq!(tunnel.cause(), Cause::HostDown, "nothing answers at all");
        let alive = Evidence { at_own: Observation::Right, echo_own: true, ..tunnel };
        assert_eq!(alive.cause(), Cause::NoDecap);
        let refused = Evidence { tunnel: Some(TunnelAnswer::Refused), ..alive };
        assert_eq!(refused.cause(), Cause::TunnelRefused);
        let hidden = Evidence { at_own: Observation::Nothing, echo_own: false, ..refused };
        assert_eq!(hidden.cause(), Cause::TunnelRefused, "a host that refuses is up");
        assert_eq!(Evidence { reached: Reached::Never, ..refused }.cause(), Cause::NoNeighbour);
    }

    #[test]
    fn a_path_that_loses_full_sized_packets_is_named() {
        let held =
            Evidence { at_own: Observation::Right, echo_vip: true, tunnel: Some(TunnelAnswer::Nothing), ..SILENT };
        assert_eq!(Evidence { echo_full: Some(true), ..held }.cause(), Cause::ReplyLost);
        assert_eq!(Evidence { echo_full: Some(false), ..held }.cause(), Cause::Mtu);
        let told = Evidence { tunnel: Some(TunnelAnswer::TooBig(Some(1400))), echo_full: Some(true), ..held };
        assert_eq!(told.cause(), Cause::Mtu, "a router says so");
    }
}
