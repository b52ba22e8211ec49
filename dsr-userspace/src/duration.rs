//! Durations as people write them, in a configuration and on a command line: one grammar for all. Pure.
//!
//! A decimal number and its unit, `ms`, `s`, `m` or `h`, with or without a space between: `500ms`, `1.5s`, `5 m`, `24h`.

use std::{fmt, time::Duration};

/// The grammar as a regular expression (ECMA-262), for schemas.
pub(crate) const PATTERN: &str = "^[0-9]+(\\.[0-9]+)? *(ms|s|m|h)$";

/// The units, each with its milliseconds.
const UNITS: [(&str, f64); 4] = [("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3600e3)];

/// Why a text is not a duration, and what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DurationError {
    /// It is a number alone.
    #[error("{0} has no unit: write {0}s")]
    NoUnit(String),
    /// It is not a number and a unit.
    #[error("`{0}` is not a duration: write a number and its unit, ms, s, m or h, like 20s")]
    Malformed(String),
    /// It is longer than can be counted.
    #[error("`{0}` is too long: write a shorter duration")]
    TooLong(String),
}

/// Reads a duration, which may be zero; to the nearest nanosecond.
pub(crate) fn parse(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let is_number = number.split('.').count() <= 2 && number.split('.').all(|part| !part.is_empty());
    if !is_number {
        return Err(malformed());
    }
    if unit.is_empty() {
        return Err(DurationError::NoUnit(number.to_owned()));
    }
    let unit = unit.trim_start_matches(' ');
    let (_, milliseconds) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
    let number: f64 = number.parse().map_err(|_| malformed())?;
    Duration::try_from_secs_f64(number * milliseconds / 1e3).map_err(|_| DurationError::TooLong(text.to_owned()))
}

/// Reads a duration of a command line: not zero; a number alone counts seconds.
///
/// # Errors
/// What is wrong with it, and what to write.
pub(crate) fn of_argument(text: &str) -> Result<Duration, String> {
    let duration = parse(text).or_else(|error| match error {
        DurationError::NoUnit(number) => parse(&format!("{number}s")),
        other => Err(other),
    });
    match duration {
        Ok(Duration::ZERO) => Err("the duration must be positive: write one like 20s".to_owned()),
        other => other.map_err(|error| error.to_string()),
    }
}

/// A duration as this module reads it, in the largest unit that makes a whole number of it.
pub(crate) struct Written(pub(crate) Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let fits = |(_, unit): &&(&str, f64)| milliseconds > 0 && milliseconds.is_multiple_of(*unit as u128);
        match UNITS.iter().rev().find(fits) {
            Some((name, unit)) => write!(f, "{}{name}", milliseconds / *unit as u128),
            None => f.write_str("0s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_its_unit() {
        let good = [("500ms", 500), ("2s", 2000), ("5 m", 300_000), ("1.5m", 90_000), ("1h", 3_600_000), ("0s", 0)];
        for (text, milliseconds) in good {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "-1s", "+2s", "5 days", "1e9h", "1d", "1m30s", ".5s", "1.s", "1.2.3s", "1\u{b5}", "[1s]"]
        {
            assert_eq!(parse(text), Err(DurationError::Malformed(text.to_owned())), "{text}");
        }
        assert_eq!(parse("60"), Err(DurationError::NoUnit("60".to_owned())));
        assert!(matches!(parse("99999999999999999999h"), Err(DurationError::TooLong(_))));
    }

    #[test]
    fn a_command_line_counts_seconds_and_takes_no_zero() {
        assert_eq!(of_argument("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(of_argument("20"), Ok(Duration::from_secs(20)));
        assert_eq!(of_argument("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(of_argument("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(of_argument("1 h"), Ok(Duration::from_secs(3600)));
        for text in ["", "s", "0s", "0", "-1s", "5 days", "1e9h"] {
            assert!(of_argument(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let texts = ["0s", "1ms", "1500ms", "90s", "2m", "90m", "24h"];
        for text in texts {
            assert_eq!(Written(parse(text).unwrap()).to_string(), text);
        }
    }
}
