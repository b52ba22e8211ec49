//! The programs that cargo builds for the tests: one build serves those of this machine and the virtual machines.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

use crate::{
    cargo, kernel,
    process::{self, step},
    workspace::Workspace,
};

/// A program that cargo has built, or found built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// The target's name: that of a binary, of a file in `tests/`, or of the crate whose unit tests it runs.
    pub(crate) target: String,
    /// Whether it is a libtest program.
    pub(crate) is_test: bool,
    /// The directory of its package, where cargo would start it.
    pub(crate) package: PathBuf,
    /// The file.
    pub(crate) executable: PathBuf,
}

/// Builds every test program of the workspace and the binaries that they start, as whoever we are. `object` is the kernel
/// object that `dsr` embeds.
pub(crate) fn build(workspace: &Workspace, object: &Path) -> Result<Vec<Program>> {
    step("building the test programs");
    let mut command = cargo::host(workspace);
    command.env(kernel::OBJECT_VARIABLE, object);
    command.args(["test", "--workspace", "--exclude", "dsr-ebpf", "--no-run"]);
    let messages = process::read_aside(command.arg("--message-format=json-render-diagnostics"))?;
    Ok(programs(&messages))
}

/// The programs in cargo's messages (`--message-format=json`, Cargo book, "External tools"), in the order of the messages. Other messages are passed over.
fn programs(messages: &str) -> Vec<Program> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let program = |message: Message| {
        let executable = message.executable?;
        let package = message.manifest_path.parent()?.to_owned();
        Some(Program { target: message.target.name, is_test: message.profile.test, package, executable })
    };
    artifacts.filter_map(program).collect()
}

/// A message of the reason `compiler-artifact`, as far as it matters here; the others have other fields.
#[derive(Deserialize)]
struct Message {
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_the_artifacts_that_can_be_started() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/w/dsr/Cargo.toml","target":{"name":"dsr"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","manifest_path":"/w/dsr/Cargo.toml","target":{"name":"dsr"},"profile":{"test":true},"executable":"/t/dsr-1"}
{"reason":"build-finished","success":true}
"#;
        let found = Program {
            target: "dsr".to_owned(),
            is_test: true,
            package: "/w/dsr".into(),
            executable: "/t/dsr-1".into(),
        };
        assert_eq!(programs(messages), [found]);
    }
}
