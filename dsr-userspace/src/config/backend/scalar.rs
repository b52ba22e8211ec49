//! The values of a backend's fields: each is read from its text, or said to be wrong, with what to write instead.

use std::{net::SocketAddr, num::NonZeroU16};

use super::super::{address, at::shown};
use crate::model::{DscpCode, Prefix};

/// The name of an interface: what `dev_valid_name` in net/core/dev.c takes.
pub(super) fn interface(text: &str) -> Result<String, String> {
    let odd = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    let is_name = !text.is_empty() && text.len() <= LONGEST_INTERFACE && !text.contains(odd);
    let wrong = || format!("`{}` is not an interface: write its name, as `ip link` shows it", shown(text));
    is_name.then(|| text.to_owned()).ok_or_else(wrong)
}

/// A balancer's address, or a prefix of several.
pub(super) fn prefix(text: &str) -> Result<Prefix, String> {
    let prefix = address::prefix(text)?;
    if prefix.length == 0 {
        return Err(
            "is every address: write the balancers' own, because any host could send into the tunnel".to_owned()
        );
    }
    Ok(prefix)
}

pub(super) fn gre_key(text: &str) -> Result<u32, String> {
    let number = text.strip_prefix("0x").map_or_else(|| text.parse(), |digits| u32::from_str_radix(digits, 16));
    number.map_err(|_| format!("`{}` is not a key: write a number from 0 to 4294967295, or like 0x2a", shown(text)))
}

pub(super) fn port(text: &str) -> Result<NonZeroU16, String> {
    text.parse().map_err(|_| format!("`{}` is not a port: write a whole number from 1 to 65535", shown(text)))
}

pub(super) fn code(text: &str) -> Result<DscpCode, String> {
    let wrong = || format!("`{}` is not a DSCP code: write a whole number from 1 to 63", shown(text));
    text.parse().ok().and_then(DscpCode::new).ok_or_else(wrong)
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("`{}` is neither true nor false: write one of them", shown(text))),
    }
}

pub(super) fn endpoint(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("`{}` is not an address with a port: write one like 127.0.0.1:9651", shown(text));
    text.parse().ok().filter(|address: &SocketAddr| address.port() != 0).ok_or_else(wrong)
}

/// IFNAMSIZ without its zero.
const LONGEST_INTERFACE: usize = 15;
