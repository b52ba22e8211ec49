//! Fields that take one of a few words.

use serde_yaml::Value;

use super::{
    FileWatch, XdpMode,
    field::{Read, not},
    suggest,
};
use crate::model::{Affinity, Announce, Forward, OnAgentDeath, OnEmpty, Protocol};

impl Read for Forward {
    const WRITE: &'static str = "l2";

    fn read(value: Value) -> Result<Self, String> {
        choose(&value, "a forward mode", &[("l2", Self::L2)], &["dscp", "ipip", "gre", "gue"])
    }
}

impl Read for Protocol {
    const WRITE: &'static str = "tcp, udp, sctp or any";

    fn read(value: Value) -> Result<Self, String> {
        let words = [Self::Tcp, Self::Udp, Self::Sctp, Self::Any].map(|protocol| (protocol.name(), protocol));
        choose(&value, "a protocol", &words, &[])
    }
}

impl Read for Announce {
    const WRITE: &'static str = "arp or none";

    fn read(value: Value) -> Result<Self, String> {
        choose(&value, "a way to announce a VIP", &[("arp", Self::Arp), ("none", Self::None)], &[])
    }
}

impl Read for OnEmpty {
    const WRITE: &'static str = "drop or reject";

    fn read(value: Value) -> Result<Self, String> {
        choose(&value, "an outcome", &[("drop", Self::Drop), ("reject", Self::Reject)], &[])
    }
}

impl Read for OnAgentDeath {
    const WRITE: &'static str = "keep or pass";

    fn read(value: Value) -> Result<Self, String> {
        choose(&value, "an outcome", &[("keep", Self::Keep), ("pass", Self::Pass)], &[])
    }
}

impl Read for Affinity {
    const WRITE: &'static str = "auto, flow, source or none";

    fn read(value: Value) -> Result<Self, String> {
        let words = [("auto", Self::Auto), ("flow", Self::Flow), ("source", Self::Source), ("none", Self::None)];
        choose(&value, "an affinity", &words, &[])
    }
}

impl Read for FileWatch {
    const WRITE: &'static str = "on or off";

    fn read(value: Value) -> Result<Self, String> {
        choose(&value, "on or off", &[("on", Self::On), ("off", Self::Off)], &[])
    }
}

impl Read for XdpMode {
    const WRITE: &'static str = "native or generic";

    fn read(value: Value) -> Result<Self, String> {
        choose(&value, "an XDP mode", &[("native", Self::Native), ("generic", Self::GenericAllowed)], &[])
    }
}

pub(super) fn choose<T: Read + Copy>(
    value: &Value,
    what: &str,
    words: &[(&str, T)],
    later: &[&str],
) -> Result<T, String> {
    let Some(text) = value.as_str() else { return Err(not::<T>(value, what)) };
    if let Some((_, choice)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*choice);
    }
    if later.contains(&text) {
        return Err(format!("`{text}`: this version does not have it: write {}", T::WRITE));
    }
    match suggest::closest(text, words.iter().map(|(word, _)| *word)) {
        Some(word) if words.len() > 1 => Err(format!("{}; did you mean {word}?", not::<T>(value, what))),
        _ => Err(not::<T>(value, what)),
    }
}
