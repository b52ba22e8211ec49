//! The rows of a health check as an operator writes them.

use serde::Deserialize;
use serde_yaml::Value;

use super::scalar::{
    CertificateName, DnsName, Method, PageHost, PagePath, ProbePort, Span, Statuses, Text, Times, Word,
};
use crate::{
    config::{
        field::{Field, Read, not, row},
        file::{Row, Unknown, rows},
    },
    model::{DnsType, MinHealthy, OnDown},
};

/// A check, or that there is none.
pub(in crate::config) enum HealthField {
    /// `none`.
    None,
    /// A check.
    Row(Box<HealthRow>),
}

impl Read for HealthField {
    const WRITE: &'static str = "{http: {path: /}}, {tcp: {}} or none";

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) if text == "none" => Ok(Self::None),
            value if value.is_mapping() => HealthRow::read(value).map(|row| Self::Row(Box::new(row))),
            value => Err(not::<Self>(&value, "a health check")),
        }
    }
}

/// A check.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::config) struct HealthRow {
    #[serde(flatten)]
    pub(super) kinds: Kinds,
    pub(super) port: Field<ProbePort>,
    pub(super) interval: Field<Span>,
    pub(super) timeout: Field<Span>,
    pub(super) rise: Field<Times>,
    pub(super) fall: Field<Times>,
    pub(super) min_healthy: Field<MinHealthy>,
    pub(super) on_down: Field<OnDown>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// What is asked: one of them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Kinds {
    pub(super) tcp: Field<TcpRow>,
    pub(super) http: Field<HttpRow>,
    pub(super) https: Field<HttpsRow>,
    pub(super) dns: Field<DnsRow>,
    pub(super) command: Field<Vec<Field<Word>>>,
}

/// A connection.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TcpRow {
    #[serde(flatten)]
    unknown: Unknown,
}

/// A page.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct HttpRow {
    pub(super) path: Field<PagePath>,
    pub(super) host: Field<PageHost>,
    pub(super) method: Field<Method>,
    pub(super) status: Field<Statuses>,
    pub(super) body: Field<Text>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// A page through TLS.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct HttpsRow {
    pub(super) name: Field<CertificateName>,
    pub(super) path: Field<PagePath>,
    pub(super) host: Field<PageHost>,
    pub(super) method: Field<Method>,
    pub(super) status: Field<Statuses>,
    pub(super) body: Field<Text>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// A record.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct DnsRow {
    pub(super) name: Field<DnsName>,
    #[serde(rename = "type")]
    pub(super) kind: Field<DnsType>,
    pub(super) expect: Field<Text>,
    #[serde(flatten)]
    unknown: Unknown,
}

rows! {
    HealthRow = "a health check", "{http: {path: /}} or {tcp: {}}", "one",
        ["tcp", "http", "https", "dns", "command", "port", "interval", "timeout", "rise", "fall", "min_healthy",
         "on_down"],
        &[("fallback", POOL), ("agent_check", POOL)];
    TcpRow = "a check by tcp", "{}", "one", [], &[];
    HttpRow = "a check by http", "{path: /}", "one", ["path", "host", "method", "status", "body"],
        &[("name", "http has no certificate: write `https`, or `host`"), ("port", PORT)];
    HttpsRow = "a check by https", "{name: www.example.com, path: /}", "one",
        ["name", "path", "host", "method", "status", "body"], &[("port", PORT)];
    DnsRow = "a check by dns", "{name: www.example.com}", "one", ["name", "type", "expect"], &[("port", PORT)];
}

const POOL: &str = "the pool has it: write it there, beside `health`";
const PORT: &str = "the check has it: write `port` beside this";
