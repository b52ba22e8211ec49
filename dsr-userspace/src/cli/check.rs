//! `dsr check`: says what is wrong with a configuration on this host, and with this host for it, and touches nothing.
//!
//! Where an agent runs, also what putting the file into force would change.
//!
//! Errors, warnings and findings go to standard error, the summary to standard output; with `--json` one object goes to
//! standard output. Exit code: 2 where the configuration cannot be used, 1 where this host would keep the program from
//! balancing, 0 otherwise. Warnings are for reading.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use serde::Serialize;

use super::{
    CONFIGURATION,
    ask::Socket,
    given, output,
    preview::{self, Asked},
};
use crate::{
    api::view::Preview,
    config::{self, Config, Errors, HostFacts, Problem, SeedSource},
    datapath,
    model::Service,
    preflight::{self, Finding, Headroom, Severity},
    reconcile::Sizes,
};

/// Arguments of `dsr check`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration file, or `-` for standard input
    #[arg(short, long, value_name = "FILE", default_value = CONFIGURATION)]
    pub(crate) config: PathBuf,
    /// Print one JSON object: ok, errors, warnings, findings, headroom, memory, dscp, and the change if an agent is running
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the JSON Schema of configurations (draft 2020-12), for editors, and check nothing; `--schema=backend` prints
    /// that of `dsr backend run`
    #[arg(
        long,
        exclusive = true,
        value_name = "OF",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "balancer",
        hide_possible_values = true
    )]
    pub(crate) schema: Option<SchemaOf>,
    #[command(flatten)]
    pub(crate) socket: Socket,
}

/// Whose configuration a schema describes.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum SchemaOf {
    /// A balancer's
    Balancer,
    /// A backend's
    Backend,
}

/// Checks the file by itself and against this host.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(of) = args.schema {
        let schema = match of {
            SchemaOf::Balancer => config::schema(),
            SchemaOf::Backend => config::backend_schema(),
        };
        output::line(format_args!("{schema:#}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(check(args))
}

async fn check(args: Args) -> anyhow::Result<ExitCode> {
    let host = HostFacts::read().await.context("cannot check the file against this host")?;
    let (mut result, text) = given::load(&args.config, &host).await;
    let findings = match &mut result {
        Ok(config) => {
            let preflight::Examined { findings, warnings } = preflight::examine(config).await;
            config.warnings.extend(warnings);
            findings
        }
        Err(_) => Vec::new(),
    };
    let headroom = match &result {
        Ok(config) => preflight::headroom(config).await,
        Err(_) => Vec::new(),
    };
    let asked = match &result {
        Ok(config) => Some(preview::ask(&args.socket.socket, config, text).await?),
        Err(_) => None,
    };
    if args.json {
        output::line(serde_json::to_string(&Report::new(&result, &findings, &headroom, asked.as_ref()))?)?;
    } else {
        print(&result, &findings, &headroom)?;
        match asked {
            Some(Asked::Preview(preview)) => output::line(format_args!("\n{}", preview::Shown(&preview)))?,
            Some(Asked::NoAgent(why)) => output::complain(why),
            None => {}
        }
    }
    Ok(ExitCode::from(exit_code(&result, &findings)))
}

/// The exit code for a host that is not fit.
const FINDING: u8 = 1;

/// The exit code for a configuration that cannot be used.
const WRONG_CONFIGURATION: u8 = 2;

fn exit_code(result: &Result<Config, Errors>, findings: &[Finding]) -> u8 {
    match result {
        Err(_) => WRONG_CONFIGURATION,
        Ok(_) if findings.iter().any(|finding| finding.severity == Severity::Error) => FINDING,
        Ok(_) => 0,
    }
}

fn print(result: &Result<Config, Errors>, findings: &[Finding], headroom: &[Headroom]) -> anyhow::Result<()> {
    match result {
        Ok(config) => {
            for warning in &config.warnings {
                output::complain(format_args!("warning: {warning}"));
            }
            for finding in findings {
                output::complain(finding);
            }
            output::line(format_args!("{}\n{}", Summary(config), Memory(&memory_of(config))))?;
            headroom.iter().try_for_each(output::line)?;
            let codes = config.desired.dscp_codes();
            if !codes.is_empty() {
                let codes: Vec<_> = codes.iter().map(|(vip, code)| format!("\"{vip}\": {code}")).collect();
                output::line(format_args!("DSCP codes, the same for the backends: dscp: {{{}}}", codes.join(", ")))?;
            }
        }
        Err(errors) => output::complain(errors),
    }
    Ok(())
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    errors: &'a [Problem],
    warnings: &'a [Problem],
    findings: &'a [Finding],
    /// What fits into the tunnels of each pool that has any.
    headroom: &'a [Headroom],
    /// Bytes by table; nothing for a file that cannot be used.
    memory: BTreeMap<&'static str, u64>,
    /// The DSCP code of each VIP whose packets are marked by one.
    dscp: BTreeMap<IpAddr, u8>,
    /// What it would change; nothing where no agent runs.
    change: Option<&'a Preview>,
}

impl<'a> Report<'a> {
    fn new(
        result: &'a Result<Config, Errors>,
        findings: &'a [Finding],
        headroom: &'a [Headroom],
        asked: Option<&'a Asked>,
    ) -> Self {
        let change = match asked {
            Some(Asked::Preview(preview)) => Some(&**preview),
            _ => None,
        };
        let ok = exit_code(result, findings) == 0;
        match result {
            Ok(config) => {
                let memory = memory_of(config).into_iter().collect();
                let (warnings, dscp) = (&config.warnings[..], config.desired.dscp_codes());
                Self { ok, errors: &[], warnings, findings, headroom, memory, dscp, change }
            }
            Err(errors) => {
                let (memory, dscp) = (BTreeMap::new(), BTreeMap::new());
                Self { ok, errors: errors.problems(), warnings: &[], findings, headroom, memory, dscp, change }
            }
        }
    }
}

/// What a good configuration asks for, in two lines.
struct Summary<'a>(&'a Config);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(config) = self;
        let services = &config.desired.services;
        let pools: BTreeSet<_> =
            services.iter().flat_map(Service::backends_by_pool).map(|backend| backend.pool).collect();
        let backends: BTreeSet<_> = services.iter().flat_map(addresses).collect();
        write!(
            f,
            "{}: good: {} on {}, {} with {}",
            config.file.display(),
            counted(services.len(), "service"),
            counted(config.vips().len(), "VIP"),
            counted(pools.len(), "pool"),
            counted(backends.len(), "backend"),
        )?;
        match config.seed_source {
            SeedSource::File => Ok(()),
            SeedSource::Machine | SeedSource::Absent => f.write_str(
                "\nhash_seed is derived from this machine's id: \
                 if several balancers share the VIPs, set the same one on each",
            ),
        }
    }
}

/// What the tables take for this configuration.
fn memory_of(config: &Config) -> Vec<(&'static str, u64)> {
    let flows = config.flow_table;
    datapath::memory(Sizes::for_desired(&config.desired).with_flows(flows.established, flows.embryonic))
}

/// The memory of the tables, in a line.
struct Memory<'a>(&'a [(&'static str, u64)]);

impl fmt::Display for Memory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(tables) = self;
        let shown = |bytes: u64| match bytes.div_ceil(1024) {
            kibi if kibi < 10 * 1024 => format!("{kibi} KiB"),
            kibi => format!("{} MiB", kibi.div_ceil(1024)),
        };
        let sum = tables.iter().map(|(_, bytes)| bytes).sum();
        write!(f, "memory: {}:", shown(sum))?;
        for (index, (name, bytes)) in tables.iter().enumerate() {
            write!(f, "{} {name} {}", if index == 0 { "" } else { "," }, shown(*bytes))?;
        }
        Ok(())
    }
}

fn addresses(service: &Service) -> impl Iterator<Item = std::net::IpAddr> {
    service.backends.iter().map(|backend| backend.address)
}

fn counted(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const GOOD: &str = "\
interfaces: [lo]
xdp_mode: generic
pools:
  web: {backends: [{name: web1, address: 10.0.0.11}, {name: web2, address: 10.0.0.12}]}
  old: {backends: [{name: web1, address: 10.0.0.11}]}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web}
  - {name: https, vip: 192.0.2.10, port: 443, pool: web}
";

    fn parse(text: &str) -> Result<Config, Errors> {
        config::parse(text, Path::new("dsr.yaml"))
    }

    #[test]
    fn the_summary_counts_what_is_used() {
        let summary = Summary(&parse(GOOD).unwrap()).to_string();
        let [counts, seed] = summary.lines().collect::<Vec<_>>()[..] else { panic!("{summary}") };
        assert_eq!(counts, "dsr.yaml: good: 2 services on 1 VIP, 1 pool with 2 backends");
        assert!(seed.starts_with("hash_seed is derived from this machine's id"), "{seed}");
        let seeded = Summary(&parse(&format!("hash_seed: 1\n{GOOD}")).unwrap()).to_string();
        assert_eq!(seeded, counts);
    }

    #[test]
    fn json_has_errors_and_warnings_as_objects() {
        let json = |text: &str| serde_json::to_string(&Report::new(&parse(text), &[], &[], None)).unwrap();
        let warning =
            r#"{"file":"dsr.yaml","line":5,"column":3,"field":"pools.old","message":"no service uses this pool"}"#;
        let good = format!(
            r#"{{"ok":true,"errors":[],"warnings":[{warning}],"findings":[],"headroom":[],"memory":{{"embryonic":1048576,"established":8388608,"#
        );
        assert!(json(GOOD).starts_with(&good), "{}", json(GOOD));
        let error = r#"{"file":"dsr.yaml","line":1,"column":14,"field":"interfaces[0]","message":"has no value: write the name of an interface as `ip link` shows it, like eth0"}"#;
        let bad = GOOD.replace("[lo]", "[null]");
        assert_eq!(
            json(&bad),
            format!(
                r#"{{"ok":false,"errors":[{error}],"warnings":[],"findings":[],"headroom":[],"memory":{{}},"dscp":{{}},"change":null}}"#
            )
        );
    }

    #[test]
    fn memory_is_shown_in_units_that_can_be_read() {
        let shown = Memory(&[("members", 100), ("established", 64 << 20)]).to_string();
        assert_eq!(shown, "memory: 65 MiB: members 1 KiB, established 64 MiB");
        let config = parse(&format!("flow_table: {{established: 65536}}\n{GOOD}")).unwrap();
        assert!(memory_of(&config).contains(&("established", 65536 * 8)), "{:?}", memory_of(&config));
    }

    #[test]
    fn findings_decide_the_exit_code_of_a_good_file() {
        let finding = |severity| Finding {
            severity,
            interface: "eth0".to_owned(),
            finding: "it is down".to_owned(),
            remedy: "ip link set dev eth0 up".to_owned(),
        };
        let (good, bad) = (parse(GOOD), parse("{}"));
        assert_eq!(exit_code(&good, &[finding(Severity::Warning)]), 0);
        let findings = [finding(Severity::Error)];
        assert_eq!((exit_code(&good, &findings), exit_code(&bad, &findings)), (FINDING, WRONG_CONFIGURATION));
        let json = serde_json::to_string(&Report::new(&good, &findings, &[], None)).unwrap();
        assert!(json.starts_with(r#"{"ok":false,"errors":[],"#), "{json}");
        let told =
            r#"{"severity":"error","interface":"eth0","finding":"it is down","remedy":"ip link set dev eth0 up"}"#;
        assert!(json.contains(&format!(r#""findings":[{told}],"headroom":[],"memory":{{"#)), "{json}");
        assert!(json.ends_with(r#""change":null}"#), "{json}");
        assert_eq!(findings[0].to_string(), "error: eth0: it is down: ip link set dev eth0 up");
    }

    #[tokio::test]
    async fn a_file_and_its_host_are_checked_together() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dsr.yaml");
        std::fs::write(&file, GOOD.replace("[lo]", "[no-such-nic]").replace("port: 443", "port: 0")).unwrap();
        let errors = config::load_on_host(&file, &HostFacts::read().await.unwrap()).await.unwrap_err();
        let fields: Vec<_> = errors.problems().iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["interfaces[0]", "services[1].port"], "{errors}");
        let args = |config| Args {
            config,
            json: false,
            schema: None,
            socket: Socket { socket: directory.path().join("api.sock") },
        };
        assert_eq!(check(args(file.clone())).await.unwrap(), ExitCode::from(WRONG_CONFIGURATION));
        // The loopback takes no program; a host without another interface has nothing more to show.
        let Some(name) = HostFacts::read().await.unwrap().interfaces.into_iter().next() else { return };
        std::fs::write(&file, GOOD.replace("[lo]", &format!("[{name}]"))).unwrap();
        assert_ne!(check(args(file)).await.unwrap(), ExitCode::from(WRONG_CONFIGURATION));
    }
}
