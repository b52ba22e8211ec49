//! Durations as fields have them: the grammar of [`crate::duration`], each within bounds.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{
    at::shown,
    schema::{Scalar, not},
    yaml::Node,
};
use crate::{
    duration::{self, DurationError, Written},
    model::FlowTimeout,
};

/// Describes durations: their name, their bounds, and examples.
macro_rules! durations {
    ($($(#[doc = $doc:literal])+ $name:ident = $least:expr, $most:expr, $like:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $name(pub(super) Duration);

        impl Scalar for $name {
            fn write() -> String {
                within($least, $most, $like)
            }

            fn read(node: &Node) -> Result<Self, String> {
                read(node, $least, $most, &<Self as Scalar>::write()).map(Self)
            }

            fn schema() -> Json {
                schema()
            }
        }
    )+};
}

durations! {
    /// From one probe to the next, and how long one may take.
    ProbeTime = Duration::from_millis(100), HOUR, "500ms, 2s or 1m";
    /// From one question for a VIP to the next.
    WatchInterval = Duration::from_secs(1), LONGEST, "60s, or `arp_watch: off`";
}

const HOUR: Duration = Duration::from_secs(60 * 60);
const LONGEST: Duration = FlowTimeout::MAX.duration();

impl Scalar for FlowTimeout {
    fn write() -> String {
        within(Duration::from_secs(1), LONGEST, "90s, 15m or 2h")
    }

    fn read(node: &Node) -> Result<Self, String> {
        let write = <Self as Scalar>::write();
        whole_seconds(node, read(node, Duration::from_secs(1), LONGEST, &write)?, &write)
    }

    fn schema() -> Json {
        schema()
    }
}

/// How long the flows of a backend that went away are kept; nothing where they are not.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReturnTimeout(pub(super) Option<FlowTimeout>);

impl Scalar for ReturnTimeout {
    fn write() -> String {
        "a time from 0s to 24h that is no longer than flow_timeout, like 0s, 30s or 15m".to_owned()
    }

    fn read(node: &Node) -> Result<Self, String> {
        let write = <Self as Scalar>::write();
        let time = read(node, Duration::ZERO, LONGEST, &write)?;
        if time.is_zero() {
            return Ok(Self(None));
        }
        whole_seconds(node, time, &write).map(|time| Self(Some(time)))
    }

    fn schema() -> Json {
        schema()
    }
}

fn within(least: Duration, most: Duration, like: &str) -> String {
    format!("a time from {} to {}, like {like}", Written(least), Written(most))
}

fn read(node: &Node, least: Duration, most: Duration, write: &str) -> Result<Duration, String> {
    if let Some(number) = node.as_u64() {
        let guess = format!("{number}s, or ");
        let fits = (least..=most).contains(&Duration::from_secs(number));
        return Err(format!("{number} has no unit: write {}{write}", if fits { &guess } else { "" }));
    }
    let Some(text) = node.as_str() else { return Err(not(node, "a time", write)) };
    let too = |what: &str| Err(format!("`{}` is too {what}: write {write}", shown(text)));
    match duration::parse(text) {
        Ok(time) if time < least => too("short"),
        Ok(time) if time > most => too("long"),
        Ok(time) => Ok(time),
        Err(DurationError::TooLong(_)) => too("long"),
        Err(_) => Err(not(node, "a time", write)),
    }
}

fn whole_seconds(node: &Node, time: Duration, write: &str) -> Result<FlowTimeout, String> {
    let seconds = Some(time.as_secs()).filter(|_| time.subsec_nanos() == 0);
    seconds.and_then(FlowTimeout::from_seconds).ok_or_else(|| not(node, "whole seconds", write))
}

fn schema() -> Json {
    json!({"type": "string", "pattern": duration::PATTERN})
}

#[cfg(test)]
mod tests {
    use super::{super::Place, *};

    fn told<T: Scalar>(text: &str, value: fn(T) -> Duration) -> Result<u64, String> {
        T::read(&Node::plain(text, Place::FILE)).map(|time| value(time).as_millis() as u64)
    }

    /// What one field takes every other does, but for its bounds.
    #[test]
    fn all_durations_have_one_grammar() {
        for (text, milliseconds) in [("60s", 60_000), ("5 m", 300_000), ("1.5m", 90_000), ("1h", 3_600_000)] {
            assert_eq!(told(text, |ProbeTime(time)| time), Ok(milliseconds), "{text}");
            assert_eq!(told(text, |WatchInterval(time)| time), Ok(milliseconds), "{text}");
            assert_eq!(told(text, FlowTimeout::duration), Ok(milliseconds), "{text}");
            let kept = told(text, |ReturnTimeout(time)| time.map_or(Duration::ZERO, FlowTimeout::duration));
            assert_eq!(kept, Ok(milliseconds), "{text}");
        }
        for text in ["s", "-1s", "1d", "99999999999999999999h", "[1s]", "true", "1m30s", "60"] {
            assert!(told(text, |ProbeTime(time)| time).is_err(), "{text}");
            assert!(told(text, |WatchInterval(time)| time).is_err(), "{text}");
            assert!(told(text, FlowTimeout::duration).is_err(), "{text}");
            assert!(told(text, |ReturnTimeout(_)| Duration::ZERO).is_err(), "{text}");
        }
    }

    #[test]
    fn bounds_are_told() {
        let probe = |text| told(text, |ProbeTime(time)| time).unwrap_err();
        assert_eq!(probe("5"), "5 has no unit: write 5s, or a time from 100ms to 1h, like 500ms, 2s or 1m");
        assert_eq!(probe("0"), "0 has no unit: write a time from 100ms to 1h, like 500ms, 2s or 1m");
        assert!(probe("99ms").starts_with("`99ms` is too short: write a time from 100ms"));
        assert!(probe("61m").starts_with("`61m` is too long: write a time from 100ms"));
        let flow = |text| told(text, FlowTimeout::duration).unwrap_err();
        assert!(flow("1.5s").starts_with("`1.5s` is not whole seconds"));
        assert!(flow("0s").starts_with("`0s` is too short"));
    }
}
