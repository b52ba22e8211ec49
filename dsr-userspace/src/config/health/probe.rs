//! What a check asks.

use std::path::PathBuf;

use super::{
    record,
    rows::{DnsRow, HealthRow, HttpRow, HttpsRow},
    scalar::{CertificateName, Method, PageHost, PagePath, Statuses, Text, Word},
};
use crate::{
    config::{
        report::Report,
        schema::{Field, List, Scalar},
    },
    model::{Dns, Http, Probe, Tls},
};

/// Reads what is asked, of which there has to be exactly one.
pub(super) fn read(report: &mut Report<'_>, row: &mut HealthRow) -> Option<Probe> {
    let written = [
        row.tcp.is_written.then_some(("tcp", &row.tcp.at)),
        row.http.is_written.then_some(("http", &row.http.at)),
        row.https.is_written.then_some(("https", &row.https.at)),
        row.dns.is_written.then_some(("dns", &row.dns.at)),
        row.command.is_written.then_some(("command", &row.command.at)),
    ];
    let mut written = written.into_iter().flatten();
    let Some((first, _)) = written.next() else {
        report.error(&row.at, "has no probe: write one of tcp, http, https, dns and command, like {tcp: {}}");
        return None;
    };
    let mut is_one = true;
    for (_, at) in written {
        report.error(at, format!("a check has one probe, and there is also {first}: remove one"));
        is_one = false;
    }
    // All are read: what is wrong with any of them is reported.
    let tcp = row.tcp.value.take().map(|_| Probe::Tcp);
    let http = row.http.value.take().and_then(|row| http(report, row));
    let https = row.https.value.take().and_then(|row| https(report, row));
    let dns = row.dns.value.take().and_then(|row| dns(report, row));
    let command = command(report, &mut row.command);
    tcp.or(http).or(https).or(dns).or(command).filter(|_| is_one)
}

fn http(report: &mut Report<'_>, row: HttpRow) -> Option<Probe> {
    let HttpRow { path, host, method, status, body, .. } = row;
    page(report, Page { path, host, method, status, body }).map(Probe::Http)
}

fn https(report: &mut Report<'_>, row: HttpsRow) -> Option<Probe> {
    let HttpsRow { name, path, host, method, status, body, .. } = row;
    let host_at = host.at.clone();
    let http = page(report, Page { path, host, method, status, body })?;
    let tls = match (name.value, &http.host) {
        (Some(CertificateName::Named(name)), _) => Tls::Named(name),
        (Some(CertificateName::None), _) => Tls::Unnamed,
        (None, _) if name.is_written => return None,
        (None, Some(host)) => {
            let Some(name) = Tls::name_of(host) else {
                report.error(&host_at, "cannot be the name in a certificate: add `name`, or use another host");
                return None;
            };
            Tls::Named(name)
        }
        (None, None) => {
            report.error(&name.at, format!("is missing: write {}", <CertificateName as Scalar>::write()));
            return None;
        }
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

fn page(report: &mut Report<'_>, row: Page) -> Option<Http> {
    let body_at = row.body.at.clone();
    let (method, body) = (row.method.value?.0, row.body.optional()?.map(|text| text.0));
    if method == "HEAD" && body.is_some() {
        report.error(&body_at, "an answer to HEAD has no page: write `method: GET`, or remove this");
        return None;
    }
    let host = row.host.optional()?.map(|host| host.0);
    Some(Http { tls: None, method, path: row.path.value?.0, host, status: row.status.value?.0, body })
}

fn dns(report: &mut Report<'_>, row: DnsRow) -> Option<Probe> {
    let expect_at = row.expect.at.clone();
    let (name, kind) = (row.name.value?.0, row.kind.value?);
    let expect = row.expect.optional()?.map(|text| text.0);
    if let Some(message) = expect.as_deref().and_then(|expect| record::unfit(kind, expect)) {
        report.error(&expect_at, message);
        return None;
    }
    Some(Probe::Dns(Dns { name, kind, expect }))
}

fn command(report: &mut Report<'_>, field: &mut Field<List<Word, 1>>) -> Option<Probe> {
    let list = field.value.take()?;
    let at = list.values.first()?.0.clone();
    let words: Option<Vec<_>> = list.values.into_iter().map(|(_, word)| Some(word?.0)).collect();
    let words = words?;
    if !words[0].starts_with('/') {
        report.error(&at, "is not an absolute path: write one, like /usr/local/bin/check-web");
        return None;
    }
    let program = report.located(&at, PathBuf::from(&words[0]));
    report.programs.push(program);
    Some(Probe::Command(words))
}
