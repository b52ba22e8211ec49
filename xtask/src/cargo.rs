//! Inner calls of cargo. What the outer `cargo run` put into the environment must not reach them: it describes xtask's
//! own build, and its compiler is not the one that the kernel side needs.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{process, workspace::Workspace};

/// Cargo for programs of this machine, with the caller's toolchain and settings.
pub(crate) fn host(workspace: &Workspace) -> Command {
    command(workspace, &caller(), describes_xtask)
}

/// Cargo with nothing of the caller's settings but where it may download from. `cargo` is its path.
pub(crate) fn isolated(workspace: &Workspace, cargo: &Path) -> Command {
    command(workspace, cargo, |name| describes_xtask(name) || chooses_how_to_compile(name))
}

/// The cargo that runs xtask.
pub(crate) fn caller() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Makes cargo start the programs that it builds as root, where we are not: compiling itself needs no root.
pub(crate) fn run_as_root(command: &mut Command) -> anyhow::Result<()> {
    if !process::is_root() {
        let about = process::read(Command::new(caller()).arg("-vV"))?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        command.env(runner_variable(host), "sudo -E");
    }
    Ok(())
}

fn command(workspace: &Workspace, cargo: &Path, unwanted: impl Fn(&str) -> bool) -> Command {
    let mut command = Command::new(cargo);
    command.current_dir(workspace.root());
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(&unwanted)) {
        command.env_remove(name);
    }
    if let Some(path) = env::var_os("LD_LIBRARY_PATH") {
        match without_cargo_entries(&path, workspace.root()) {
            Some(path) => command.env("LD_LIBRARY_PATH", path),
            None => command.env_remove("LD_LIBRARY_PATH"),
        };
    }
    command
}

/// Variables that cargo sets for the program it runs.
fn describes_xtask(name: &str) -> bool {
    const NAMES: [&str; 4] = ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    const PREFIXES: [&str; 3] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Variables that choose a compiler, its flags or its target. The few that only say how to fetch and print stay.
fn chooses_how_to_compile(name: &str) -> bool {
    const KEPT: [&str; 6] =
        ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_TERM_", "CARGO_BUILD_JOBS"];
    const OTHERS: [&str; 5] = ["RUSTFLAGS", "RUSTDOC", "RUSTDOCFLAGS", "RUSTUP_TOOLCHAIN", "RUST_RECURSION_COUNT"];
    let of_cargo = name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept));
    of_cargo || name == "RUSTC" || name.starts_with("RUSTC_") || OTHERS.contains(&name)
}

/// The library path without what `cargo run` put in front: its target directory and its toolchain's libraries.
fn without_cargo_entries(path: &OsStr, root: &Path) -> Option<OsString> {
    let of_cargo = |dir: &PathBuf| {
        let toolchain = dir.components().any(|part| part.as_os_str() == "rustlib" || part.as_os_str() == "toolchains");
        dir.starts_with(root) || toolchain || dir.as_os_str().is_empty()
    };
    let kept: Vec<_> = env::split_paths(path).filter(|dir| !of_cargo(dir)).collect();
    if kept.is_empty() { None } else { env::join_paths(kept).ok() }
}

fn runner_variable(host: &str) -> String {
    format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_build_does_not_leak() {
        for name in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_BIN_NAME"] {
            assert!(describes_xtask(name), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE", "RUSTUP_TOOLCHAIN", "RUSTC"] {
            assert!(!describes_xtask(name), "{name}");
        }
    }

    #[test]
    fn an_isolated_cargo_keeps_only_how_to_fetch_and_print() {
        for name in ["RUSTC", "RUSTC_WRAPPER", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "CARGO_ENCODED_RUSTFLAGS"] {
            assert!(chooses_how_to_compile(name), "{name}");
        }
        for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "CARGO_PROFILE_RELEASE_LTO"] {
            assert!(chooses_how_to_compile(name), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_TERM_COLOR", "RUSTUP_HOME", "RUST_BACKTRACE", "PATH"] {
            assert!(!chooses_how_to_compile(name), "{name}");
        }
    }

    #[test]
    fn the_library_path_keeps_the_callers_entries() {
        let root = Path::new("/src/dsr");
        let path = "/src/dsr/target/debug/deps:/home/me/.rustup/toolchains/stable/lib:/opt/lib";
        assert_eq!(without_cargo_entries(OsStr::new(path), root), Some("/opt/lib".into()));
        assert_eq!(without_cargo_entries(OsStr::new("/src/dsr/target/debug"), root), None);
    }

    #[test]
    fn the_runner_variable_is_spelled_as_cargo_does() {
        assert_eq!(runner_variable("x86_64-unknown-linux-gnu"), "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER");
    }
}
