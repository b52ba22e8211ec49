//! What came of a run of the lab, as one JSON object or a few lines. Pure.

use std::{collections::BTreeMap, fmt};

use dsr_common::forward::ForwardMode;
use serde_json::{Value, json};

use super::{fault::Broken, load::Tally, traffic::Traffic};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How packets reach the backends.
    pub forward: ForwardMode,
    /// The backends' names, in the order of the tally.
    pub backends: Vec<String>,
    /// What the client counted.
    pub tally: Tally,
    /// What the agent counted.
    pub traffic: Traffic,
    /// Answers that came through the balancer.
    pub replies_seen: u64,
    /// What was broken on purpose.
    pub broken: Vec<Broken>,
}

impl Summary {
    /// Of a run that did not begin.
    pub fn empty(forward: ForwardMode) -> Self {
        Self {
            forward,
            backends: Vec::new(),
            tally: Tally::new(0),
            traffic: Traffic::default(),
            replies_seen: 0,
            broken: Vec::new(),
        }
    }

    /// Whether every request was answered, and none of the answers came through the balancer.
    pub fn is_good(&self) -> bool {
        self.tally.failed() == 0 && self.replies_seen == 0
    }

    /// The object that `dsr lab --json` prints.
    pub fn json(&self) -> Value {
        let backends = self.backends.iter().zip(self.tally.answered());
        let backends: Vec<_> = backends.map(|(name, requests)| json!({"name": name, "requests": requests})).collect();
        let reasons: BTreeMap<_, _> = self.traffic.reasons.iter().collect();
        json!({
            "forward": self.forward.name(),
            "requests": self.tally.requests(),
            "failed": self.tally.failed(),
            "latency_ms": {"p50": self.tally.latency_ms(0.5), "p99": self.tally.latency_ms(0.99)},
            "backends": backends,
            "balancer": {
                "packets_in": self.traffic.packets_in,
                "bytes_in": self.traffic.bytes_in,
                "replies_seen": self.replies_seen,
            },
            "reasons": reasons,
            "claims": self.traffic.claims.iter().collect::<BTreeMap<_, _>>(),
            "broken": self.broken.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        writeln!(f, "{} requests, {} failed", tally.requests(), tally.failed())?;
        if let Some(failure) = tally.last_failure() {
            writeln!(f, "last failure: {failure}")?;
        }
        writeln!(f, "latency: p50 {:.2} ms, p99 {:.2} ms", tally.latency_ms(0.5), tally.latency_ms(0.99))?;
        let shares = self.backends.iter().zip(tally.answered()).map(|(name, requests)| format!("{name} {requests}"));
        writeln!(f, "answered by: {}", shares.collect::<Vec<_>>().join(", "))?;
        let Traffic { packets_in, bytes_in, .. } = self.traffic;
        write!(f, "the balancer saw {packets_in} packets ({bytes_in} bytes) in, {} replies", self.replies_seen)?;
        for (claimer, claims) in &self.traffic.claims {
            write!(f, "\n{claimer} said {claims} times that the VIP is its own")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::Failure;

    fn summary() -> Summary {
        let mut tally = Tally::new(2);
        tally.record(Ok(0), Duration::from_millis(4));
        let broken = vec!["web2=arp".parse().unwrap()];
        let traffic = Traffic {
            packets_in: 7,
            bytes_in: 500,
            reasons: [("answer_arp".to_owned(), 1)].into(),
            claims: [("web2".to_owned(), 3)].into(),
        };
        let (forward, backends) = (ForwardMode::Gue, vec!["web1".into(), "web2".into()]);
        Summary { forward, backends, tally, traffic, replies_seen: 0, broken }
    }

    #[test]
    fn json_has_the_documented_members() {
        let mut json = summary().json();
        let latency = json["latency_ms"].take();
        assert!(latency["p50"].is_f64() && latency["p99"].is_f64());
        let expected = json!({
            "forward": "gue", "requests": 1, "failed": 0, "latency_ms": null,
            "backends": [{"name": "web1", "requests": 1}, {"name": "web2", "requests": 0}],
            "balancer": {"packets_in": 7, "bytes_in": 500, "replies_seen": 0},
            "reasons": {"answer_arp": 1},
            "claims": {"web2": 3},
            "broken": ["web2=arp"],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_failure_or_a_reply_is_not_good() {
        assert!(summary().is_good());
        assert!(!Summary { replies_seen: 1, ..summary() }.is_good());
        let mut failed = summary();
        failed.tally.record(Err(Failure::Unexpected("x".into())), Duration::ZERO);
        assert!(!failed.is_good());
    }
}
