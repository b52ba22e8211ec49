//! The version of what is packaged, from git: that of the manifest, and which commit.

use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, workspace::Workspace};

/// A version that dpkg and rpm order alike.
pub(super) struct Version {
    pub(super) text: String,
    /// The commit's time in seconds since 1970, which everything packaged bears.
    pub(super) seconds: u64,
    /// The commit's date, for man pages.
    pub(super) date: String,
}

impl Version {
    pub(super) fn of(workspace: &Workspace) -> Result<Self> {
        let git = |arguments: &[&str]| {
            let text = process::read(Command::new("git").current_dir(workspace.root()).args(arguments))?;
            anyhow::Ok(text.trim().to_owned())
        };
        let seconds = git(&["log", "-1", "--format=%ct"])?.parse().context("reading the commit's time")?;
        let number = env!("CARGO_PKG_VERSION");
        let commit = git(&["rev-parse", "--short=10", "HEAD"])?;
        let state = State {
            since_release: git(&["rev-list", "--count", &format!("v{number}..HEAD")]).ok(),
            commits: git(&["rev-list", "--count", "HEAD"])?,
            changed: !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty(),
        };
        Ok(Self { text: text(number, &commit, &state), seconds, date: git(&["log", "-1", "--format=%cs"])? })
    }
}

struct State {
    /// Commits after the tag of the manifest's version, where there is that tag.
    since_release: Option<String>,
    commits: String,
    /// Whether tracked files differ from the commit.
    changed: bool,
}

/// `1.2.3` of the tag itself, `1.2.3+4.gCOMMIT` after it, `1.2.3~400.gCOMMIT` before it: `~` sorts before nothing, `+`
/// after it.
fn text(number: &str, commit: &str, state: &State) -> String {
    let mut text = match state.since_release.as_deref() {
        Some("0") => number.to_owned(),
        Some(count) => format!("{number}+{count}.g{commit}"),
        None => format!("{number}~{}.g{commit}", state.commits),
    };
    if state.changed {
        text += if text == number { "+changed" } else { ".changed" };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(since_release: Option<&str>, commits: u32, changed: bool) -> String {
        let state = State { since_release: since_release.map(str::to_owned), commits: commits.to_string(), changed };
        text("0.1.0", "c396c18a00", &state)
    }

    #[test]
    fn dpkg_orders_versions_as_git_does() {
        let ordered = [
            version(None, 99, false),
            version(None, 454, false),
            version(None, 454, true),
            version(Some("0"), 500, false),
            version(Some("0"), 500, true),
            version(Some("9"), 509, false),
            version(Some("10"), 510, false),
        ];
        assert_eq!(ordered[1], "0.1.0~454.gc396c18a00");
        assert_eq!(ordered[3], "0.1.0");
        if process::find_program("dpkg").is_none() {
            eprintln!("skipped: there is no dpkg");
            return;
        }
        // A tree with changes is one of its commit only in name: its place among later ones does not matter.
        for pair in [[0, 1], [1, 2], [2, 3], [3, 4], [3, 5], [5, 6]] {
            let [older, newer] = pair.map(|index| ordered[index].as_str());
            let compared = Command::new("dpkg").args(["--compare-versions", older, "lt", newer]).status().unwrap();
            assert!(compared.success(), "{older} is not before {newer}");
        }
    }
}
