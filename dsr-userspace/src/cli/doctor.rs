//! `dsr doctor`: says what is wrong with this balancer's network and its backends, and how to fix it; changes nothing.
//!
//! Findings go to standard output, one a line; a note on what cannot be tested from here goes to standard error. With
//! `--json` one object goes to standard output. Exit code: 2 where the configuration cannot be used, 1 where anything was
//! found, 0 otherwise.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use serde::Serialize;

use super::{CONFIGURATION, WRONG, output};
use crate::{
    config::{self, HostFacts},
    doctor::{self, Finding},
};

/// Arguments of `dsr doctor`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration file
    #[arg(short, long, value_name = "FILE", default_value = CONFIGURATION)]
    config: PathBuf,
    /// Print one JSON object: ok, findings
    #[arg(long)]
    json: bool,
}

/// Looks at everything that the configuration names.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(examine(args))
}

async fn examine(args: &Args) -> anyhow::Result<ExitCode> {
    let host = HostFacts::read().await.context("cannot look at this host")?;
    let config = match config::load_on_host(&args.config, &host).await {
        Ok(config) => config,
        Err(errors) => {
            output::complain(errors);
            return Ok(ExitCode::from(WRONG));
        }
    };
    let findings = doctor::run(&config).await?;
    if args.json {
        output::line(serde_json::to_string(&Report { ok: findings.is_empty(), findings: &findings })?)?;
    } else if findings.is_empty() {
        output::line("nothing is wrong")?;
    }
    if !args.json {
        findings.iter().try_for_each(output::line)?;
        output::complain(FROM_HERE);
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What an operator tries first.
const FROM_HERE: &str = "note: VIPs do not answer on this host itself, because XDP does not see packets that the host sends: \
                         test them from another host";

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    findings: &'a [Finding],
}
