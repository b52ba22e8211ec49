//! Lengths of time: a number and its unit.

use std::time::Duration;

use serde_yaml::Value;

use super::field::{Read, not};
use crate::duration;

/// A length of time that is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl Read for Span {
    const WRITE: &'static str = "a number with its unit, ms, s, m or h, like 60s";

    fn read(value: Value) -> Result<Self, String> {
        let text = match &value {
            Value::String(text) => text,
            Value::Number(number) if number.is_u64() => {
                return Err(format!("{number} has no unit: write {number}s, or {}", Self::WRITE));
            }
            value => return Err(not::<Self>(value, "a time")),
        };
        let length = duration::parse(text).ok().filter(|length| !length.is_zero());
        length.map(Self).ok_or_else(|| not::<Self>(&value, "a time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<u64, String> {
        Span::read(serde_yaml::from_str(text).unwrap()).map(|span| span.0.as_millis() as u64)
    }

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(
            (read("250ms"), read("60s"), read("5 m"), read("1h")),
            (Ok(250), Ok(60_000), Ok(300_000), Ok(3_600_000))
        );
        assert!(read("60").unwrap_err().contains("60 has no unit: write 60s"));
        for text in ["s", "0s", "-1s", "1d", "99999999999999999h", "[1s]", "true"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
