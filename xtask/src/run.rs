//! `cargo xtask run`: builds, then becomes `dsr`, as root.

use std::{ffi::OsString, path::PathBuf};

use anyhow::Result;
use clap::Args;

use crate::{
    build::{self, Profile},
    process,
    workspace::Workspace,
};

/// What `dsr` is to do.
#[derive(Args)]
pub(crate) struct Options {
    /// Run the agent on this node with this configuration.
    #[arg(short, long, value_name = "FILE", conflicts_with = "args")]
    config: Option<PathBuf>,
    /// Run `dsr` with these arguments.
    #[arg(last = true)]
    args: Vec<OsString>,
}

/// The subcommand. The working directory stays the caller's, so that FILE means what it says.
pub(crate) fn task(workspace: &Workspace, options: &Options) -> Result<()> {
    let binary = build::build(workspace, Profile::Release)?;
    process::become_program(process::as_root(binary).args(arguments(options)))
}

fn arguments(options: &Options) -> Vec<OsString> {
    match &options.config {
        Some(file) => vec!["run".into(), "-c".into(), file.into()],
        None if options.args.is_empty() => vec!["lab".into()],
        None => options.args.clone(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn dsr(line: &[&str]) -> Option<Vec<OsString>> {
        let line = std::iter::once(&"run").chain(line);
        Line::try_parse_from(line).ok().map(|line| arguments(&line.options))
    }

    #[test]
    fn each_form_becomes_its_command() {
        let words = |words: &[&str]| Some(words.iter().map(OsString::from).collect());
        assert_eq!(dsr(&[]), words(&["lab"]));
        assert_eq!(dsr(&["-c", "lb.yaml"]), words(&["run", "-c", "lb.yaml"]));
        assert_eq!(dsr(&["--", "lab", "--json"]), words(&["lab", "--json"]));
    }

    #[test]
    fn a_file_and_arguments_together_are_refused() {
        assert_eq!(dsr(&["-c", "lb.yaml", "--", "status"]), None);
        assert_eq!(dsr(&["status"]), None);
    }
}
