//! The `dsr` command: parses the command line and dispatches, nothing else.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
