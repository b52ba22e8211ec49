//! The sections of a health check: the one place where their fields are described.

use super::scalar::{
    CertificateName, DnsName, Method, PageHost, PagePath, ProbePort, Statuses, Text, Times, Word as CommandWord,
};
use crate::{
    config::{
        duration::ProbeTime,
        schema::{
            Absent::{Default, Optional, Required},
            List, Word, WordOr, section,
        },
    },
    model::{DnsType, MinHealthy, OnDown},
};

/// A check, or that there is none.
pub(in crate::config) type HealthField = WordOr<NoCheck, HealthRow>;

/// `none`.
pub(in crate::config) struct NoCheck;

impl Word for NoCheck {
    const WORD: &'static str = "none";
}

section! {
    /// A check.
    HealthRow "health": "a health check", "{http: {path: /}}, {tcp: {}}" {
        tcp: TcpRow = Optional(ONE), "opens a TCP connection: `{}`";
        http: HttpRow = Optional(ONE), "requests a page";
        https: HttpsRow = Optional(ONE), "requests a page over TLS, see [TLS](#tls)";
        dns: DnsRow = Optional(ONE), "queries a record over UDP with EDNS (up to 1232 bytes); if the response is truncated and lacks the expected record, again over TCP on the same port";
        command: List<CommandWord, 1> = Optional(ONE), "runs a program: exit code 0 passes, any other fails. A list: the absolute path of the program, and its arguments";
        port: ProbePort = Optional("the service's"), "the port to probe on the VIP: required if the service has none that fits, as with `port: any`, or HTTP for a UDP service";
        interval: ProbeTime = Default("2s"), "time between probes, 100ms to 1h; randomized by up to a tenth";
        timeout: ProbeTime = Optional("`1s`, or `interval` if that is shorter"), "maximum duration of a probe; at most `interval`";
        rise: Times = Default("2"), "consecutive passes until a backend is up again";
        fall: Times = Default("3"), "consecutive failures until a backend is down";
        min_healthy: MinHealthy = Default("0"), "with fewer backends up than this number, or this share of those with a weight (`50%`), all are used, including failed ones, so that the remaining ones are not overloaded. If the pool has a [fallback](#fallback) that is up, the fallback serves instead. 0: never";
        on_down: OnDown = Default("auto"), "what happens to the flows of a backend that goes down. `move`: they go to other backends. `keep`: they stay, and the backend gets no new ones. `auto`: they move if the host is gone, and stay if only the check fails";
    }
    elsewhere {
        "fallback": POOL;
        "agent_check": POOL;
    }
    rules r#"{"oneOf": [
        {"required": ["tcp"]}, {"required": ["http"]}, {"required": ["https"]}, {"required": ["dns"]}, {"required": ["command"]}
    ]}"#

    /// A connection.
    TcpRow "tcp": "a check by tcp", "{}" {}

    /// A record.
    DnsRow "dns": "a check by dns", "{name: www.example.com}" {
        name: DnsName = Required, "the name to query: labels of 1 to 63 characters, 255 bytes in all";
        kind as "type": DnsType = Default("A"), "the type of the record: `A`, `AAAA`, `CNAME`, `MX`, `NS`, `PTR`, `SOA`, `SRV` or `TXT`";
        expect: Text = Optional("any response without an error passes"), "a record that the response must contain, as printed by `dig +short`, in the form of its type (`A`: an IPv4 address; `MX`: `10 mail.example.com.`); a TXT record with or without its quotes, compared exactly";
    }
    elsewhere { "port": PORT; }
}

/// Sections that ask for a page: what both have stands here.
macro_rules! pages {
    ($(#[doc = $doc:literal] $row:ident $name:literal: $what:literal, $write:literal { $($own:tt)* } elsewhere { $($other:tt)* } $(rules $rules:literal)?)+) => {
        section! {$(
            #[doc = $doc]
            $row $name: $what, $write {
                $($own)*
                path: PagePath = Default("/"), "the path of the page";
                host: PageHost = Optional("the VIP"), "the host to request, with or without a port";
                method: Method = Default("GET"), "the HTTP method";
                status: Statuses = Default("200-399"), "the status codes that pass: a code, a range, or a list of them";
                body: Text = Optional("not searched"), "a text that the page must contain, see [HTTP](#http)";
            }
            elsewhere { $($other)* "port": PORT; }
            $(rules $rules)?
        )+}
    };
}

pages! {
    /// A page.
    HttpRow "http": "a check by http", "{path: /}" {}
    elsewhere { "name": "http has no certificate: write `https`, or `host`"; }

    /// A page through TLS.
    HttpsRow "https": "a check by https", "{name: www.example.com, path: /}" {
        name: CertificateName = Optional("`host` without its port"), "the name or address that the certificate must be valid for, or `none`: accept any certificate";
    }
    elsewhere {}
    rules r#"{"anyOf": [{"required": ["name"]}, {"required": ["host"]}]}"#
}

const ONE: &str = "exactly one probe is required";
const POOL: &str = "the pool has it: write it there, beside `health`";
const PORT: &str = "the check has it: write `port` beside this";
