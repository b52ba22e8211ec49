//! `cargo xtask build`: the kernel side, then the `dsr` binary that embeds it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::{
    cargo, kernel,
    process::{self, step},
    workspace::Workspace,
};

/// How to build the user side; the kernel side is always optimised, the verifier asks for it.
#[derive(Args)]
pub(crate) struct Options {
    /// Optimised (the default).
    #[arg(long)]
    release: bool,
    /// Quick to compile, with assertions.
    #[arg(long, conflicts_with = "release")]
    debug: bool,
}

/// How the user side is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Release,
    Debug,
}

/// The subcommand.
pub(crate) fn task(workspace: &Workspace, options: &Options) -> Result<()> {
    let profile = if options.debug { Profile::Debug } else { Profile::Release };
    build(workspace, profile).map(|_| ())
}

/// Builds both sides and returns the path of `dsr`.
pub(crate) fn build(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    let object = kernel::build(workspace)?;
    let mut command = cargo::host(workspace);
    command.env(kernel::OBJECT_VARIABLE, object);
    command.args(["build", "--package", "dsr-userspace", "--bin", "dsr"]);
    command.args((profile == Profile::Release).then_some("--release"));
    process::run_aside(&mut command)?;
    let binary = workspace.user_target(profile.directory()).join("dsr");
    step(format_args!("user side: {}", workspace.shown(&binary)));
    Ok(binary)
}

impl Profile {
    fn directory(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Debug => "debug",
        }
    }
}
