//! What cargo says it has built: `--message-format=json`, one object a line (Cargo book, "External tools").

use std::path::PathBuf;

use serde::Deserialize;

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

/// The programs in cargo's messages, in the order of the messages. Other messages are passed over.
pub(crate) fn programs(messages: &str) -> Vec<Program> {
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
