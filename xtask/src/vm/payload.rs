//! What is tested: the binaries of this repository with their shared libraries, the scripts of `tests/vm`, the command.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    cpio::{Cpio, Use},
    tools::relative,
};
use crate::{apt, artifacts, kernel, process, workspace::Workspace};

/// Binaries and test programs that go into the machine, by their target.
const BINARIES: [&str; 2] = ["dsr", "vm-guest"];
const TESTS: [&str; 8] =
    ["backend", "backend_program", "datapath", "fixtures", "health", "differential", "neighbour", "tunnels"];
/// Programs of this machine that go into the virtual one: busybox's shell would run busybox's own `ip`, which knows too
/// little.
const HOST_PROGRAMS: [HostProgram; 3] = [
    HostProgram { path: "bin/sh", name: "sh", package: "dash" },
    HostProgram { path: "usr/bin/ip", name: "ip", package: "iproute2" },
    HostProgram { path: "usr/bin/nft", name: "nft", package: "nftables" },
];
/// The scripts' directory, in the repository and in the machine.
const SCRIPTS: &str = "tests/vm";

/// Files that tests read when they run, by the path that they were compiled with.
const FIXTURES: [&str; 2] = ["tests/tests/fixtures", "tests/tests/backend_program/frames"];

/// A program, its path in the virtual machine, and Debian's package that it is in.
struct HostProgram {
    path: &'static str,
    name: &'static str,
    package: &'static str,
}

/// Files for the virtual machine, by their path there.
pub(super) struct Payload {
    files: BTreeMap<PathBuf, (Use, Vec<u8>)>,
}

impl Payload {
    /// Builds the binaries and gathers all files. `command` replaces the suite unless it is empty.
    pub(super) fn build(workspace: &Workspace, command: &[String]) -> Result<Self> {
        let mut payload = Self { files: BTreeMap::new() };
        for (name, program) in binaries(workspace)? {
            payload.program(&Path::new("usr/bin").join(&name), &stripped(workspace, &name, &program)?)?;
        }
        for HostProgram { path, name, package } in HOST_PROGRAMS {
            if process::find_program(name).is_none() {
                apt::install(&[package])?;
            }
            let program = process::find_program(name).with_context(|| format!("there is no `{name}`"))?;
            payload.program(Path::new(path), &program)?;
        }
        payload.directory(&workspace.root().join(SCRIPTS), Path::new(SCRIPTS))?;
        for fixtures in FIXTURES.map(|directory| workspace.root().join(directory)) {
            payload.directory(&fixtures, relative(&fixtures))?;
        }
        payload.data("command", Use::Program, script(command).into_bytes());
        Ok(payload)
    }

    /// Adds all files to an archive.
    pub(super) fn add_to(&self, cpio: &mut Cpio) {
        for (path, (what, content)) in &self.files {
            cpio.file(path, *what, content);
        }
        cpio.link(Path::new("init"), &format!("{SCRIPTS}/init"));
    }

    /// A program and the libraries that it is linked with, these where they are on this machine.
    fn program(&mut self, path: &Path, program: &Path) -> Result<()> {
        let linked = process::read(Command::new("ldd").arg(program))?;
        for library in libraries(&linked) {
            self.file(relative(&library), &library)?;
        }
        self.file(path, program)
    }

    fn directory(&mut self, from: &Path, to: &Path) -> Result<()> {
        for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
            let to = to.join(name);
            if path.is_dir() { self.directory(&path, &to)? } else { self.file(&to, &path)? }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, from: &Path) -> Result<()> {
        let read = || -> std::io::Result<_> {
            let executable = fs::metadata(from)?.permissions().mode() & 0o111 != 0;
            Ok((if executable { Use::Program } else { Use::Data }, fs::read(from)?))
        };
        let file = read().with_context(|| format!("reading {}", from.display()))?;
        self.files.insert(path.to_owned(), file);
        Ok(())
    }

    fn data(&mut self, path: &str, what: Use, content: Vec<u8>) {
        self.files.insert(path.into(), (what, content));
    }
}

/// Builds what goes into the machine; gives names and paths.
fn binaries(workspace: &Workspace) -> Result<Vec<(String, PathBuf)>> {
    let programs = artifacts::build(workspace, &kernel::build(workspace)?)?;
    let wanted = BINARIES.map(|name| (name, false)).into_iter().chain(TESTS.map(|name| (name, true)));
    let find = |(name, is_test): (&str, bool)| {
        let program = programs.iter().find(|program| program.target == name && program.is_test == is_test);
        let program = program.with_context(|| format!("cargo built no {name}"))?;
        Ok((name.to_owned(), program.executable.clone()))
    };
    wanted.map(find).collect()
}

/// A copy of a program without what only a debugger reads, which is nearly all of it: the machine holds its files in
/// memory.
fn stripped(workspace: &Workspace, name: &str, program: &Path) -> Result<PathBuf> {
    let Some(strip) = process::find_program("strip") else { return Ok(program.to_owned()) };
    let directory = workspace.machines().join("stripped");
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    let copy = directory.join(name);
    process::run_aside(Command::new(strip).arg("--strip-debug").arg("-o").arg(&copy).arg(program))?;
    Ok(copy)
}

/// The files in the answer of `ldd`: `NAME => FILE (ADDRESS)` or `FILE (ADDRESS)`.
fn libraries(linked: &str) -> Vec<PathBuf> {
    let file = |line: &str| {
        let words = line.split_once("=> ").map_or(line, |(_, file)| file);
        words.split_whitespace().next().filter(|word| word.starts_with('/')).map(PathBuf::from)
    };
    linked.lines().filter_map(file).collect()
}

/// A script that becomes the command, or the suite.
fn script(command: &[String]) -> String {
    let quoted = command.iter().map(|word| format!(" '{}'", word.replace('\'', r"'\''")));
    let command: String = if command.is_empty() { " suite".into() } else { quoted.collect() };
    format!("#!/bin/sh\nexec{command}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_keeps_its_words() {
        let words = ["sh", "-c", "echo it's $HOME"].map(String::from);
        assert_eq!(script(&words), "#!/bin/sh\nexec 'sh' '-c' 'echo it'\\''s $HOME'\n");
        assert_eq!(script(&[]), "#!/bin/sh\nexec suite\n");
    }

    #[test]
    fn libraries_are_files() {
        let linked =
            "\tlinux-vdso.so.1 (0x00007f)\n\tlibc.so.6 => /lib/libc.so.6 (0x00007f)\n\t/lib64/ld.so (0x00007f)\n";
        assert_eq!(libraries(linked), [PathBuf::from("/lib/libc.so.6"), PathBuf::from("/lib64/ld.so")]);
        assert!(libraries("\tstatically linked\n").is_empty());
    }
}
