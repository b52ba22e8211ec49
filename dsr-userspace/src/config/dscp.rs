//! DSCP codes: which one stands for which VIP in forward mode `dscp`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use dsr_common::forward::DSCP_MAX;
use serde_json::{Value as Json, json};

use super::{
    address::HostAddress,
    at::At,
    report::Report,
    schema::{Read, Scalar, integers, json::Definitions, not, value},
    yaml::{Kind, Node},
};
use crate::model::DscpCode;

integers! {
    DscpCode = "a DSCP code", 1, u64::from(DSCP_MAX), |code| DscpCode::new(code.try_into().ok()?);
}

/// A field `dscp`: the codes of at least so many VIPs, in the order of the file. No two of a family are the same.
#[derive(Default)]
pub(super) struct CodesField<const LEAST: usize = 0>(pub(super) Vec<(At, IpAddr, DscpCode)>);

impl<const LEAST: usize> Read for CodesField<LEAST> {
    fn write() -> String {
        "the code of each VIP, like {\"192.0.2.10\": 8}".to_owned()
    }

    fn read(report: &mut Report<'_>, at: &At, node: &Node) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            report.error(at, not(node, "a mapping", &Self::write()));
            return None;
        };
        if entries.len() < LEAST {
            report.error(at, format!("has no code: write {}", Self::write()));
        }
        let above = Arc::new(at.clone());
        let (mut codes, mut by_code, mut vips) = (Vec::new(), HashMap::new(), HashMap::new());
        for entry in entries {
            let key = above.key(&entry.key, entry.key_place);
            let vip = <HostAddress as Read>::read(report, &key, &Node::text(&entry.key, entry.key_place));
            let at = above.key(&entry.key, entry.place());
            let code = value::<DscpCode>(report, &at, &entry.value);
            let (Some(HostAddress(vip)), Some(code)) = (vip, code) else { continue };
            if let Some(first) = vips.insert(vip, entry.key_place) {
                let line = report.line(first);
                report.error(&key, format!("{vip} has a code already, at line {line}: keep one"));
            }
            let (other, first) = *by_code.entry((vip.is_ipv4(), code)).or_insert((vip, at.place));
            if other != vip {
                let (code, line) = (code.get(), report.line(first));
                report.error(&at, format!("code {code} is that of {other}, at line {line}: write another one"));
            }
            codes.push((at, vip, code));
        }
        Some(Self(codes))
    }

    fn schema(_: &mut Definitions) -> Json {
        let mut schema = json!({"type": "object", "additionalProperties": <DscpCode as Scalar>::schema()});
        if LEAST > 0 {
            schema["minProperties"] = LEAST.into();
        }
        schema
    }
}

/// The code of each VIP that needs one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Codes(BTreeMap<IpAddr, DscpCode>);

impl Codes {
    /// The codes that are written, and for the other VIPs such as follow from the addresses alone: the same on all balancers
    /// with the same VIPs. Those for which none is left have none.
    pub(super) fn assign(written: &[(At, IpAddr, DscpCode)], vips: &BTreeSet<IpAddr>) -> Self {
        let mut codes: BTreeMap<_, _> = written.iter().map(|(_, vip, code)| (*vip, *code)).collect();
        let mut taken: BTreeSet<_> = codes.iter().map(|(vip, code)| (vip.is_ipv4(), code.get())).collect();
        for vip in vips {
            if codes.contains_key(vip) {
                continue;
            }
            let first = start(*vip);
            let mut candidates = (0..DSCP_MAX).map(|step| (first + step) % DSCP_MAX + 1);
            let free = candidates.find(|code| taken.insert((vip.is_ipv4(), *code)));
            codes.extend(free.and_then(DscpCode::new).map(|code| (*vip, code)));
        }
        Self(codes)
    }

    /// That of a VIP.
    pub(super) fn of(&self, vip: IpAddr) -> Option<DscpCode> {
        self.0.get(&vip).copied()
    }
}

/// Where the search for a free code begins: VIPs that follow each other begin at codes that do, so that none of them is in the
/// way of another, and each keeps its code when others come or go.
fn start(vip: IpAddr) -> u8 {
    let number = match vip {
        IpAddr::V4(vip) => u128::from(vip.to_bits()),
        IpAddr::V6(vip) => vip.to_bits(),
    };
    (number % u128::from(DSCP_MAX)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::error::Place;

    fn vips(numbers: impl Iterator<Item = u8>) -> BTreeSet<IpAddr> {
        numbers.map(|number| IpAddr::from([192, 0, 2, number])).collect()
    }

    #[test]
    fn all_codes_of_a_family_are_used_and_each_once() {
        let mut all = vips(1..=63);
        all.extend((1..=63).map(|number| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, number])));
        let codes = Codes::assign(&[], &all);
        for is_ipv4 in [true, false] {
            let family = all.iter().filter(|vip| vip.is_ipv4() == is_ipv4);
            let used: BTreeSet<_> = family.map(|vip| codes.of(*vip).unwrap().get()).collect();
            assert_eq!(used, (1..=63).collect());
        }
    }

    #[test]
    fn the_vips_after_the_last_code_have_none() {
        let all = vips(1..=65);
        let codes = Codes::assign(&[], &all);
        assert_eq!(all.iter().filter(|vip| codes.of(**vip).is_none()).count(), 2);
    }

    #[test]
    fn a_written_code_is_used_and_no_other_vip_gets_it() {
        let (one, ten) = (IpAddr::from([192, 0, 2, 1]), vips(1..=10));
        let default = Codes::assign(&[], &ten);
        let wanted = default.of([192, 0, 2, 2].into()).unwrap();
        let codes = Codes::assign(&[(At::top(Place::FILE), one, wanted)], &ten);
        assert_eq!(codes.of(one), Some(wanted));
        let used: BTreeSet<_> = ten.iter().map(|vip| codes.of(*vip).unwrap().get()).collect();
        assert_eq!(used.len(), 10);
    }

    #[test]
    fn neighbours_keep_their_codes_when_others_come() {
        let code = |codes: &Codes, last: u8| codes.of([192, 0, 2, last].into()).unwrap().get();
        let alone = |last: u8| code(&Codes::assign(&[], &vips(last..=last)), last);
        let all = Codes::assign(&[], &vips(10..=72));
        assert!((10..=72).all(|last| code(&all, last) == alone(last)));
        // 63 addresses further the codes begin again: the lower address keeps its code, the other gets the next one.
        let both = Codes::assign(&[], &vips([10, 73].into_iter()));
        assert_eq!((code(&both, 10), code(&both, 73)), (alone(10), alone(10) % 63 + 1));
    }
}
