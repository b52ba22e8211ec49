//! What a running agent knows: what it counted, by its metrics, and what it found of backends, by its admin API or, where that
//! is off, its metrics.

use std::{collections::BTreeMap, net::IpAddr, path::Path, time::Duration};

use tokio::time::timeout;

use crate::{
    api::{Client, view::Status},
    config::Config,
    model::Cause,
};
use dsr_lab::{Sample, Samples, get};

/// What the agent found of the backends that it balances, by the names of service and backend; nothing of one that is well.
pub(super) type States = BTreeMap<(String, String), Option<State>>;

/// What is wrong with a backend by its check, its own word, or what it tells the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The cause.
    pub(super) cause: Cause,
    /// What an operator should read of it, where the agent was asked for it.
    pub(super) detail: Option<String>,
}

/// What matters of what one agent says at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Frames that came back, by the backend's name.
    pub(super) loops: BTreeMap<String, u64>,
    /// Claims that hold: VIP and MAC.
    pub(super) claims: Vec<(IpAddr, String, String)>,
    /// How backends stand.
    pub(super) states: States,
}

/// Asks the agent with this configuration; nothing where none answers.
pub(super) async fn counted(config: &Config) -> Option<Counted> {
    let (samples, answer) = (samples(config).await, status(config.api.as_deref()).await);
    if samples.is_none() && answer.is_none() {
        return None;
    }
    let samples = samples.unwrap_or_default();
    let mut loops = BTreeMap::new();
    for sample in samples.named("dsr_member_loops_total") {
        *loops.entry(sample.label("backend").to_owned()).or_default() += sample.value as u64;
    }
    let claim = |sample: &Sample| {
        Some((sample.label("vip").parse().ok()?, sample.label("mac").to_owned(), sample.label("backend").to_owned()))
    };
    let claims = samples.named("dsr_vip_claimed").filter_map(claim).collect();
    let states = answer.map_or_else(|| by_metrics(&samples), |status| by_status(&status));
    Some(Counted { loops, claims, states })
}

async fn samples(config: &Config) -> Option<Samples> {
    let answer = get(config.metrics?, "/metrics", PATIENCE).await.ok()?;
    Samples::parse(&String::from_utf8_lossy(&answer.body)).ok()
}

async fn status(socket: Option<&Path>) -> Option<Status> {
    timeout(PATIENCE, Client::new(socket?).get("/v1/status")).await.ok()?.ok()
}

fn by_status(status: &Status) -> States {
    let members =
        status.services.iter().flat_map(|service| service.members.iter().map(move |member| (service, member)));
    let state = members.map(|(service, member)| {
        let state = member.cause.as_deref().and_then(cause).map(|cause| State { cause, detail: member.detail.clone() });
        ((service.name.clone(), member.backend.clone()), state)
    });
    state.collect()
}

fn by_metrics(samples: &Samples) -> States {
    let who = |sample: &Sample| (sample.label("service").to_owned(), sample.label("backend").to_owned());
    let mut states: States = samples.named("dsr_backend_healthy").map(|sample| (who(sample), None)).collect();
    for sample in samples.named("dsr_backend_state") {
        states.insert(who(sample), cause(sample.label("cause")).map(|cause| State { cause, detail: None }));
    }
    states
}

fn cause(name: &str) -> Option<Cause> {
    Cause::ALL.into_iter().find(|cause| cause.name() == name)
}

/// How long an agent may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_well_unless_a_cause_is_told() {
        let scrape = "\
dsr_backend_healthy{pool=\"web\",backend=\"web1\",service=\"www\"} 1
dsr_backend_healthy{pool=\"web\",backend=\"web2\",service=\"www\"} 0
dsr_backend_state{pool=\"web\",backend=\"web2\",service=\"www\",cause=\"application-down\"} 1
";
        let states = by_metrics(&Samples::parse(scrape).unwrap());
        let of = |backend: &str| states.get(&("www".to_owned(), backend.to_owned())).cloned();
        assert_eq!(of("web1"), Some(None));
        assert_eq!(of("web2"), Some(Some(State { cause: Cause::ApplicationDown, detail: None })));
        assert_eq!(of("web3"), None);
    }
}
