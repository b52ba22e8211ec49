//! Whether backends behind routers take what is sent to them. The doctor's own probes are frames on the backend's segment, so
//! of these backends only the agent's checks know.

use super::{application::name_of, finding};
use crate::{
    doctor::{Finding, Severity, agent::State, observations::Observations},
    model::Cause,
};

/// A finding for each backend of a service whose forward mode crosses routers that the agent's check finds at fault.
pub(in crate::doctor) fn findings(observations: &Observations<'_>) -> Vec<Finding> {
    let Some((_, agent)) = &observations.agent else { return Vec::new() };
    let routed = observations.config.desired.services.iter().filter(|service| service.forward.mode().is_routed());
    let backends = routed.flat_map(|service| service.backends.iter().map(move |backend| (service, backend)));
    let found = backends.filter_map(|(service, backend)| {
        let State { cause, detail } = agent.states.get(&(service.name.clone(), backend.name.clone()))?.as_ref()?;
        let detail = detail.as_deref().unwrap_or("see the agent's log");
        let what = format!("the check of service {} by {}: {detail}", service.name, service.forward.mode().name());
        let (severity, remedy) = remedy(*cause, &backend.name)?;
        Some(finding(severity, name_of(*cause), &backend.name, what, remedy))
    });
    found.collect()
}

fn remedy(cause: Cause, name: &str) -> Option<(Severity, String)> {
    let remedy = match cause {
        // Found by the checks of claims, and of the network.
        Cause::ArpLeak | Cause::NoNeighbour => return None,
        Cause::ReportedDown => {
            return Some((Severity::Warning, format!("find out on {name} why its agent check reports it down")));
        }
        Cause::NoDecap | Cause::VipMissing => format!(
            "on {name}: run `dsr backend run` with this balancer in its list, hold the VIP on lo, and let the firewall pass \
             the tunnel"
        ),
        Cause::TunnelRefused => format!("on {name}: run `dsr backend run` with the same kind of tunnel and port"),
        Cause::Mtu => {
            "find the smaller link on the path (`tracepath`), and set its MTU on this host's route: `ip route \
                       change ... mtu BYTES`"
                .to_owned()
        }
        Cause::HostDown => format!("check that {name} is up and that each router on the path leads to it"),
        Cause::ReplyLost => format!("see what {name} and this host drop: `nft list ruleset`, `rp_filter`"),
        Cause::ApplicationDown => format!("see the application's log on {name}, and whether it listens at the VIP"),
    };
    Some((Severity::Error, remedy))
}
