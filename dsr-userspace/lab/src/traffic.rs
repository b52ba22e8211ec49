//! What the balancer saw, from its agent's metrics. Pure.

use std::collections::BTreeMap;

use super::samples::Samples;

/// What the balancer saw since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets that were sent to a backend, dropped or answered: those for a VIP.
    pub packets_in: u64,
    /// Bytes of the packets that were sent to a backend.
    pub bytes_in: u64,
    /// Packets by the reason that they were passed, dropped or answered for; reasons without packets are left out.
    pub reasons: BTreeMap<String, u64>,
    /// How often a VIP was claimed, by backend, or by `balancer` or `unknown`.
    pub claims: BTreeMap<String, u64>,
}

impl From<&Samples> for Traffic {
    fn from(samples: &Samples) -> Self {
        let mut reasons = BTreeMap::new();
        for sample in samples.named(REASONS).filter(|sample| sample.value > 0.0) {
            *reasons.entry(sample.label("reason").to_owned()).or_default() += sample.value as u64;
        }
        let mut claims = BTreeMap::new();
        for sample in samples.named(CLAIMS) {
            *claims.entry(sample.label("backend").to_owned()).or_default() += sample.value as u64;
        }
        let ours: u64 = reasons.iter().filter(|(reason, _)| !reason.starts_with("pass_")).map(|(_, count)| count).sum();
        let (packets_in, bytes_in) = (samples.sum(PACKETS, &[]) as u64 + ours, samples.sum(BYTES, &[]) as u64);
        Self { packets_in, bytes_in, reasons, claims }
    }
}

impl Traffic {
    /// The dropped packets by reason.
    pub fn drops(&self) -> impl Iterator<Item = (&str, u64)> {
        let drops = self.reasons.iter().filter(|(reason, _)| reason.starts_with("drop_"));
        drops.map(|(reason, count)| (reason.as_str(), *count))
    }
}

const PACKETS: &str = "dsr_member_packets_total";
const BYTES: &str = "dsr_member_bytes_total";
const CLAIMS: &str = "dsr_arp_claims_total";
const REASONS: &str = "dsr_reason_packets_total";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_for_a_vip_are_counted_and_passed_ones_are_not() {
        let text = "\
dsr_member_packets_total{backend=\"web1\"} 10
dsr_member_packets_total{backend=\"web2\"} 20
dsr_member_bytes_total{backend=\"web1\"} 1000
dsr_reason_packets_total{reason=\"pass_not_vip\",interface=\"eth0\"} 500
dsr_reason_packets_total{reason=\"answer_arp\",interface=\"eth0\"} 1
dsr_reason_packets_total{reason=\"drop_icmp\",interface=\"eth0\"} 2
dsr_reason_packets_total{reason=\"drop_icmp\",interface=\"eth1\"} 3
dsr_reason_packets_total{reason=\"drop_fragment\",interface=\"eth0\"} 0
";
        let traffic = Traffic::from(&Samples::parse(text).unwrap());
        assert_eq!(traffic.packets_in, 36);
        assert_eq!(traffic.bytes_in, 1000);
        assert_eq!(traffic.drops().collect::<Vec<_>>(), [("drop_icmp", 5)]);
        assert_eq!(traffic.reasons["pass_not_vip"], 500);
    }
}
