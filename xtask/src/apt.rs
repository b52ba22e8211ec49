//! Debian packages: install what is missing, without starting a daemon and without removing anything.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::process::{self, step};

/// Run as root by `sh -c`, the packages being its arguments. Debian asks policy-rc.d before it starts a daemon; the
/// trap takes ours away again however this ends.
const INSTALL: &str = r#"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" || exit 1
fi
DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends --no-remove "$@"
"#;

/// Daemons that packages of ours bring along, by the name of the process.
const DAEMONS: [&str; 3] = ["nginx", "prometheus", "iperf3"];
/// Their units, which must not start with the next boot either.
const UNITS: [&str; 3] = ["nginx.service", "prometheus.service", "iperf3.service"];

/// Whether this is a system with apt.
pub(crate) fn exists() -> bool {
    process::find_program("apt-get").is_some()
}

/// Whether apt could install the package, by the lists that it has now.
pub(crate) fn knows(package: &str) -> bool {
    let policy = process::read(Command::new("apt-cache").env("LC_ALL", "C").args(["policy", package]));
    policy.is_ok_and(|policy| has_candidate(&policy))
}

/// Installs those of the packages that are missing.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<_> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !exists() {
        bail!("missing, and there is no apt-get to install them with: {}", missing.join(" "));
    }
    let mut fresh = false;
    if !missing.iter().all(|package| knows(package)) {
        update()?;
        fresh = true;
    }
    step(format_args!("installing with apt: {}", missing.join(" ")));
    let before = daemons();
    if let Err(error) = install_now(&missing) {
        if fresh {
            return Err(error);
        }
        // Lists from long ago name packages that are gone from the archive.
        update()?;
        install_now(&missing)?;
    }
    disable_units();
    let started: Vec<_> = daemons().difference(&before).map(|(_, name)| name.clone()).collect();
    if !started.is_empty() {
        bail!("installing {} started on this host: {}; stop it and run again", missing.join(" "), started.join(" "));
    }
    Ok(())
}

/// Installs the newest versions that the archive has now of packages that may be installed already.
pub(crate) fn upgrade(packages: &[&str]) -> Result<()> {
    update()?;
    install_now(packages)
}

/// The packages and those missing ones that they need, as `apt-get install` would choose them now: `NAME=VERSION`, or
/// `NAME` of what is installed. Nothing is installed.
pub(crate) fn with_dependencies(packages: &[&str]) -> Result<Vec<String>> {
    let simulate = || {
        let mut command = Command::new("apt-get");
        command.env("LC_ALL", "C").args(["install", "--simulate", "--quiet=2", "--no-install-recommends"]);
        process::read(command.args(packages))
    };
    let plan = match simulate() {
        Ok(plan) => plan,
        Err(_) => update().and_then(|()| simulate())?,
    };
    let mut chosen = chosen(&plan);
    for package in packages {
        let versioned = format!("{package}=");
        if !chosen.iter().any(|chosen| chosen.starts_with(&versioned)) {
            chosen.push((*package).to_owned());
        }
    }
    Ok(chosen)
}

/// Downloads the files of packages to a directory; needs no root.
pub(crate) fn download(packages: &[String], directory: &Path) -> Result<()> {
    let attempt = || {
        let mut command = Command::new("apt-get");
        command.current_dir(directory).args(["download", "--quiet=2"]);
        // Else apt complains that its own user cannot write here.
        process::read(command.args(["--option", "APT::Sandbox::User=root"]).args(packages))
    };
    if attempt().is_err() {
        update()?;
        attempt()?;
    }
    Ok(())
}

/// Fetches the package lists.
pub(crate) fn update() -> Result<()> {
    step("fetching apt's package lists");
    process::run_aside(process::as_root("apt-get").args(["update", "--quiet=2"]))
}

fn install_now(packages: &[&str]) -> Result<()> {
    process::run_aside(process::as_root("sh").args(["-c", INSTALL, "install"]).args(packages))
}

/// Only where systemd is; a unit that does not exist is no error to us.
fn disable_units() {
    if process::find_program("systemctl").is_some() {
        for unit in UNITS {
            let _ = process::read(process::as_root("systemctl").args(["--quiet", "disable", unit]));
        }
    }
}

fn is_installed(package: &str) -> bool {
    let status =
        process::read(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]));
    status.is_ok_and(|status| status == "installed")
}

fn has_candidate(policy: &str) -> bool {
    let candidate = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate:"));
    candidate.is_some_and(|version| version.trim() != "(none)")
}

/// What a simulated installation would unpack: lines of `Inst NAME [OLD VERSION] (VERSION ARCHIVE ...)`.
fn chosen(plan: &str) -> Vec<String> {
    let package = |line: &str| {
        let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
        let version = rest.split_once('(')?.1.split_whitespace().next()?;
        Some(format!("{name}={version}"))
    };
    plan.lines().filter_map(package).collect()
}

/// The daemons that run now, as (process id, name).
fn daemons() -> BTreeSet<(String, String)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        Some((entry.file_name().into_string().ok()?, name.trim().to_owned()))
    });
    named.filter(|(_, name)| DAEMONS.contains(&name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_packages_and_versions() {
        let plan = "Remv other [1.0]\nInst seabios (1.16.2-1 Debian:12 [all])\nInst libc6 [2.36-1] (2.36-9 Debian:12 [amd64])\n\
                    Conf seabios (1.16.2-1 Debian:12 [all])\n";
        assert_eq!(chosen(plan), ["seabios=1.16.2-1", "libc6=2.36-9"]);
    }

    #[test]
    fn a_candidate_is_a_version() {
        assert!(has_candidate("curl:\n  Installed: (none)\n  Candidate: 7.88.1-10\n"));
        assert!(!has_candidate("curl:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!has_candidate(""));
    }
}
