//! The VLANs that a VIP is in.

use std::collections::BTreeSet;

use dsr_common::vlan::Vlan;
use serde_yaml::Value;

use super::{
    field::{Field, Read, not},
    path::FieldPath,
    report::Report,
};

const _: () = assert!(Vlan::MAX == 4094, "the text below says so");

impl Read for Vlan {
    const WRITE: &'static str = "untagged, a number from 1 to 4094, or two of them like \"7.100\", the outer tag first";
    const WRITE_MANY: &'static str = "a list of VLANs, like [untagged, 100]";

    fn read(value: Value) -> Result<Self, String> {
        match &value {
            Value::Number(number) if number.is_f64() => {
                Err(format!("{number} is a fraction to YAML: write two tags in quotes, like \"7.100\""))
            }
            Value::Number(number) => {
                one(number.as_u64()).map(|number| Self::of(number, 0)).ok_or_else(|| not::<Self>(&value, "a VLAN"))
            }
            Value::String(text) if text == "untagged" => Ok(Self::UNTAGGED),
            Value::String(text) => two(text).ok_or_else(|| not::<Self>(&value, "a VLAN")),
            _ => Err(not::<Self>(&value, "a VLAN")),
        }
    }
}

fn one(number: Option<u64>) -> Option<u16> {
    number.and_then(|number| u16::try_from(number).ok()).filter(|number| (1..=Vlan::MAX).contains(number))
}

fn two(text: &str) -> Option<Vlan> {
    let number = |text: &str| one(text.parse().ok());
    let (outer, inner) = text.split_once('.')?;
    Some(Vlan::of(number(outer)?, number(inner)?))
}

/// Something is wrong with the list, and the report says what.
pub(super) struct Reported;

/// The list, if one is written.
pub(super) fn read(
    report: &mut Report<'_>,
    at: &FieldPath,
    field: Field<Vec<Field<Vlan>>>,
) -> Result<Option<BTreeSet<Vlan>>, Reported> {
    if !field.is_written() {
        return Ok(None);
    }
    let rows = report.required(at, field).ok_or(Reported)?;
    if rows.is_empty() {
        report.error(at, "has no VLAN: write one at least, like [untagged, 100], or leave it out");
        return Err(Reported);
    }
    let (count, mut vlans) = (rows.len(), BTreeSet::new());
    for (index, row) in rows.into_iter().enumerate() {
        let at = at.index(index);
        let Some(vlan) = report.required(&at, row) else { continue };
        if !vlans.insert(vlan) {
            report.error(&at, format!("{vlan} is written twice: remove one"));
        }
    }
    if vlans.len() == count { Ok(Some(vlans)) } else { Err(Reported) }
}
