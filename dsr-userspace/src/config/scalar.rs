//! Fields that are one value: names, numbers, ports.

use std::{
    net::SocketAddr,
    num::NonZeroU16,
    path::{Path, PathBuf},
};

use serde_yaml::Value;

use super::{
    FlowTable,
    field::{Read, WRITTEN, not},
    listen::API_SOCKET,
};
use crate::{
    duration,
    model::{FlowTimeout, Port, Weight},
};

/// The name of a pool, a service or a backend.
#[derive(Clone, Debug)]
pub(super) struct Name(pub(super) String);

impl Read for Name {
    const WRITE: &'static str = "a name of letters, digits, `-`, `_` and `.`, at most 63 long";

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::new(text),
            value => Err(unquoted(&value).unwrap_or_else(|| not::<Self>(&value, "a name"))),
        }
    }
}

impl Name {
    /// A name that can stand in a command, a metric's label and a log line.
    pub(super) fn new(text: String) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(fits) && text.len() <= 63 {
            return Ok(Self(text));
        }
        Err(not::<Self>(&Value::String(text), "a name"))
    }
}

/// What to say of a name that YAML takes for something else.
fn unquoted(value: &Value) -> Option<String> {
    let what = match value {
        Value::Number(_) => "is a number, not a name",
        Value::Bool(_) => "is not a name",
        _ => return None,
    };
    Some(format!("{WRITTEN} {what}: write it in quotes, \"{WRITTEN}\""))
}

/// The name that a service has for a pool, which need not be there.
#[derive(Clone, Debug)]
pub(super) struct PoolName(pub(super) String);

impl Read for PoolName {
    const WRITE: &'static str = "the name of a pool, like web";

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(Self(text)),
            value => Err(unquoted(&value).unwrap_or_else(|| not::<Self>(&value, "the name of a pool"))),
        }
    }
}

/// The name of a network interface.
#[derive(Clone, Debug)]
pub(super) struct InterfaceName(pub(super) String);

impl Read for InterfaceName {
    const WRITE: &'static str = "the name of an interface as `ip link` shows it, like eth0";
    const WRITE_MANY: &'static str = "a list of interfaces, like [eth0]";

    /// What the kernel takes for a name: `dev_valid_name` in net/core/dev.c.
    fn read(value: Value) -> Result<Self, String> {
        let Value::String(name) = value else {
            return Err(unquoted(&value).unwrap_or_else(|| not::<Self>(&value, "a name")));
        };
        let odd = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
        if name.is_empty() || name.len() > 15 || matches!(name.as_str(), "." | "..") || name.contains(odd) {
            return Err(not::<Self>(&Value::String(name), "the name of an interface"));
        }
        Ok(Self(name))
    }
}

impl Read for Port {
    const WRITE: &'static str = "a whole number from 1 to 65535, or any";

    fn read(value: Value) -> Result<Self, String> {
        match &value {
            Value::String(text) if text == "any" => Ok(Self::Any),
            Value::Sequence(_) => Err("a list is not a port: write one service for each port".to_owned()),
            value => value
                .as_u64()
                .and_then(|port| NonZeroU16::new(port.try_into().ok()?))
                .map(Self::One)
                .ok_or_else(|| not::<Self>(value, "a port")),
        }
    }
}

const _: () = assert!(Weight::MAX == 1000, "the text below says so");

impl Read for Weight {
    const WRITE: &'static str = "a whole number from 0 to 1000";

    fn read(value: Value) -> Result<Self, String> {
        let weight = value.as_u64().and_then(|weight| Self::new(weight.try_into().ok()?));
        weight.ok_or_else(|| not::<Self>(&value, "a weight"))
    }
}

/// The seed of the hashes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(pub(super) u64);

impl Read for Seed {
    const WRITE: &'static str = "a whole number of at most 64 bits, like 0x5eed5eed5eed5eed";

    fn read(value: Value) -> Result<Self, String> {
        value.as_u64().map(Self).ok_or_else(|| not::<Self>(&value, "a seed"))
    }
}

/// The Unix socket of the admin API, or none.
#[derive(Clone, Debug)]
pub(super) struct ApiSocket(pub(super) Option<PathBuf>);

impl Default for ApiSocket {
    fn default() -> Self {
        Self(Some(Path::new(API_SOCKET).to_owned()))
    }
}

/// What a socket's address has room for, with the zero at its end (`struct sockaddr_un`).
const SOCKET_PATH: usize = 108;

impl Read for ApiSocket {
    const WRITE: &'static str = "the path of a socket, like /run/dsr/api.sock, or off";

    fn read(value: Value) -> Result<Self, String> {
        match value.as_str() {
            Some("off") => Ok(Self(None)),
            Some(path) if path.len() >= SOCKET_PATH => Err(format!(
                "{} bytes are too many for the path of a socket: write at most {}",
                path.len(),
                SOCKET_PATH - 1
            )),
            Some(path) if path.starts_with('/') && !path.ends_with('/') && !path.contains('\0') => {
                Ok(Self(Some(path.into())))
            }
            _ => Err(not::<Self>(&value, "an absolute path")),
        }
    }
}

/// How many flows a table holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowCount(pub(super) u32);

const _: () = assert!(FlowTable::LEAST == 1024 && FlowTable::MOST == 67_108_864, "the text below says so");

impl Read for FlowCount {
    const WRITE: &'static str = "a whole number from 1024 to 67108864";

    fn read(value: Value) -> Result<Self, String> {
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
        let count = count.filter(|count| (FlowTable::LEAST..=FlowTable::MOST).contains(count));
        count.map(Self).ok_or_else(|| not::<Self>(&value, "a number of flows"))
    }
}

const _: () = assert!(FlowTimeout::MAX.seconds() == 24 * 60 * 60, "the text below says so");

impl Read for FlowTimeout {
    const WRITE: &'static str = "a time from 1s to 24h, like 90s, 15m or 2h";

    fn read(value: Value) -> Result<Self, String> {
        if let Some(number) = value.as_u64() {
            return Err(format!("{number} has no unit: write {number}s, or another time from 1s to 24h, like 15m"));
        }
        let whole = value.as_str().and_then(|text| duration::parse(text).ok()).filter(|time| time.subsec_nanos() == 0);
        whole.and_then(|time| Self::from_seconds(time.as_secs())).ok_or_else(|| not::<Self>(&value, "a time"))
    }
}

/// How long the flows of a backend that went away are kept; nothing where they are not.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReturnTimeout(pub(super) Option<FlowTimeout>);

impl Read for ReturnTimeout {
    const WRITE: &'static str = "a time from 0s to 24h that is no longer than flow_timeout, like 0s, 30s or 15m";

    fn read(value: Value) -> Result<Self, String> {
        if value.as_str().and_then(|text| duration::parse(text).ok()).is_some_and(|time| time.is_zero()) {
            return Ok(Self(None));
        }
        match value.as_u64() {
            Some(number) => Err(format!("{number} has no unit: write {number}s, or {}", Self::WRITE)),
            None => {
                FlowTimeout::read(value.clone()).map(|time| Self(Some(time))).map_err(|_| not::<Self>(&value, "a time"))
            }
        }
    }
}

impl Read for SocketAddr {
    const WRITE: &'static str = "an address and a port from 1 to 65535, like 127.0.0.1:9650";

    fn read(value: Value) -> Result<Self, String> {
        let address = value.as_str().and_then(|text| text.parse::<Self>().ok());
        address.filter(|address| address.port() != 0).ok_or_else(|| not::<Self>(&value, "an address with a port"))
    }
}
