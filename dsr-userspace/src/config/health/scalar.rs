//! Fields of a health check that are one value.

use std::{
    num::{NonZeroU16, NonZeroU32},
    ops::RangeInclusive,
    time::Duration,
};

use hickory_proto::rr::Name;
use hyper::http::uri::Authority;
use rustls::pki_types::ServerName;
use serde_yaml::Value;

use crate::{
    config::{
        choice::choose,
        field::{Read, not},
    },
    duration,
    model::{DnsType, MinHealthy, OnDown},
};

macro_rules! scalars {
    ($($(#[doc = $doc:literal])+ $name:ident($type:ty) = $what:literal, $write:literal, $read:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub(in crate::config) struct $name(pub(in crate::config) $type);

        impl Read for $name {
            const WRITE: &'static str = $write;

            fn read(value: Value) -> Result<Self, String> {
                let read: fn(&Value) -> Option<$type> = $read;
                read(&value).map(Self).ok_or_else(|| not::<Self>(&value, $what))
            }
        }
    )+};
}

scalars! {
    /// The port that is asked.
    ProbePort(NonZeroU16) = "a port", "a whole number from 1 to 65535",
        |value| NonZeroU16::new(value.as_u64()?.try_into().ok()?);
    /// How often.
    Times(NonZeroU32) = "a number of probes", "a whole number from 1 to 1000",
        |value| NonZeroU32::new(value.as_u64().filter(|times| *times <= 1000)? as u32);
    /// A time.
    Span(Duration) = "a time", "a time from 100ms to 1h, like 500ms, 2s or 1m",
        |value| duration::parse(value.as_str()?).ok().filter(|span| (SHORTEST..=LONGEST).contains(span));
    /// The path of a page.
    PagePath(String) = "a path", "a path as in a request, like /healthz", |value| path(value.as_str()?);
    /// A name that can be asked for by DNS.
    DnsName(String) = "a name that can be asked for",
        "a name like www.example.com, whose parts have 1 to 63 ASCII letters, digits, `-` or `_`, do not begin with `-`, and begin with xn-- in place of other letters",
        |value| dns_name(value.as_str()?);
    /// The host that a page is asked of, with a port or without.
    PageHost(String) = "a host of a page", "a name or an address, with a port or without, like www.example.com:8443 or [2001:db8::1]",
        |value| page_host(value.as_str()?);
    /// A method of HTTP.
    Method(String) = "a method", "GET or another method in capital letters, like HEAD", |value| method(value.as_str()?);
    /// Status codes.
    Statuses(Vec<RangeInclusive<u16>>) = "a status", "a status, some or a range, like 200, [200, 204] or 200-399", statuses;
    /// A text to look for.
    Text(String) = "a text", "the text that is expected, in quotes where it is a number",
        |value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    /// A word of a command.
    Word(String) = "a word of a command", "a text, in quotes where it is a number",
        |value| value.as_str().filter(|text| !text.contains('\0')).map(str::to_owned);
}

/// What a certificate has to be for.
pub(in crate::config) enum CertificateName {
    /// This name.
    Named(ServerName<'static>),
    /// Any.
    None,
}

impl Read for CertificateName {
    const WRITE: &'static str = "the name that the certificate is for, without a port, like www.example.com, or none";

    fn read(value: Value) -> Result<Self, String> {
        match value.as_str() {
            Some("none") => Ok(Self::None),
            Some(text) if text.eq_ignore_ascii_case("none") => {
                Err(format!("`{text}` is not a certificate's name: write {}; did you mean none?", Self::WRITE))
            }
            text => {
                let name = text.and_then(|text| ServerName::try_from(text.to_owned()).ok());
                name.map(Self::Named).ok_or_else(|| not::<Self>(&value, "a certificate's name"))
            }
        }
    }
}

impl Read for DnsType {
    const WRITE: &'static str = "a type of records, like A, AAAA or TXT";

    fn read(value: Value) -> Result<Self, String> {
        let types = [
            ("A", Self::A),
            ("AAAA", Self::AAAA),
            ("CNAME", Self::CNAME),
            ("MX", Self::MX),
            ("NS", Self::NS),
            ("PTR", Self::PTR),
            ("SOA", Self::SOA),
            ("SRV", Self::SRV),
            ("TXT", Self::TXT),
        ];
        choose(&value, "a type of records", &types, &[])
    }
}

impl Read for OnDown {
    const WRITE: &'static str = "auto, keep or move";

    fn read(value: Value) -> Result<Self, String> {
        let words = [("auto", Self::Auto), ("keep", Self::Keep), ("move", Self::Move)];
        choose(&value, "an outcome", &words, &[])
    }
}

impl Read for MinHealthy {
    const WRITE: &'static str = "a number of backends, like 2, or a share of them, like 50%";

    fn read(value: Value) -> Result<Self, String> {
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok()).map(Self::Count);
        let percent = || value.as_str()?.strip_suffix('%')?.parse().ok().filter(|p| *p <= 100).map(Self::Percent);
        count.or_else(percent).ok_or_else(|| not::<Self>(&value, "a number of backends"))
    }
}

fn path(text: &str) -> Option<String> {
    let is_path = text.starts_with('/') && text.parse::<hyper::Uri>().is_ok();
    is_path.then(|| text.to_owned())
}

fn host(text: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '[' | ']');
    (!text.is_empty() && text.len() <= 255 && text.chars().all(fits)).then(|| text.to_owned())
}

/// A name that a question can be made of (RFC 1035, section 2.3.4).
fn dns_name(text: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*');
    let mut name = Name::from_ascii(text).ok().filter(|_| !text.is_empty() && text.chars().all(fits))?;
    name.set_fqdn(true);
    (name.len() <= 255).then(|| text.to_owned())
}

fn page_host(text: &str) -> Option<String> {
    let authority: Authority = host(text)?.parse().ok()?;
    let has_port = authority.as_str().len() > authority.host().len();
    let fits = !authority.host().is_empty() && has_port == authority.port_u16().is_some();
    fits.then(|| text.to_owned())
}

fn method(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.len() <= 32 && text.chars().all(|c| c.is_ascii_uppercase());
    fits.then(|| text.to_owned())
}

fn statuses(value: &Value) -> Option<Vec<RangeInclusive<u16>>> {
    match value {
        Value::Sequence(values) if !values.is_empty() => values.iter().map(status).collect(),
        value => Some(vec![status(value)?]),
    }
}

fn status(value: &Value) -> Option<RangeInclusive<u16>> {
    let code = |number: u64| u16::try_from(number).ok().filter(|code| (100..=599).contains(code));
    if let Some(number) = value.as_u64() {
        return code(number).map(|code| code..=code);
    }
    let (first, last) = value.as_str()?.split_once('-')?;
    let range = code(first.parse().ok()?)?..=code(last.parse().ok()?)?;
    (!range.is_empty()).then_some(range)
}

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_question_can_have_are_refused() {
        let long = format!("{}.example.com", "a".repeat(64));
        for text in [
            "",
            "a..b",
            "-a.example.com",
            "m\u{fc}nchen.example",
            ".example.com",
            "www.example.com:53",
            "a b",
            &long,
            &"abc.".repeat(64),
        ] {
            assert_eq!(dns_name(text), None, "{text}");
        }
        for text in
            ["www.example.com", "www.example.com.", "xn--mnchen-3ya.example", "_dmarc.example.com", "localhost", "."]
        {
            assert_eq!(dns_name(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_page_has_a_host_with_a_port_or_without() {
        for text in
            ["www.example.com", "www.example.com:8443", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80", "a_b"]
        {
            assert_eq!(page_host(text).as_deref(), Some(text));
        }
        for text in
            ["", ":80", "www.example.com:", "www:99999", "www:http", "2001:db8::1", "[2001:db8::1", "a b", "u@h"]
        {
            assert_eq!(page_host(text), None, "{text}");
        }
    }

    #[test]
    fn a_certificate_has_a_name_without_a_port() {
        let read = |text: &str| CertificateName::read(Value::String(text.to_owned()));
        for text in ["www.example.com", "192.0.2.1", "2001:db8::1", "a_b"] {
            assert!(matches!(read(text), Ok(CertificateName::Named(_))), "{text}");
        }
        assert!(matches!(read("none"), Ok(CertificateName::None)));
        for text in ["None", "NONE"] {
            assert!(read(text).is_err_and(|why| why.ends_with("did you mean none?")), "{text}");
        }
        for text in ["www.example.com:8443", "[2001:db8::1]", "a..b", "-", ""] {
            assert!(read(text).is_err_and(|why| why.contains("without a port")), "{text}");
        }
    }

    #[test]
    fn statuses_are_codes_and_ranges() {
        let read = |text| statuses(&serde_yaml::from_str(text).unwrap());
        assert_eq!(read("200"), Some(vec![200..=200]));
        assert_eq!(read("200-299"), Some(vec![200..=299]));
        assert_eq!(read("[200, 301-302]"), Some(vec![200..=200, 301..=302]));
        for text in ["20", "600", "299-200", "[]", "ok", "[200, ok]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
