//! Debian packages: install what is missing, without starting a daemon and without removing anything.

use std::{collections::BTreeSet, fs, process::Command};

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

/// Fetches the package lists.
fn update() -> Result<()> {
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
    fn a_candidate_is_a_version() {
        assert!(has_candidate("curl:\n  Installed: (none)\n  Candidate: 7.88.1-10\n"));
        assert!(!has_candidate("curl:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!has_candidate(""));
    }
}
