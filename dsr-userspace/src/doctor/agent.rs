//! What a running agent counted, by its metrics.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::{
    config::Config,
    lab::{Samples, get},
};

/// What matters of one scrape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Frames that came back, by the backend's name.
    pub(super) loops: BTreeMap<String, u64>,
    /// Claims that hold: VIP and MAC.
    pub(super) claims: Vec<(IpAddr, String, String)>,
}

/// Reads the metrics of the agent with this configuration; nothing where none answers.
pub(super) async fn counted(config: &Config) -> Option<Counted> {
    let answer = get(config.metrics?, "/metrics", Duration::from_secs(2)).await.ok()?;
    let samples = Samples::parse(&String::from_utf8_lossy(&answer.body)).ok()?;
    let mut loops = BTreeMap::new();
    for sample in samples.named("dsr_member_loops_total") {
        *loops.entry(sample.label("backend").to_owned()).or_default() += sample.value as u64;
    }
    let claim = |sample: &crate::lab::Sample| {
        Some((sample.label("vip").parse().ok()?, sample.label("mac").to_owned(), sample.label("backend").to_owned()))
    };
    Some(Counted { loops, claims: samples.named("dsr_vip_claimed").filter_map(claim).collect() })
}
