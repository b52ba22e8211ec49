//! The `dsr` command; see [`dsr::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    dsr::cli::main()
}
