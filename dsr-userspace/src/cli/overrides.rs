//! `dsr drain`, `dsr undrain` and `dsr weight`: an operator's word on a backend, which counts until it is taken back, over
//! reloads, and is forgotten when the agent ends.
//!
//! Exit code: 0 where it counts, 2 where no agent answers or it says no.

use std::process::ExitCode;

use super::{
    ask::{Socket, ask},
    output,
};
use crate::api::{
    Client,
    view::{OverrideAction, OverrideAnswer, OverrideRequest},
};

/// Arguments of `dsr drain` and `dsr undrain`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The backend's name
    backend: String,
    /// The backend's pool, if several pools have a backend of this name
    #[arg(long)]
    pool: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: Socket,
}

/// Arguments of `dsr weight`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WeightArgs {
    #[command(flatten)]
    args: Args,
    /// The weight, from 0 to 1000; 0 drains
    weight: u16,
}

pub(crate) fn drain(args: &Args) -> anyhow::Result<ExitCode> {
    request(args, OverrideAction::Drain)
}

pub(crate) fn undrain(args: &Args) -> anyhow::Result<ExitCode> {
    request(args, OverrideAction::Clear)
}

pub(crate) fn weight(args: &WeightArgs) -> anyhow::Result<ExitCode> {
    request(&args.args, OverrideAction::Weight(args.weight))
}

fn request(args: &Args, action: OverrideAction) -> anyhow::Result<ExitCode> {
    let request = OverrideRequest { backend: args.backend.clone(), pool: args.pool.clone(), action };
    ask(&args.socket, async |client: Client| {
        let answer: OverrideAnswer = client.post("/v1/override", &request).await?;
        let text = if args.json { serde_json::to_string(&answer)? } else { shown(&answer, action) };
        output::line(text)?;
        Ok(ExitCode::SUCCESS)
    })
}

fn shown(answer: &OverrideAnswer, action: OverrideAction) -> String {
    let OverrideAnswer { pool, backend, weight, weight_in_file } = answer;
    let back = format!("`dsr undrain {backend} --pool {pool}` reverts it");
    match action {
        OverrideAction::Clear => format!("{backend} of pool {pool}: weight {weight}, as configured"),
        _ if *weight == 0 => {
            format!("{backend} of pool {pool}: no new flows; `dsr status` shows when it has none left; {back}")
        }
        _ => format!("{backend} of pool {pool}: weight {weight}, configured {weight_in_file}; {back}"),
    }
}
