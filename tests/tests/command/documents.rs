//! Completions and man pages, as the shells and the formatter of man pages take them.

use std::{fs, path::PathBuf, process::Command};

use dsr_tests::lab::{dsr_program, process::finish};

#[test]
fn each_shell_parses_its_completions() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = finish(Command::new(dsr_program()).args(["completions", shell]));
        assert!(script.status.success() && script.stdout.len() > 1000, "{script:?}");
        let file = directory.path().join(shell);
        fs::write(&file, script.stdout).unwrap();
        let parsed = finish(Command::new(shell).arg("-n").arg(&file));
        assert!(parsed.status.success() && parsed.stderr.is_empty(), "{shell}: {parsed:?}");
    }
}

#[test]
fn bash_completes_a_command_and_its_option() {
    let complete = r#"source <(dsr completions bash)
        COMP_WORDS=(dsr und) COMP_CWORD=1 && _dsr dsr und dsr && echo "${COMPREPLY[@]}"
        COMP_WORDS=(dsr status --js) COMP_CWORD=2 && _dsr dsr --js status && echo "${COMPREPLY[@]}""#;
    let program = dsr_program();
    let path = program.parent().unwrap().display().to_string() + ":/usr/bin:/bin";
    let output = finish(Command::new("bash").env("PATH", path).args(["--norc", "-c", complete]));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "undrain\n--json\n", "{output:?}");
}

#[test]
fn man_pages_have_no_errors() {
    let directory = tempfile::tempdir().unwrap();
    let written = finish(Command::new(dsr_program()).args(["man-pages", "--date=2026-11-29"]).arg(directory.path()));
    assert!(written.status.success(), "{written:?}");
    let pages: Vec<PathBuf> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(pages.iter().any(|page| page.ends_with("dsr-status.8")), "{pages:?}");
    let linted = finish(Command::new("mandoc").args(["-T", "lint", "-W", "error"]).args(&pages));
    assert!(linted.status.success() && linted.stdout.is_empty(), "{linted:?}");
    let shown = finish(Command::new("mandoc").args(["-T", "ascii"]).arg(directory.path().join("dsr-drain.8")));
    let shown = plain(&String::from_utf8_lossy(&shown.stdout));
    assert!(shown.contains("dsr drain web1") && shown.contains("2026-11-29"), "{shown}");
}

/// A text without what a printer strikes twice for bold and underlined characters.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        if character == '\u{8}' { _ = plain.pop() } else { plain.push(character) }
    }
    plain
}
