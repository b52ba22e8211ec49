//! An address with or without a port, as it is written on the command line.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Its address.
    pub(super) address: IpAddr,
    /// Its port, where one is named.
    pub(super) port: Option<u16>,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self { address, port: None });
        }
        match text.parse::<SocketAddr>() {
            Ok(end) if end.port() != 0 => Ok(Self { address: end.ip(), port: Some(end.port()) }),
            Ok(_) => Err("port 0 is invalid: write 1 to 65535, or no port".to_owned()),
            Err(_) => Err("write an address, with or without a port, like 10.0.0.9, 10.0.0.9:4711, 2001:db8::9 or \
                           [2001:db8::9]:4711"
                .to_owned()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.port) {
            (address, None) => address.fmt(f),
            (address, Some(port)) => SocketAddr::new(address, port).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_as_they_are_shown() {
        for text in ["10.0.0.9", "10.0.0.9:4711", "2001:db8::9", "[2001:db8::9]:4711"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        assert_eq!("[2001:db8::9]".parse::<Endpoint>().unwrap().port, None);
    }

    #[test]
    fn what_is_no_end_is_told_with_one_that_is() {
        for text in ["", "web1", "10.0.0.9:", "10.0.0.9:70000", "10.0.0", ":80"] {
            assert!(text.parse::<Endpoint>().unwrap_err().contains("10.0.0.9:4711"), "{text}");
        }
        assert!("10.0.0.9:0".parse::<Endpoint>().unwrap_err().contains("port 0"));
    }
}
