//! Outer source addresses of tunnels.

use std::net::IpAddr;

use serde_json::{Value as Json, json};

use super::{
    address::{PREFIX_PATTERN, prefix},
    at::At,
    report::Report,
    schema::{List, Read, Scalar, json::Definitions, not},
    yaml::{Kind, Node},
};
use crate::model::{OuterSources, Prefix};

/// An address, or a prefix whose other bits vary with the flow.
#[derive(Clone, Copy, Debug)]
struct Source(Prefix);

impl Scalar for Source {
    fn write() -> String {
        "an address of this host, like 10.0.0.2, or a prefix that is routed to it, like 10.64.0.0/16".to_owned()
    }

    fn write_many() -> String {
        "an IPv4 and an IPv6 one, like [10.0.0.2, \"2001:db8::2\"]".to_owned()
    }

    fn noun() -> &'static str {
        "address"
    }

    fn read(node: &Node) -> Result<Self, String> {
        let text = node.as_str().ok_or_else(|| not(node, "an address or a prefix", &<Self as Scalar>::write()))?;
        let prefix = prefix(text)?;
        if prefix.length == 0 {
            return Err(format!("{prefix} is every address: write {}", <Self as Scalar>::write()));
        }
        Ok(Self(prefix))
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": PREFIX_PATTERN})
    }
}

/// A field `source`: one of them, or one of each family.
pub(super) struct SourcesField(pub(super) OuterSources);

impl Read for SourcesField {
    fn write() -> String {
        <Source as Scalar>::write()
    }

    fn read(report: &mut Report<'_>, at: &At, node: &Node) -> Option<Self> {
        let written = if let Kind::List(_) = node.kind {
            <List<Source, 1> as Read>::read(report, at, node)?.values
        } else {
            vec![(at.clone(), <Source as Read>::read(report, at, node))]
        };
        let mut sources = OuterSources::default();
        let mut is_good = !written.is_empty();
        for (at, source) in written {
            let Some(Source(Prefix { address, length })) = source else {
                is_good = false;
                continue;
            };
            let taken: Option<IpAddr> = match address {
                IpAddr::V4(address) => sources.ipv4.replace((address, length)).map(|(first, _)| first.into()),
                IpAddr::V6(address) => sources.ipv6.replace((address, length)).map(|(first, _)| first.into()),
            };
            if let Some(first) = taken {
                report.error(&at, format!("{first} is of the same family: keep one of them"));
                is_good = false;
            }
        }
        is_good.then_some(Self(sources))
    }

    fn schema(definitions: &mut Definitions) -> Json {
        let list = <List<Source, 1> as Read>::schema(definitions);
        json!({"anyOf": [<Source as Scalar>::schema(), list]})
    }
}
