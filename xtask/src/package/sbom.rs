//! The bill of materials: every crate that `dsr` is built from, in the format of `CycloneDX`.

use std::fs;

use anyhow::{Context, Result};

use super::{tools, version::Version};
use crate::{
    process::{self, step},
    workspace::Workspace,
};

/// The name that the tool gives its file beside each package's manifest.
const NAME: &str = "dsr-sbom";

/// The bill of `dsr`, as JSON.
pub(super) fn generate(workspace: &Workspace, version: &Version) -> Result<String> {
    let tool = tools::find(workspace, &tools::SBOM)?;
    step("listing what dsr is built from");
    let mut command = tools::command(workspace, &tool, "cyclonedx", version);
    command.args(["--manifest-path", "dsr-userspace/Cargo.toml", "--format", "json", "--spec-version", "1.5", "-qq"]);
    command.args(["--target", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH), "--override-filename", NAME]);
    let made = process::run_aside(&mut command);
    let file = |directory: &str| workspace.root().join(directory).join(format!("{NAME}.json"));
    let bill = made.and_then(|()| fs::read_to_string(file("dsr-userspace")).context("reading the bill of materials"));
    // It writes one for each package of the workspace.
    for directory in packages(workspace)? {
        let _ = fs::remove_file(file(&directory));
    }
    Ok(bill?.replace(&workspace.root().display().to_string(), "/usr/src/dsr"))
}

/// The directories of the workspace's packages.
fn packages(workspace: &Workspace) -> Result<Vec<String>> {
    let manifest = fs::read_to_string(workspace.root().join("Cargo.toml")).context("reading Cargo.toml")?;
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = [")).context("reading the members")?;
    Ok(members.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspaces_packages_are_found() {
        let workspace = Workspace::find().unwrap();
        let packages = packages(&workspace).unwrap();
        assert!(packages.contains(&"dsr-userspace".to_owned()), "{packages:?}");
        assert!(packages.iter().all(|one| workspace.root().join(one).join("Cargo.toml").is_file()), "{packages:?}");
    }
}
