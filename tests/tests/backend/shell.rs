//! Every shell script of every system is one for `sh`, and shellcheck finds nothing.

use std::{fs, process::Command};

use dsr::backend::{Action, System};
use dsr_tests::lab::process::finish;

use crate::scripts::{all, text};

/// The shell scripts, of each system, action and means the longest, or all: each text once, as files.
fn written(directory: &std::path::Path, longest: bool) -> Vec<std::path::PathBuf> {
    let shell = all().into_iter().filter(|asked| match asked.system {
        System::Windows => false,
        System::Pod => asked.action == Action::Check,
        _ => true,
    });
    let mut texts: Vec<_> =
        shell.map(|asked| (format!("{:?}", (asked.system, asked.action, asked.means)), text(&asked))).collect();
    texts.sort_unstable_by_key(|(kind, text)| (kind.clone(), text.len()));
    texts.dedup();
    let last = |index: usize| texts.get(index + 1).is_none_or(|next| next.0 != texts[index].0);
    let kept: Vec<_> =
        (0..texts.len()).filter(|index| !longest || last(*index)).map(|index| texts[index].1.clone()).collect();
    let write = |(number, text)| {
        let path = directory.join(format!("{number}.sh"));
        fs::write(&path, text).unwrap();
        path
    };
    kept.into_iter().enumerate().map(write).collect()
}

#[test]
fn shells_parse_them() {
    let directory = tempfile::tempdir().unwrap();
    for path in written(directory.path(), false) {
        let output = finish(Command::new("sh").arg("-n").arg(&path));
        assert!(output.status.success(), "{output:?}:\n{}", fs::read_to_string(path).unwrap());
    }
}

#[test]
fn shellcheck_finds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let paths = written(directory.path(), true);
    assert!(paths.len() > 25, "{}", paths.len());
    // All at once: the program starts slowly.
    let output = finish(Command::new("shellcheck").args(["--shell=sh", "--format=gcc"]).args(&paths));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
