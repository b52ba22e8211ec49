//! Fields of a health check that are one value.

use std::{
    num::{NonZeroU16, NonZeroU32},
    ops::RangeInclusive,
};

use hickory_proto::rr::Name;
use hyper::http::uri::Authority;
use rustls::pki_types::ServerName;
use serde_json::{Value as Json, json};

use crate::{
    config::{
        scalar::choices,
        schema::{Choice, Scalar, integers, not},
        yaml::{Kind, Node},
    },
    model::{DnsType, MinHealthy, OnDown},
};

/// Describes texts: the type, what it is, what to write, how it is read, and its schema.
macro_rules! scalars {
    ($($(#[doc = $doc:literal])+ $name:ident($type:ty) = $what:literal, $write:literal, $read:expr, $schema:tt $(, no $noun:literal, $many:literal)?;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub(in crate::config) struct $name(pub(in crate::config) $type);

        impl Scalar for $name {
            fn write() -> String {
                $write.to_owned()
            }

            $(fn write_many() -> String {
                $many.to_owned()
            }

            fn noun() -> &'static str {
                $noun
            })?

            fn read(node: &Node) -> Result<Self, String> {
                let read: fn(&Node) -> Option<$type> = $read;
                read(node).map(Self).ok_or_else(|| not(node, $what, $write))
            }

            fn schema() -> Json {
                json!($schema)
            }
        }
    )+};
}

scalars! {
    /// The path of a page.
    PagePath(String) = "a path", "a path as in a request, like /healthz", |node| path(node.as_str()?),
        {"type": "string", "pattern": "^/"};
    /// A name that can be asked for by DNS.
    DnsName(String) = "a name that can be asked for",
        "a name like www.example.com, whose parts have 1 to 63 ASCII letters, digits, `-` or `_`, do not begin with `-`, and begin with xn-- in place of other letters",
        |node| dns_name(node.as_str()?),
        {"type": "string", "maxLength": 255, "pattern": r"^(\.|([A-Za-z0-9_*][A-Za-z0-9_*-]{0,62}\.)*[A-Za-z0-9_*][A-Za-z0-9_*-]{0,62}\.?)$"};
    /// The host that a page is asked of, with a port or without.
    PageHost(String) = "a host of a page", "a name or an address, with a port or without, like www.example.com:8443 or [2001:db8::1]",
        |node| page_host(node.as_str()?),
        {"type": "string", "maxLength": 255, "pattern": r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]+)?$"};
    /// A method of HTTP.
    Method(String) = "a method", "GET or another method in capital letters, like HEAD", |node| method(node.as_str()?),
        {"type": "string", "pattern": "^[A-Z]{1,32}$"};
    /// Status codes.
    Statuses(Vec<RangeInclusive<u16>>) = "a status", "a status, some or a range, like 200, [200, 204] or 200-399", statuses,
        {"anyOf": [
            {"type": "integer", "minimum": 100, "maximum": 599},
            {"type": "string", "pattern": "^[1-5][0-9]{2}-[1-5][0-9]{2}$"},
            {"type": "array", "minItems": 1, "items": {"anyOf": [
                {"type": "integer", "minimum": 100, "maximum": 599},
                {"type": "string", "pattern": "^[1-5][0-9]{2}-[1-5][0-9]{2}$"},
            ]}},
        ]};
    /// A text to look for.
    Text(String) = "a text", "the text that is expected, in quotes where it is a number",
        |node| node.as_str().filter(|text| !text.is_empty()).map(str::to_owned),
        {"type": "string", "minLength": 1};
    /// A word of a command.
    Word(String) = "a word of a command", "a text, in quotes where it is a number",
        |node| node.as_str().filter(|text| !text.contains('\0')).map(str::to_owned),
        {"type": "string"}, no "command", "a program and its arguments, like [/usr/local/bin/check-web, --fast]";
}

/// The port that is asked.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct ProbePort(pub(in crate::config) NonZeroU16);

/// How often.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Times(pub(in crate::config) NonZeroU32);

integers! {
    ProbePort = "a port", 1, 65535, |port| NonZeroU16::new(port.try_into().ok()?).map(ProbePort);
    Times = "a number of probes", 1, 1000, |times| NonZeroU32::new(times.try_into().ok()?).map(Times);
}

choices! {
    DnsType = "a type of records": "A" A, "AAAA" AAAA, "CNAME" CNAME, "MX" MX, "NS" NS, "PTR" PTR, "SOA" SOA, "SRV" SRV, "TXT" TXT;
    OnDown = "an outcome": "auto" Auto, "keep" Keep, "move" Move;
}

/// What a certificate has to be for.
pub(in crate::config) enum CertificateName {
    /// This name.
    Named(ServerName<'static>),
    /// Any.
    None,
}

impl Scalar for CertificateName {
    fn write() -> String {
        "the name that the certificate is for, without a port, like www.example.com, or none".to_owned()
    }

    fn read(node: &Node) -> Result<Self, String> {
        let other = || not(node, "a certificate's name", &<Self as Scalar>::write());
        match node.as_str() {
            Some("none") => Ok(Self::None),
            Some(text) if text.eq_ignore_ascii_case("none") => Err(format!("{}; did you mean none?", other())),
            text => {
                let name = text.and_then(|text| ServerName::try_from(text.to_owned()).ok());
                name.map(Self::Named).ok_or_else(other)
            }
        }
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": "^([A-Za-z0-9._-]+|[0-9A-Fa-f:.]+)$"})
    }
}

impl Scalar for MinHealthy {
    fn write() -> String {
        "a number of backends, like 2, or a share of them, like 50%".to_owned()
    }

    fn read(node: &Node) -> Result<Self, String> {
        let count = node.as_u64().and_then(|count| u32::try_from(count).ok()).map(Self::Count);
        let percent = || node.as_str()?.strip_suffix('%')?.parse().ok().filter(|p| *p <= 100).map(Self::Percent);
        count.or_else(percent).ok_or_else(|| not(node, "a number of backends", &<Self as Scalar>::write()))
    }

    fn schema() -> Json {
        json!({"anyOf": [
            {"type": "integer", "minimum": 0, "maximum": u32::MAX},
            {"type": "string", "pattern": "^\\+?0*([0-9]{1,2}|100)%$"},
        ]})
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

fn statuses(node: &Node) -> Option<Vec<RangeInclusive<u16>>> {
    match &node.kind {
        Kind::List(nodes) if !nodes.is_empty() => nodes.iter().map(status).collect(),
        _ => Some(vec![status(node)?]),
    }
}

fn status(node: &Node) -> Option<RangeInclusive<u16>> {
    let code = |number: u64| u16::try_from(number).ok().filter(|code| (100..=599).contains(code));
    if let Some(number) = node.as_u64() {
        return code(number).map(|code| code..=code);
    }
    let (first, last) = node.as_str()?.split_once('-')?;
    let range = code(first.parse().ok()?)?..=code(last.parse().ok()?)?;
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Place, yaml};

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
        let read = |text: &str| <CertificateName as Scalar>::read(&Node::text(text, Place::FILE));
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
        let read = |text| statuses(&yaml::read(text, 0).unwrap().node);
        assert_eq!(read("200"), Some(vec![200..=200]));
        assert_eq!(read("200-299"), Some(vec![200..=299]));
        assert_eq!(read("[200, 301-302]"), Some(vec![200..=200, 301..=302]));
        for text in ["20", "600", "299-200", "[]", "ok", "[200, ok]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
