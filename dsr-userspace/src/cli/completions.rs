//! `dsr completions`: prints a shell's script that completes commands, options and their values.

use std::{io, process::ExitCode};

use clap_complete::Shell;

use super::output;

/// Arguments of `dsr completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Packages install them. Otherwise, for example:\n  \
                        dsr completions bash >/etc/bash_completion.d/dsr\n  \
                        dsr completions zsh >/usr/local/share/zsh/site-functions/_dsr\n  \
                        dsr completions fish >/etc/fish/completions/dsr.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    output::print(script(args.shell)?)?;
    Ok(ExitCode::SUCCESS)
}

fn script(shell: Shell) -> io::Result<String> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), super::NAME, &mut script);
    String::from_utf8(script).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_is_offered_commands_and_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell).unwrap();
            for name in ["status", "undrain", "completions", "--socket"] {
                assert!(script.contains(name.trim_start_matches('-')), "{shell} does not complete {name}");
            }
        }
    }
}
