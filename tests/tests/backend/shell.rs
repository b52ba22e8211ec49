//! Every shell script is one for the `sh` of its system, and shellcheck finds nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use dsr::backend::{Action, System};
use dsr_tests::lab::process::finish;

use crate::scripts::{all, text};

/// The shell scripts, of each system, action and means the longest, or all: each text once, as files.
fn written(directory: &Path, longest: bool) -> Vec<(System, PathBuf)> {
    let shell = all().into_iter().filter(|asked| match asked.system {
        System::Windows => false,
        System::Pod => asked.action == Action::Check,
        _ => true,
    });
    let mut texts: Vec<_> = shell
        .map(|asked| (format!("{:?}", (asked.system, asked.action, asked.means)), text(&asked), asked.system))
        .collect();
    texts.sort_unstable_by_key(|(kind, text, _)| (kind.clone(), text.len()));
    texts.dedup();
    let last = |index: usize| texts.get(index + 1).is_none_or(|next| next.0 != texts[index].0);
    let kept = (0..texts.len()).filter(|index| !longest || last(*index));
    let write = |index: usize| {
        let (path, (_, text, system)) = (directory.join(format!("{index}.sh")), &texts[index]);
        fs::write(&path, text).unwrap();
        (*system, path)
    };
    kept.map(write).collect()
}

/// What `/bin/sh` is there, or may be: a program and its arguments.
const fn shells(system: System) -> &'static [&'static [&'static str]] {
    match system {
        // Debian's dash, and bash elsewhere.
        System::Linux | System::Docker | System::Pod => &[DASH, BASH],
        // An Almquist shell, as dash is.
        System::Freebsd => &[DASH],
        // One of three, by `/private/var/select/sh`.
        System::Macos => &[BASH, DASH, ZSH],
        System::Solaris | System::Illumos => &[KSH],
        System::Windows => &[],
    }
}

fn parse(shell: &[&str], path: &Path) -> Output {
    finish(Command::new(shell[0]).args(&shell[1..]).arg("-n").arg(path))
}

#[test]
fn the_shells_of_each_system_parse_them() {
    let directory = tempfile::tempdir().unwrap();
    for (system, path) in written(directory.path(), false) {
        for shell in shells(system) {
            let output = parse(shell, &path);
            assert!(output.status.success(), "{output:?}:\n{}", fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_shell_finds_what_is_broken() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken.sh");
    for broken in
        ["if true; then\n    echo\n", "echo 'a\n", "for a in b; do echo\n", "case a in b) echo;;\n", "f() {\n"]
    {
        fs::write(&path, broken).unwrap();
        for shell in [DASH, BASH, ZSH, KSH] {
            assert!(!parse(shell, &path).status.success(), "{shell:?} takes {broken:?}");
        }
    }
}

#[test]
fn shellcheck_finds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<_> = written(directory.path(), true).into_iter().map(|(_, path)| path).collect();
    assert!(paths.len() > 25, "{}", paths.len());
    // All at once: the program starts slowly.
    let output = finish(Command::new("shellcheck").args(["--shell=sh", "--format=gcc"]).args(&paths));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

const DASH: &[&str] = &["dash"];
const BASH: &[&str] = &["bash", "--posix"];
const ZSH: &[&str] = &["zsh", "--emulate", "sh"];
const KSH: &[&str] = &["ksh93"];
