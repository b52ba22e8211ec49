//! Programs that checks run, as this host has them.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Read as _},
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::Path,
};

use super::at::shown;

/// Why a program cannot be run, and what to do; nothing where it can.
pub(super) fn unfit(program: &Path) -> Option<String> {
    match fs::metadata(program) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Some("no such program on this host: install it, or correct the path".to_owned())
        }
        Ok(file) if !file.is_file() => Some("is not a program: write the path of one".to_owned()),
        Ok(file) if file.permissions().mode() & ANYBODY == 0 => {
            Some(format!("it is not executable: `chmod +x {}`", program.display()))
        }
        Ok(_) => unfit_start(&start(program).ok()?),
        // Whoever runs the agent may be allowed to see more.
        Err(_) => None,
    }
}

/// The bytes of a program that the kernel looks at.
fn start(program: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(program)?.take(START).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As [`unfit`], by what the kernel finds at the start of the file (execve(2)).
fn unfit_start(start: &[u8]) -> Option<String> {
    if start.is_empty() {
        return Some("it is empty: write a script that begins with `#!/bin/sh`, or name another program".to_owned());
    }
    if start.starts_with(ELF) {
        return None;
    }
    let Some(script) = start.strip_prefix(b"#!") else {
        let message = "it has no `#!` line and is no ELF program, so that the kernel cannot run it: add its interpreter \
                       as the first line, like `#!/bin/sh`";
        return Some(message.to_owned());
    };
    let line = script.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | 0)).filter(|word| !word.is_empty());
    unfit_interpreter(Path::new(OsStr::from_bytes(words.next().unwrap_or_default())))
}

fn unfit_interpreter(interpreter: &Path) -> Option<String> {
    let shown = shown(&interpreter.to_string_lossy());
    if interpreter.as_os_str().as_bytes().ends_with(b"\r") {
        return Some("its `#!` line ends with a carriage return: save it with the line ends of Unix".to_owned());
    }
    if !interpreter.is_absolute() {
        return Some(format!(
            "its `#!` line names `{shown}`: write the absolute path of an interpreter, like `#!/bin/sh`"
        ));
    }
    match fs::metadata(interpreter) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Some(format!("its interpreter {shown} does not exist on this host: install it, or correct the `#!` line"))
        }
        Ok(file) if !file.is_file() || file.permissions().mode() & ANYBODY == 0 => Some(format!(
            "its interpreter {shown} is not executable: name a program in the `#!` line, like `#!/bin/sh`"
        )),
        Err(_) | Ok(_) => None,
    }
}

/// How many bytes the kernel reads to find out what a program is (`BINPRM_BUF_SIZE`).
const START: u64 = 256;

/// The first bytes of an ELF file.
const ELF: &[u8] = b"\x7fELF";

/// Execution by owner, group or others (chmod(2)).
const ANYBODY: u32 = 0o111;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_run_is_a_program() {
        assert_eq!(unfit(Path::new("/bin/sh")), None);
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("check-web");
        assert!(unfit(&script).unwrap().contains("no such program"));
        fs::write(&script, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(unfit(&script).unwrap().contains("chmod +x"));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(unfit(&script), None);
        assert!(unfit(directory.path()).unwrap().contains("is not a program"));
    }

    #[test]
    fn a_script_needs_its_interpreter() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("check-web");
        let told = |text: &[u8]| {
            fs::write(&script, text).unwrap();
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
            unfit(&script).unwrap_or_default()
        };
        for good in [&b"#!/bin/sh"[..], b"#! /bin/sh -e\nexit 0\n", b"#!/usr/bin/env no-such-language\n", ELF] {
            assert_eq!(told(good), "", "{}", String::from_utf8_lossy(good));
        }
        let data = directory.path().join("data");
        fs::write(&data, "data").unwrap();
        for (text, expected) in [
            (String::new(), "it is empty"),
            ("exit 0\n".to_owned(), "it has no `#!` line and is no ELF program"),
            ("#!/usr/bin/no-such-shell -e\n".to_owned(), "its interpreter /usr/bin/no-such-shell does not exist"),
            ("#!/bin/sh\r\nexit 0\r\n".to_owned(), "its `#!` line ends with a carriage return"),
            ("#!\nexit 0\n".to_owned(), "its `#!` line names ``: write the absolute path"),
            ("#!python3\n".to_owned(), "its `#!` line names `python3`: write the absolute path"),
            (format!("#!{}\n", data.display()), "is not executable: name a program"),
        ] {
            assert!(told(text.as_bytes()).contains(expected), "{text}: {}", told(text.as_bytes()));
        }
    }
}
