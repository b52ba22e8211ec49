//! Configuration files and what is said of them: `config/bad` and `config/good` beside this file, and the examples.
//!
//! Beside each bad file stand its errors as `NAME.expected`, beside a good one its warnings, if it has any. With
//! `DSR_BLESS=1` the expectations are written anew, to be read in the diff.
#![allow(clippy::unwrap_used)]

use std::{
    env, fs,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use dsr::{
    config::{self, Config, Errors, FlowTable, SeedSource, XdpMode},
    model::{
        Affinity, Announce, BackendKey, DscpCode, FlowTimeout, Forward, GueVariant, OnAgentDeath, OnEmpty,
        OuterSources, PooledBackend, Protocol, Service, Weight,
    },
};

/// The YAML files of a directory below this package.
fn files(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(!files.is_empty(), "no YAML in {}", directory.display());
    files
}

/// Loads a file under its bare name, so that messages are the same wherever the tree is.
fn load(path: &Path) -> Result<Config, Errors> {
    let name = Path::new(path.file_name().unwrap());
    match String::from_utf8(fs::read(path).unwrap()) {
        Ok(text) => config::parse(&text, name),
        Err(_) => config::load(path),
    }
}

fn compare(path: &Path, found: &str) -> Result<(), String> {
    let found = found.replace(&format!("{}/", path.parent().unwrap().display()), "");
    let expected = path.with_extension("expected");
    if env::var_os("DSR_BLESS").is_some() && !found.is_empty() {
        fs::write(&expected, &found).unwrap();
    }
    let wanted = fs::read_to_string(&expected).unwrap_or_default();
    if found == wanted { Ok(()) } else { Err(format!("{}\nfound:\n{found}\nexpected:\n{wanted}", path.display())) }
}

fn all(results: impl IntoIterator<Item = Result<(), String>>) {
    let failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn bad_files_are_refused_with_every_error() {
    all(files("tests/config/bad").iter().map(|path| match load(path) {
        Ok(_) => Err(format!("{} was taken", path.display())),
        Err(errors) => compare(path, &format!("{errors}\n")),
    }));
}

#[test]
fn good_files_are_taken_with_their_warnings() {
    all(files("tests/config/good").iter().map(|path| {
        let config = load(path).map_err(|errors| format!("{} was refused:\n{errors}", path.display()))?;
        compare(path, &config.warnings.iter().map(|warning| format!("{warning}\n")).collect::<Vec<_>>().concat())
    }));
}

#[test]
fn examples_are_taken_without_warnings() {
    all(files("../examples").iter().map(|path| {
        let config = load(path).map_err(|errors| format!("{} was refused:\n{errors}", path.display()))?;
        if config.warnings.is_empty() { Ok(()) } else { Err(format!("{}: {:?}", path.display(), config.warnings)) }
    }));
}

#[test]
fn every_field_reaches_the_model() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/cluster.yaml");
    let config = load(&path).unwrap();
    assert_eq!(config.interfaces.iter().map(|name| name.value.as_str()).collect::<Vec<_>>(), ["eth0", "eth1"]);
    assert_eq!(config.metrics, Some("127.0.0.1:9650".parse().unwrap()));
    assert_eq!((config.seed_source, config.desired.hash_seed), (SeedSource::File, 0x5eed_5eed_5eed_5eed));
    assert_eq!(config.xdp_mode, XdpMode::Native);
    assert_eq!(config.vips().collect::<Vec<_>>(), [IpAddr::from([192, 0, 2, 10])]);

    let [www, https] = config.desired.services.as_slice() else { panic!("{:?}", config.desired) };
    assert_eq!((www.name.as_str(), www.id.to_string()), ("www", "192.0.2.10:80/tcp".to_owned()));
    assert_eq!((https.name.as_str(), https.id.to_string()), ("https", "192.0.2.10:443/tcp".to_owned()));
    assert_eq!((www.announce, www.forward, www.pool.as_str()), (Announce::None, Forward::L2, "web"));
    let backends: Vec<_> = www.backends.iter().map(|b| (b.name.as_str(), b.address, b.weight.get())).collect();
    let address = |last| IpAddr::V4(Ipv4Addr::new(10, 1, 0, last));
    let whole = Weight::DEFAULT.get();
    let expected = [
        ("web1", address(11), whole),
        ("web2", address(12), whole),
        ("web3", address(13), 50),
        ("web4", address(14), 0),
    ];
    assert_eq!(backends, expected);
}

#[test]
fn defaults_are_those_of_the_reference() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let config = load(&examples.join("minimal.yaml")).unwrap();
    assert_eq!((config.metrics, config.xdp_mode), (None, XdpMode::Native));
    assert_eq!((config.seed_source, config.desired.hash_seed), (SeedSource::Absent, 0));
    let www = &config.desired.services[0];
    assert_eq!((www.id.protocol, www.announce, www.forward), (Protocol::Tcp, Announce::Arp, Forward::L2));
    assert_eq!((www.on_empty, www.affinity, www.flow_timeout.seconds()), (OnEmpty::Drop, Affinity::Auto, 15 * 60));
    assert_eq!(www.on_agent_death, OnAgentDeath::Keep);
    assert_eq!(config.flow_table, FlowTable::default());
    assert_eq!(load(&examples.join("dns.yaml")).unwrap().xdp_mode, XdpMode::GenericAllowed);
}

#[test]
fn affinities_and_timeouts_reach_the_model() {
    let config = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/good/affinity.yaml")).unwrap();
    assert_eq!(config.flow_table, FlowTable { established: 65536, embryonic: 1024 });
    let services = config.desired.services.iter();
    let expected = [
        (Affinity::Auto, FlowTimeout::default().seconds(), Some(FlowTimeout::default().seconds())),
        (Affinity::Auto, 90, Some(90)),
        (Affinity::Flow, 2 * 60 * 60, Some(30)),
        (Affinity::Source, 24 * 60 * 60, None),
        (Affinity::None, 1, Some(1)),
    ];
    let timeouts =
        |service: &Service| (service.flow_timeout.seconds(), service.return_timeout.map(FlowTimeout::seconds));
    let read = services.map(|service| (service.affinity, timeouts(service).0, timeouts(service).1));
    assert_eq!(read.collect::<Vec<_>>(), expected);
}

#[test]
fn fallbacks_and_agent_checks_reach_the_model() {
    let config = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/good/fallback.yaml")).unwrap();
    let [www, api, smtp, plain] = config.desired.services.as_slice() else { panic!("{:?}", config.desired) };
    let of = |service: &Service| -> Vec<BackendKey> { service.backends_by_pool().map(PooledBackend::key).collect() };
    let key = |(pool, backend): &(&str, &str)| BackendKey { pool: (*pool).to_owned(), backend: (*backend).to_owned() };
    let named = |names: &[(&str, &str)]| -> Vec<BackendKey> { names.iter().map(key).collect() };
    let web = named(&[("web", "web1"), ("web", "web2"), ("sorry", "sorry1"), ("sorry", "sorry2")]);
    assert_eq!((of(www), of(api)), (web.clone(), web));
    assert_eq!(of(smtp), named(&[("mail", "mail1"), ("mail", "spare")]));
    assert_eq!(of(plain), named(&[("plain", "plain1"), ("web", "web1"), ("web", "web2")]), "no chains");
    // Each backend is checked as its own pool says, one that is written in the pool as that pool's.
    let kind = |service: &Service, last: u8| {
        config.checks.of(service, IpAddr::from([10, 1, 0, last])).map(|check| check.probe.name())
    };
    assert_eq!(
        [kind(www, 11), kind(www, 98), kind(api, 11), kind(api, 98)],
        [Some("http"), Some("tcp"), None, Some("tcp")]
    );
    assert_eq!(
        [kind(smtp, 21), kind(smtp, 97), kind(plain, 31), kind(plain, 11)],
        [Some("tcp"), Some("tcp"), None, Some("http")]
    );
    let agents: Vec<_> = config.checks.agents.iter().map(|(pool, check)| (pool.as_str(), check.port.get())).collect();
    assert_eq!(agents, [("mail", 9777), ("web", 9777)]);
    let web = &config.checks.agents["web"];
    assert_eq!((web.interval.as_secs(), web.timeout.as_millis(), web.send.as_deref()), (5, 500, Some("web\n")));
}

#[test]
fn what_becomes_of_a_service_without_an_agent_reaches_the_model() {
    let config = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/good/agent-death.yaml")).unwrap();
    let services = config.desired.services.iter().map(|service| service.on_agent_death);
    assert!(services.eq([OnAgentDeath::Keep, OnAgentDeath::Keep, OnAgentDeath::Pass]));
}

#[test]
fn services_on_any_port_or_protocol_stand_beside_narrower_ones() {
    let config = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/good/every-service.yaml")).unwrap();
    let services = config.desired.services.iter().map(|service| (service.id.to_string(), service.on_empty));
    let expected = [
        ("192.0.2.10:80/tcp", OnEmpty::Drop),
        ("192.0.2.10:any/tcp", OnEmpty::Drop),
        ("192.0.2.10:any/udp", OnEmpty::Drop),
        ("192.0.2.10:any/sctp", OnEmpty::Drop),
        ("192.0.2.10/any", OnEmpty::Reject),
        ("[2001:db8::10]:80/tcp", OnEmpty::Drop),
        ("2001:db8::10/any", OnEmpty::Drop),
    ];
    assert!(services.eq(expected.map(|(id, on_empty)| (id.to_owned(), on_empty))), "{:?}", config.desired.services);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_of_the_file() {
    let missing = Path::new("/nonexistent/dsr.yaml");
    let errors = config::load(missing).unwrap_err();
    let [problem] = errors.problems() else { panic!("{errors}") };
    assert_eq!((problem.line, problem.column, problem.file.as_path()), (0, 0, missing));
    assert!(problem.to_string().starts_with("/nonexistent/dsr.yaml: cannot be read, No such file"), "{problem}");
}

#[test]
fn the_hash_is_of_the_octets() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/minimal.yaml")).unwrap();
    let hash = |text: &str| config::parse(text, Path::new("dsr.yaml")).unwrap().hash;
    assert_eq!(hash(&text), hash(&text));
    assert_ne!(hash(&text), hash(&format!("{text}\n")));
    assert!(hash(&text) < 1 << 48, "a metric must hold it exactly");
}

#[test]
fn more_backends_than_a_service_can_have_are_refused() {
    let most = dsr_common::limits::MEMBERS_PER_SERVICE;
    let file = |backends: u32| {
        let backend = |n: u32| format!("      - {{name: b{n}, address: {}}}\n", Ipv4Addr::from(0x0a00_0000 + n));
        let rows: String = (1..=backends).map(backend).collect();
        let service = "services:\n  - {name: www, vip: 192.0.2.10, port: 80, pool: web}\n";
        format!("interfaces: [eth0]\npools:\n  web:\n    backends:\n{rows}{service}")
    };
    let path = Path::new("dsr.yaml");
    assert_eq!(config::parse(&file(most), path).unwrap().desired.services[0].backends.len(), most as usize);
    let errors = config::parse(&file(most + 1), path).unwrap_err().to_string();
    let expected = "dsr.yaml:4:5: pools.web.backends: 32768 backends are too many: write at most 32767 in one pool";
    assert_eq!(errors, expected);
}

#[test]
fn the_reference_begins_with_a_file_that_is_taken() {
    let reference = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md")).unwrap();
    let text = reference.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config = config::parse(text, Path::new("configuration.md")).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    for number in [dsr_common::limits::INTERFACES_MAX, dsr_common::limits::MEMBERS_PER_SERVICE] {
        assert!(reference.contains(&format!("at most {number}")), "the reference names the limit {number}");
    }
}

/// Text that is nested deeper than any configuration is refused where it gets too deep, whatever comes behind: a scanner
/// that goes on takes minutes.
#[test]
fn what_is_nested_too_deep_is_refused_at_its_place() {
    let brackets = "[".repeat(400_000);
    let braces = "{a: ".repeat(100_000);
    let dashes = "- ".repeat(100_000);
    for text in [brackets.clone(), format!("interfaces: {brackets}"), braces, dashes] {
        let errors = config::parse(&text, Path::new("dsr.yaml")).unwrap_err();
        let [problem] = errors.problems() else { panic!("{errors}") };
        assert!(problem.message.contains("nested more than 64 deep"), "{problem}");
        assert!(problem.line == 1 && (64..1200).contains(&problem.column), "{problem}");
    }
    for text in [format!("a: b\n---\n{brackets}"), format!("a: 'b' c\n{brackets}"), format!("\"{brackets}")] {
        assert!(config::parse(&text, Path::new("dsr.yaml")).is_err());
    }
}

#[test]
fn vlans_are_read_as_the_program_names_them() {
    let text = "interfaces: [eth0]
pools: {web: {backends: [{name: web1, address: 10.0.0.11}]}}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web, vlans: [untagged, 100, \"7.100\"]}
  - {name: all, vip: 192.0.2.11, port: 80, pool: web}
  - {name: one, vip: 192.0.2.12, port: 80, pool: web, vlans: [100]}
";
    let config = config::parse(text, Path::new("dsr.yaml")).unwrap();
    let announced: Vec<_> = config.desired.announced_vips().map(|vip| vip.to_string()).collect();
    assert_eq!(announced, ["192.0.2.10", "192.0.2.11"], "announcements are untagged");
    let [www, all, _] = &config.desired.services[..] else { panic!("three services") };
    let shown = www.vlans.as_ref().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown, ["untagged", "100", "7.100"]);
    assert_eq!(all.vlans, None);
}

#[test]
fn every_parameter_of_a_forward_mode_reaches_the_model() {
    let config = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/good/forward.yaml")).unwrap();
    let service = |name: &str| config.desired.services.iter().find(|service| service.name == name).unwrap();
    let forward = |name: &str| service(name).forward;
    assert_eq!(forward("l2"), Forward::L2);
    assert_eq!(forward("dscp"), Forward::Dscp(DscpCode::new(8).unwrap()));
    assert_eq!((forward("ipip"), forward("ipip6")), (Forward::Ipip(OuterSources::default()), forward("ipip")));
    let ipv4 = Some((Ipv4Addr::new(10, 0, 0, 2), 32));
    assert_eq!(forward("gre"), Forward::Gre { key: Some(u32::MAX), sources: OuterSources { ipv4, ipv6: None } });
    let ipv4 = Some((Ipv4Addr::new(10, 64, 0, 0), 16));
    let ipv6 = Some(("2001:db8:64::".parse().unwrap(), 96));
    let (port, variant) = (6081.try_into().unwrap(), GueVariant::Zero);
    assert_eq!(forward("gue"), Forward::Gue { port, variant, sources: OuterSources { ipv4, ipv6 } });
    // A VIP that is not listed has a code that no other VIP of its family has.
    let code = |name: &str| match forward(name) {
        Forward::Dscp(code) => code.get(),
        other => panic!("{name}: {other:?}"),
    };
    assert!((1..=63).contains(&code("dscp6")));
    assert!((1..=63).contains(&code("dscp-derived")) && ![8, 9].contains(&code("dscp-derived")));
}

#[test]
fn derived_codes_follow_from_the_vips_alone() {
    let codes = |top: &str, services: &[u8]| {
        let service = |last: &u8| format!("  - {{name: s{last}, vip: 192.0.2.{last}, port: 80, pool: web}}\n");
        let services: String = services.iter().map(service).collect();
        let pools = "pools: {web: {forward: dscp, backends: [{name: web1, address: 10.0.0.11}]}}\n";
        let text = format!("interfaces: [eth0]\n{top}{pools}services:\n{services}");
        config::parse(&text, Path::new("dsr.yaml")).unwrap().desired.dscp_codes()
    };
    // The first and the last one begin at the same code, and the code after it is taken too.
    let wanted = codes("", &[10, 11, 73]);
    assert_eq!(wanted.values().copied().collect::<Vec<_>>(), [22, 23, 24]);
    assert_eq!(codes("", &[73, 11, 10]), wanted, "in whatever order they are written");
    assert_eq!(codes("dscp: {}\n", &[11, 73, 10]), wanted, "and where no code is written");
}
