//! `dsr detach`: takes away what an agent left that is gone.

use std::{path::PathBuf, process::ExitCode};

use super::output;
use crate::datapath::{DEFAULT_PINS, Pins};

/// What `dsr detach` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory with the agent's maps and links.
    #[arg(long, value_name = "DIRECTORY", default_value = DEFAULT_PINS)]
    pins: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let place = args.pins.display();
    match Pins::find(&args.pins)? {
        None => output::line(format_args!("nothing is left at {place}"))?,
        Some(pins) => match pins.remove()? {
            1 => {
                output::line(format_args!("the program is detached from 1 interface; nothing is left at {place}"))?;
            }
            count => output::line(format_args!(
                "the program is detached from {count} interfaces; nothing is left at {place}"
            ))?,
        },
    }
    Ok(ExitCode::SUCCESS)
}
