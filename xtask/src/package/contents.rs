//! What a package holds: a directory laid out as the system's root, for cargo-deb, cargo-generate-rpm or tar to take.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{binary::Binary, write};
use crate::{process, workspace::Workspace};

/// Where a unit of deploy/ expects the binary, and where packages put it.
const UNIT_BINARY: &str = "/usr/local/sbin/dsr";
const BINARY: &str = "/usr/sbin/dsr";

const UNITS: [&str; 2] = ["dsr.service", "dsr-backend.service"];
/// Files below usr/share/doc/dsr, by their path in the repository.
const DOCUMENTS: [&str; 5] = ["LICENSE-MIT", "LICENSE-APACHE", "LICENSE-GPL2", "CHANGELOG.md", "README.md"];
const MONITORING: [&str; 2] = ["grafana-dashboard.json", "prometheus-rules.yaml"];
const DOC: &str = "usr/share/doc/dsr";

/// What a directory is staged for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Deb,
    Rpm,
    Tarball,
}

/// Documents that packaging generates.
pub(super) struct Generated {
    /// The date that man pages bear.
    pub(super) date: String,
    pub(super) notices: String,
    pub(super) sbom: String,
}

impl Format {
    /// The name of its directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Tarball => "tar",
        }
    }

    /// Where its system's zsh looks for completions of packages.
    fn zsh(self) -> &'static str {
        match self {
            Self::Deb => "usr/share/zsh/vendor-completions",
            Self::Rpm | Self::Tarball => "usr/share/zsh/site-functions",
        }
    }
}

/// Fills `root`.
pub(super) fn stage(
    workspace: &Workspace,
    root: &Path,
    format: Format,
    binary: &Binary,
    generated: &Generated,
) -> Result<()> {
    let program = root.join(BINARY.trim_start_matches('/'));
    write(&program, fs::read(&binary.stripped).context("reading the binary")?)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).context("making the binary executable")?;
    stage_files(workspace, root)?;
    stage_completions(&program, root, format)?;
    let pages = root.join("usr/share/man/man8");
    fs::create_dir_all(&pages).context("making room for man pages")?;
    process::run_aside(Command::new(&program).args(["man-pages", "--date", &generated.date]).arg(&pages))?;
    write(&root.join(DOC).join("THIRD-PARTY-LICENSES"), &generated.notices)?;
    write(&root.join(DOC).join("dsr.cdx.json"), &generated.sbom)
}

/// Files that are in the repository.
fn stage_files(workspace: &Workspace, root: &Path) -> Result<()> {
    let deploy = workspace.root().join("deploy");
    for name in UNITS {
        let text = read(&deploy.join(name))?;
        write(&root.join("usr/lib/systemd/system").join(name), unit(&text)?)?;
    }
    let copies = [
        ("deploy/packaging/sysctl.conf", "etc/sysctl.d/60-dsr.conf"),
        ("deploy/packaging/tmpfiles.conf", "usr/lib/tmpfiles.d/dsr.conf"),
    ];
    let mut copies: Vec<(PathBuf, PathBuf)> = copies.map(|(from, to)| (from.into(), to.into())).to_vec();
    copies.extend(DOCUMENTS.map(|name| (name.into(), Path::new(DOC).join(name))));
    copies
        .extend(MONITORING.map(|name| (Path::new("deploy").join(name), Path::new(DOC).join("monitoring").join(name))));
    for directory in ["examples", "examples/backend"] {
        for file in yaml_files(&workspace.root().join(directory))? {
            let name = Path::new(directory).join(file.file_name().context("an example without a name")?);
            copies.push((name.clone(), Path::new(DOC).join(name)));
        }
    }
    for (from, to) in copies {
        write(&root.join(to), read(&workspace.root().join(from))?)?;
    }
    Ok(())
}

fn stage_completions(program: &Path, root: &Path, format: Format) -> Result<()> {
    let files = [
        ("bash", "usr/share/bash-completion/completions", "dsr"),
        ("zsh", format.zsh(), "_dsr"),
        ("fish", "usr/share/fish/vendor_completions.d", "dsr.fish"),
    ];
    for (shell, directory, name) in files {
        let script = process::read(Command::new(program).args(["completions", shell]))?;
        write(&root.join(directory).join(name), script)?;
    }
    Ok(())
}

/// A unit as packages have it: for their binary, and without how to install it by hand.
fn unit(text: &str) -> Result<String> {
    let Some(start) = text.find("\n[Unit]\n") else {
        bail!("a unit of deploy/ has no [Unit] section after its introduction")
    };
    Ok(text[start + 1..].replace(UNIT_BINARY, BINARY))
}

/// The assets of cargo-generate-rpm for everything that is staged below `root`, as TOML.
pub(super) fn rpm_assets(root: &Path) -> Result<String> {
    let mut files = Vec::new();
    add_files(root, &mut files)?;
    files.sort();
    let mut assets = String::from("assets = [\n");
    for file in files {
        let place = Path::new("/").join(file.strip_prefix(root).context("a staged file elsewhere")?);
        let mode = if place == Path::new(BINARY) { "755" } else { "644" };
        let kept = if place.starts_with("/etc") { ", config = \"noreplace\"" } else { "" };
        let (source, place) = (file.display(), place.display());
        let _ = writeln!(assets, "    {{ source = \"{source}\", dest = \"{place}\", mode = \"{mode}\"{kept} }},");
    }
    Ok(assets + "]\n")
}

/// Adds every file below a directory.
fn add_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            add_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn yaml_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_start_the_packages_binary() {
        let workspace = Workspace::find().unwrap();
        for name in UNITS {
            let unit = unit(&read(&workspace.root().join("deploy").join(name)).unwrap()).unwrap();
            assert!(unit.starts_with("[Unit]\n") && unit.contains("ExecStart=/usr/sbin/dsr "), "{unit}");
            assert!(!unit.contains("/usr/local") && !unit.contains("install -m"), "{unit}");
            // Scripts restart it after an upgrade, which must not detach the program.
            assert!(unit.contains("\nRestartKillSignal=SIGUSR1\n"), "{unit}");
        }
    }

    #[test]
    fn every_file_of_the_repository_that_packages_hold_is_there() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::find().unwrap();
        stage_files(&workspace, root.path()).unwrap();
        for file in ["LICENSE-GPL2", "CHANGELOG.md", "monitoring/prometheus-rules.yaml", "examples/cluster.yaml"] {
            assert!(root.path().join(DOC).join(file).is_file(), "{file}");
        }
        assert!(root.path().join("usr/lib/systemd/system/dsr-backend.service").is_file());
    }

    #[test]
    fn an_rpm_keeps_configurations_and_executes_only_the_binary() {
        let root = tempfile::tempdir().unwrap();
        for file in ["usr/sbin/dsr", "usr/share/doc/dsr/README.md", "etc/sysctl.d/60-dsr.conf"] {
            write(&root.path().join(file), "").unwrap();
        }
        let assets = rpm_assets(root.path()).unwrap();
        assert_eq!(assets.matches("noreplace").count(), 1, "{assets}");
        assert!(
            assets.contains(r#"dest = "/etc/sysctl.d/60-dsr.conf", mode = "644", config = "noreplace" "#),
            "{assets}"
        );
        assert!(assets.contains(r#"dest = "/usr/sbin/dsr", mode = "755" "#), "{assets}");
        assert_eq!(assets.matches("644").count(), 2, "{assets}");
    }

    #[test]
    fn hints_for_sysctl_change_nothing() {
        let file = Workspace::find().unwrap().root().join("deploy/packaging/sysctl.conf");
        let text = read(&file).unwrap();
        let in_force: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert!(in_force.is_empty(), "{in_force:?}");
    }

    #[test]
    fn shellcheck_finds_nothing_in_the_scripts_of_packages() {
        let scripts = Workspace::find().unwrap().root().join("deploy/packaging");
        let mut files = Vec::new();
        for format in ["deb", "rpm"] {
            files.extend(fs::read_dir(scripts.join(format)).unwrap().map(|entry| entry.unwrap().path()));
        }
        assert!(files.len() >= 6, "{files:?}");
        process::read(Command::new("shellcheck").args(["--shell=sh", "--format=gcc"]).args(&files)).unwrap();
    }
}
