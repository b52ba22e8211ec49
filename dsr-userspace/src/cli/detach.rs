//! `dsr detach`: takes away what an agent left that is gone.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use crate::datapath::{DEFAULT_PINS, Pins};

/// What `dsr detach` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the agent kept its maps and links.
    #[arg(long, value_name = "DIRECTORY", default_value = DEFAULT_PINS)]
    pins: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let place = args.pins.display();
    let mut out = io::stdout();
    match Pins::find(&args.pins)? {
        None => writeln!(out, "nothing is left at {place}")?,
        Some(pins) => match pins.remove()? {
            1 => writeln!(out, "the program is detached from 1 interface; nothing is left at {place}")?,
            count => writeln!(out, "the program is detached from {count} interfaces; nothing is left at {place}")?,
        },
    }
    Ok(ExitCode::SUCCESS)
}
