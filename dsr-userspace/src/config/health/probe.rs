//! What a check asks.

use std::path::PathBuf;

use super::{
    record,
    rows::{DnsRow, HttpRow, HttpsRow, Kinds},
    scalar::{CertificateName, DnsName, Method, PageHost, PagePath, Statuses, Text, Word},
};
use crate::{
    config::{
        field::{Field, Read},
        path::FieldPath,
        report::{Optional, Report},
    },
    model::{Dns, DnsType, Http, Probe, Tls},
};

/// Reads what is asked, of which there has to be exactly one.
pub(super) fn read(report: &mut Report<'_>, at: &FieldPath, kinds: Kinds) -> Option<Probe> {
    let Kinds { tcp, http, https, dns, command } = kinds;
    let written = [tcp.is_written(), http.is_written(), https.is_written(), dns.is_written(), command.is_written()];
    let names = ["tcp", "http", "https", "dns", "command"];
    let written: Vec<_> = names.into_iter().zip(written).filter(|(_, is)| *is).map(|(name, _)| name).collect();
    if written.is_empty() {
        report.error(at, "has no probe: write one of tcp, http, https, dns and command, like {tcp: {}}");
    }
    if let [first, others @ ..] = written.as_slice() {
        for other in others {
            report.error(&at.key(other), format!("a check has one probe, and there is also {first}: remove one"));
        }
    }
    let one = written.len() == 1;
    let probe = tcp_probe(report, &at.key("tcp"), tcp)
        .or(http_probe(report, &at.key("http"), http))
        .or(https_probe(report, &at.key("https"), https))
        .or(dns_probe(report, &at.key("dns"), dns))
        .or(command_probe(report, &at.key("command"), command));
    probe.filter(|_| one)
}

fn tcp_probe(report: &mut Report<'_>, at: &FieldPath, field: Field<super::rows::TcpRow>) -> Option<Probe> {
    let mut row = report.optional(at, field).value()?;
    report.unknown(at, &mut row);
    Some(Probe::Tcp)
}

fn http_probe(report: &mut Report<'_>, at: &FieldPath, field: Field<HttpRow>) -> Option<Probe> {
    let mut row = report.optional(at, field).value()?;
    report.unknown(at, &mut row);
    let HttpRow { path, host, method, status, body, .. } = row;
    page(report, at, Page { path, host, method, status, body }).map(Probe::Http)
}

fn https_probe(report: &mut Report<'_>, at: &FieldPath, field: Field<HttpsRow>) -> Option<Probe> {
    let mut row = report.optional(at, field).value()?;
    report.unknown(at, &mut row);
    let HttpsRow { name, path, host, method, status, body, .. } = row;
    let name = report.optional(&at.key("name"), name);
    let http = page(report, at, Page { path, host, method, status, body })?;
    let tls = match (name, &http.host) {
        (Optional::Value(CertificateName::Named(name)), _) => Tls::Named(name),
        (Optional::Value(CertificateName::None), _) => Tls::Unnamed,
        (Optional::Absent, Some(host)) => {
            let Some(name) = Tls::name_of(host) else {
                let message = "cannot be the name in a certificate: add `name`, or use another host";
                report.error(&at.key("host"), message);
                return None;
            };
            Tls::Named(name)
        }
        (Optional::Absent, None) => {
            report.error(&at.key("name"), format!("is missing: write {}", CertificateName::WRITE));
            return None;
        }
        (Optional::Bad, _) => return None,
    };
    Some(Probe::Http(Http { tls: Some(tls), ..http }))
}

/// What a check of pages has.
struct Page {
    path: Field<PagePath>,
    host: Field<PageHost>,
    method: Field<Method>,
    status: Field<Statuses>,
    body: Field<Text>,
}

fn page(report: &mut Report<'_>, at: &FieldPath, row: Page) -> Option<Http> {
    let path = report.optional(&at.key("path"), row.path).map(|PagePath(path)| path).or("/".to_owned());
    let host = report.optional(&at.key("host"), row.host).map(|PageHost(host)| Some(host)).or(None);
    let method = report.optional(&at.key("method"), row.method).map(|Method(method)| method).or("GET".to_owned());
    let status = report.optional(&at.key("status"), row.status).map(|Statuses(status)| status).or(vec![200..=399]);
    let body = report.optional(&at.key("body"), row.body).map(|Text(text)| Some(text)).or(None);
    let (method, body) = (method?, body?);
    if method == "HEAD" && body.is_some() {
        report.error(&at.key("body"), "an answer to HEAD has no page: write `method: GET`, or remove this");
        return None;
    }
    Some(Http { tls: None, method, path: path?, host: host?, status: status?, body })
}

fn dns_probe(report: &mut Report<'_>, at: &FieldPath, field: Field<DnsRow>) -> Option<Probe> {
    let mut row = report.optional(at, field).value()?;
    report.unknown(at, &mut row);
    let name = report.required(&at.key("name"), row.name).map(|DnsName(name)| name);
    let kind = report.optional(&at.key("type"), row.kind).or(DnsType::A);
    let expect = report.optional(&at.key("expect"), row.expect).map(|Text(text)| Some(text)).or(None);
    let (name, kind, expect) = (name?, kind?, expect?);
    if let Some(message) = expect.as_deref().and_then(|expect| record::unfit(kind, expect)) {
        report.error(&at.key("expect"), message);
        return None;
    }
    Some(Probe::Dns(Dns { name, kind, expect }))
}

fn command_probe(report: &mut Report<'_>, at: &FieldPath, field: Field<Vec<Field<Word>>>) -> Option<Probe> {
    let words = report.optional(at, field).value()?;
    if words.is_empty() {
        report.error(at, "has no command: write a program and its arguments, like [/usr/local/bin/check-web, --fast]");
        return None;
    }
    let count = words.len();
    let words: Vec<_> = words
        .into_iter()
        .enumerate()
        .filter_map(|(index, word)| report.required(&at.index(index), word).map(|Word(word)| word))
        .collect();
    if words.len() < count {
        return None;
    }
    if !words[0].starts_with('/') {
        report.error(&at.index(0), "is not an absolute path: write one, like /usr/local/bin/check-web");
        return None;
    }
    let program = report.located(&at.index(0), PathBuf::from(&words[0]));
    report.programs.push(program);
    Some(Probe::Command(words))
}
