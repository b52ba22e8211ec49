//! The C# inside the scripts for Windows: compiled, as the C# 5 that Windows PowerShell's `Add-Type` takes.

use std::{collections::BTreeSet, fs, process::Command};

use dsr::backend::System;
use dsr_tests::lab::process::finish;

use crate::scripts::{all, text};

/// Each source that a script hands to `Add-Type`.
fn sources() -> BTreeSet<String> {
    let windows = all().into_iter().filter(|asked| asked.system == System::Windows);
    let texts = windows.map(|asked| text(&asked));
    texts.filter(|text| text.contains("Add-Type")).map(|text| source(&text).to_owned()).collect()
}

/// What stands in the here-string of a script.
fn source(script: &str) -> &str {
    let (_, begun) = script.split_once("Add-Type -TypeDefinition @'\n").unwrap();
    assert!(!begun.contains("Add-Type"), "two sources in one script");
    begun.split_once("\n'@\n").unwrap().0
}

/// What the compiler finds wrong.
fn compile(source: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let (file, library) = (directory.path().join("source.cs"), directory.path().join("source.dll"));
    fs::write(&file, source).unwrap();
    let mut command = Command::new("mcs");
    command.args(["-langversion:5", "-warn:4", "-warnaserror+", "-target:library"]);
    let output = finish(command.arg(format!("-out:{}", library.display())).arg(&file));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() && library.is_file() { Ok(()) } else { Err(said) }
}

#[test]
fn it_compiles() {
    let sources = sources();
    assert!(!sources.is_empty());
    for source in sources {
        assert_eq!(compile(&source), Ok(()), "{source}");
    }
}

#[test]
fn the_compiler_finds_what_is_broken() {
    let source = sources().pop_first().unwrap();
    for (sound, broken) in [
        ("SetupDiDestroyDeviceInfoList(list); }", "SetupDiDestroyDeviceInfoLists(list); }"),
        ("byte[] hardware", "string hardware"),
        ("throw why;", "throw why"),
        ("using System.Text;", ""),
    ] {
        assert!(source.contains(sound), "{sound}: {source}");
        assert!(compile(&source.replacen(sound, broken, 1)).is_err(), "not found: {broken}");
    }
}
