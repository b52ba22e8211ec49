//! The .deb in a fresh Debian: installed, upgraded, removed and purged, where nothing but dpkg's own packages is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::version::Version;
use crate::{
    apt,
    process::{self, step},
    workspace::Workspace,
};

/// Debian's release that the package is tried on.
const SUITE: &str = "bookworm";

/// Run in the chroot by `sh -eux`: its arguments are the package, a newer one and the version of the first. `confdef` takes
/// dpkg's default answer to a conffile that was changed on both sides.
const STEPS: &str = r#"
dpkg --install "$1"
test "$(dsr --version)" = "dsr $3"
dsr check --schema >/dev/null
test -x /usr/sbin/dsr && test -f /usr/share/man/man8/dsr-status.8.gz
test ! -e /etc/systemd/system/multi-user.target.wants/dsr.service
# What the operator wrote stays through everything, and a changed conffile through an upgrade.
mkdir -p /etc/dsr && echo '# mine' >/etc/dsr/dsr.yaml && echo '# changed' >>/etc/sysctl.d/60-dsr.conf
dpkg --install --force-confdef "$2" </dev/null
grep -q '^# changed$' /etc/sysctl.d/60-dsr.conf
grep -q '^# mine$' /etc/dsr/dsr.yaml
dpkg --install --force-confdef,downgrade "$1" </dev/null
dpkg --remove dsr
test ! -e /usr/sbin/dsr && test -f /etc/sysctl.d/60-dsr.conf
dpkg --purge dsr
test ! -e /etc/sysctl.d/60-dsr.conf && grep -q '^# mine$' /etc/dsr/dsr.yaml
"#;

/// Tries the package.
pub(super) fn check(workspace: &Workspace, package: &Path, version: &Version) -> Result<()> {
    apt::install(&["debootstrap"])?;
    let root = workspace.packages().join("chroot");
    step(format_args!("trying the package on a fresh Debian {SUITE} ({})", workspace.shown(&root)));
    process::run_aside(process::as_root("debootstrap").args(["--variant=minbase", SUITE]).arg(&root))?;
    let newer = newer(workspace, package, version)?;
    for file in [package, &newer] {
        process::run_aside(process::as_root("cp").arg(file).arg(&root))?;
    }
    let inside = |file: &Path| format!("/{}", file.file_name().unwrap_or_default().to_string_lossy());
    let mut command = process::as_root("chroot");
    command.arg(&root).args(["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"]);
    command.args(["sh", "-euxc", STEPS, "check", &inside(package), &inside(&newer), &version.text]);
    process::run_aside(&mut command)?;
    process::run_aside(process::as_root("rm").args(["-rf", "--one-file-system"]).arg(&root))?;
    step("installed, upgraded, downgraded, removed and purged");
    Ok(())
}

/// The same package under a later version and with a changed conffile, which makes dpkg decide about it.
fn newer(workspace: &Workspace, package: &Path, version: &Version) -> Result<PathBuf> {
    let tree = workspace.packages().join("newer");
    process::run_aside(Command::new("dpkg-deb").arg("--raw-extract").arg(package).arg(&tree))?;
    let control = tree.join("DEBIAN/control");
    let text = fs::read_to_string(&control).context("reading the package's control file")?;
    let version = format!("Version: {}", version.text);
    fs::write(&control, text.replace(&version, &format!("{version}.newer"))).context("writing the control file")?;
    let conffile = tree.join("etc/sysctl.d/60-dsr.conf");
    let text = fs::read_to_string(&conffile).context("reading the conffile")?;
    fs::write(&conffile, text + "# A later hint.\n").context("writing the conffile")?;
    let file = workspace.packages().join("newer.deb");
    process::run_aside(
        Command::new("dpkg-deb").args(["--root-owner-group", "-Znone", "--build"]).arg(&tree).arg(&file),
    )?;
    Ok(file)
}
