//! Checks through TLS: which certificates pass, and where the name is from. OpenSSL makes and serves them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use dsr::health::OwnAnswer;
use dsr_lab::{Lab, Node};
use dsr_tests::lab::{
    Configuration, agent, dsr_program, eventually,
    process::{Daemon, finish},
};

use crate::{
    ask::ask,
    seen::{wait_cause, wait_passes},
};

#[test]
#[ignore = "needs root"]
fn any_certificate_will_do_where_none_is_asked_for() {
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    let directory = lab.directory();
    let (p256, rsa) = ("EC -pkeyopt ec_paramgen_curve:P-256", "RSA -pkeyopt rsa_keygen_bits");
    let odd = [
        ("version-1", p256.to_owned(), "-days 1", false),
        ("rsa-1024", format!("{rsa}:1024"), "-days 1", true),
        ("rsa-512", format!("{rsa}:512"), "-days 1", true),
        ("expired", p256.to_owned(), "-days -1", true),
        ("self-signed", p256.to_owned(), "-days 1", true),
        ("sha1", format!("{rsa}:2048"), "-days 1 -sha1", true),
        ("p-521", "EC -pkeyopt ec_paramgen_curve:P-521".to_owned(), "-days 1", true),
        ("ed448", "ED448".to_owned(), "-days 1", true),
    ];
    for (port, (name, key, fields, has_extensions)) in (4430..).zip(odd) {
        let extensions = if has_extensions { AUTHORITY } else { "" };
        let certificate = Certificate::make(directory, name, &key, fields, extensions);
        for version in ["-tls1_2", "-tls1_3"] {
            // No signature that TLS 1.3 has fits into a key of 512 bits, and TLS 1.2 uses a curve only where it is asked for.
            if [("rsa-512", "-tls1_3"), ("p-521", "-tls1_2"), ("ed448", "-tls1_2")].contains(&(name, version)) {
                continue;
            }
            let arguments = [version, "-cipher", "DEFAULT@SECLEVEL=0"];
            let mut server =
                serve(&lab, 1, &format!("{}:{port}", Node::Backend(1).address()), &certificate, &arguments);
            let health = "{https: {name: none, status: 200}, interval: 10s, timeout: 10s}";
            eventually("an answer of openssl", || {
                server.assert_running();
                (ask(&lab, port, health) != OwnAnswer::Nothing).then_some(())
            });
            assert_eq!(ask(&lab, port, health), OwnAnswer::Right, "{name} {version}: {}", server.log());
        }
    }
}

#[test]
#[ignore = "needs root"]
fn a_certificate_in_the_store_passes_for_its_name() {
    let mut lab = Lab::builder().backends(4).without_http().build().unwrap();
    // The agent has a `/run` of its own.
    let outside = tempfile::tempdir().unwrap();
    let store = outside.path().join("store");
    let _servers = with_and_without_store(&lab, &store);
    let program = with_store(&store);
    start(&mut lab, &program, "host: \"www.example.com:8443\"");
    wait_passes(&lab, "web1");
    wait_cause(&lab, "web2", "application-down");
    wait_cause(&lab, "web3", "application-down");
    wait_passes(&lab, "web4");
    for why in ["it is self-signed, and not in this host's store of certificates", "Expired"] {
        agent::wait_for_log(agent::running(&lab), &["TLS fails: invalid peer certificate: ", why]);
    }
    start(&mut lab, &program, "name: www.example.org");
    wait_cause(&lab, "web1", "application-down");
    wait_cause(&lab, "web4", "application-down");
}

/// Backends with certificates in the store that is written, but the second: self-signed, a stranger, expired, and signed by an
/// authority that is not in there.
fn with_and_without_store(lab: &Lab, store: &Path) -> [Daemon; 4] {
    let make = |name, days, extensions| {
        Certificate::make(lab.directory(), name, "EC -pkeyopt ec_paramgen_curve:P-256", days, extensions)
    };
    let good = make("good", "-days 1", AUTHORITY);
    let stranger = make("stranger", "-days 1", AUTHORITY);
    let expired = make("expired", "-days -1", AUTHORITY);
    let leaf = make("leaf", "-days 1", NAME).signed_by(&stranger, NAME);
    let other = make("other", "-days 1", "subjectAltName=DNS:other.example.com\n");
    let trusted = [&good, &expired, &leaf].map(|certificate| fs::read_to_string(&certificate.path).unwrap());
    fs::write(store, trusted.concat()).unwrap();
    let vip = format!("{}:8443", lab.vip(0).unwrap());
    let (path, key) = (good.path.to_str().unwrap(), good.key.to_str().unwrap());
    [
        // Who asks for no name gets another certificate.
        serve(lab, 1, &vip, &other, &["-servername", "www.example.com", "-cert2", path, "-key2", key]),
        serve(lab, 2, &vip, &stranger, &[]),
        serve(lab, 3, &vip, &expired, &[]),
        serve(lab, 4, &vip, &leaf, &[]),
    ]
}

fn start(lab: &mut Lab, program: &Path, fields: &str) {
    let health = format!("{{https: {{{fields}}}, interval: 500ms, timeout: 500ms, rise: 2, fall: 2}}");
    let line = format!("name: one, vip: {}, port: 8443, health: {health}", lab.vip(0).unwrap());
    lab.write_config(&Configuration::of(lab).no_services().line(&line).to_string()).unwrap();
    lab.start_agent(program).unwrap();
}

/// The program, with another store of certificates than the host's.
fn with_store(store: &Path) -> PathBuf {
    let script = store.with_file_name("dsr-with-store");
    let text = format!("#!/bin/sh\nSSL_CERT_FILE={} exec {} \"$@\"\n", store.display(), dsr_program().display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    script
}

/// A certificate for `www.example.com` that is its own authority, and its key.
struct Certificate {
    key: PathBuf,
    request: PathBuf,
    path: PathBuf,
}

impl Certificate {
    fn make(directory: &Path, name: &str, key: &str, fields: &str, extensions: &str) -> Self {
        let file = |extension: &str| directory.join(format!("{name}.{extension}"));
        let made = Self { key: file("key"), request: file("request"), path: file("pem") };
        openssl(&format!("genpkey -algorithm {key} -out {}", made.key.display()));
        let (key, request) = (made.key.display(), made.request.display());
        openssl(&format!("req -new -key {key} -subj /CN=www.example.com -out {request}"));
        made.sign(&format!("-signkey {key} {fields}"), extensions);
        made
    }

    fn signed_by(self, authority: &Self, extensions: &str) -> Self {
        let (key, path) = (authority.key.display(), authority.path.display());
        self.sign(&format!("-CA {path} -CAkey {key} -set_serial 2 -days 1"), extensions);
        self
    }

    /// Without extensions it is one of version 1.
    fn sign(&self, how: &str, extensions: &str) {
        let file = self.path.with_extension("extensions");
        fs::write(&file, extensions).unwrap();
        let extensions = if extensions.is_empty() { String::new() } else { format!("-extfile {}", file.display()) };
        let (request, path) = (self.request.display(), self.path.display());
        openssl(&format!("x509 -req -in {request} -out {path} {how} {extensions}"));
    }
}

fn openssl(arguments: &str) {
    let output = finish(Command::new("openssl").args(arguments.split_whitespace()));
    assert!(output.status.success(), "openssl {arguments}: {output:?}");
}

/// OpenSSL's server on a backend; it answers each request with a page.
fn serve(lab: &Lab, backend: u8, at: &str, certificate: &Certificate, arguments: &[&str]) -> Daemon {
    let mut command = lab.backend(backend).unwrap().command("openssl").unwrap();
    command.args(["s_server", "-www", "-quiet", "-accept", at]);
    command.arg("-key").arg(&certificate.key).arg("-cert").arg(&certificate.path).args(arguments);
    Daemon::start(&mut command, &lab.directory().join(format!("openssl-{backend}")))
}

const NAME: &str = "subjectAltName=DNS:www.example.com\n";
const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE\nsubjectAltName=DNS:www.example.com\n";
