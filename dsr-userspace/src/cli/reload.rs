//! `dsr reload`: has the agent read its file again, waits, and says whether the file is in force now.
//!
//! Errors and warnings go to standard error, a line each, and what came of it to standard output; with `--json` one
//! object goes to standard output. Exit code: 0 where the file is in force, 1 where it could not be put into force, 2
//! where it is wrong or no agent answers.

use std::process::ExitCode;

use super::{
    WRONG,
    ask::{Socket, ask},
    output,
};
use crate::api::{
    Client,
    view::{ReloadAnswer, ReloadOutcome},
};

/// Arguments of `dsr reload`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: Socket,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    ask(&args.socket, async |client: Client| {
        let answer: ReloadAnswer = client.post("/v1/reload", &serde_json::json!({})).await?;
        if args.json {
            output::line(serde_json::to_string(&answer)?)?;
        } else {
            answer.errors.iter().for_each(|error| output::complain(&error.text));
            answer.warnings.iter().for_each(|warning| output::complain(format_args!("warning: {}", warning.text)));
            output::line(format_args!("{}: {}", answer.file, meaning(answer.outcome)))?;
        }
        Ok(match answer.outcome {
            ReloadOutcome::Reloaded | ReloadOutcome::Unchanged => ExitCode::SUCCESS,
            ReloadOutcome::Failed => ExitCode::FAILURE,
            ReloadOutcome::Wrong => ExitCode::from(WRONG),
        })
    })
}

const fn meaning(outcome: ReloadOutcome) -> &'static str {
    match outcome {
        ReloadOutcome::Reloaded => "reloaded: it is in force",
        ReloadOutcome::Unchanged => "unchanged: it is in force",
        ReloadOutcome::Wrong => "not reloaded, it has errors: the previous configuration stays in force",
        ReloadOutcome::Failed => "not reloaded, it could not be applied: the previous configuration stays in force",
    }
}
