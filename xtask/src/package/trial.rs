//! The .deb in a fresh Debian: installed, upgraded, downgraded, removed and purged by dpkg, first in a chroot, where the lists of
//! files are compared, then on a system that systemd runs, in namespaces, while a client asks through the VIP.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{debian, version::Version};
use crate::{
    process::{self, step},
    workspace::Workspace,
};

/// Run in the chroot by `sh -eux`: its arguments are the package, a newer one and the version of the first. `confdef` takes
/// dpkg's default answer to a conffile that was changed on both sides.
const STEPS: &str = r#"
files() { find / -xdev ! -path '/var/lib/dpkg/*' ! -path '/var/log/*' ! -path '/root/*' ! -name ld.so.cache | sort; }
files >/root/before
dpkg --install "$1"
test "$(dsr --version)" = "dsr $3"
dsr check --schema >/dev/null
for file in usr/sbin/dsr usr/lib/systemd/system/dsr.service usr/lib/systemd/system/dsr-backend.service \
    usr/share/bash-completion/completions/dsr usr/share/zsh/vendor-completions/_dsr \
    usr/share/fish/vendor_completions.d/dsr.fish usr/share/man/man8/dsr.8.gz usr/share/man/man8/dsr-status.8.gz \
    usr/lib/tmpfiles.d/dsr.conf etc/sysctl.d/60-dsr.conf usr/share/doc/dsr/copyright usr/share/doc/dsr/LICENSE-MIT \
    usr/share/doc/dsr/LICENSE-APACHE usr/share/doc/dsr/LICENSE-GPL2 usr/share/doc/dsr/examples/cluster.yaml \
    usr/share/doc/dsr/dsr.cdx.json usr/share/doc/dsr/THIRD-PARTY-LICENSES; do
    test -s "/$file" -o -s "/$file.gz"
done
dpkg --verify dsr
test ! -e /etc/systemd/system/multi-user.target.wants/dsr.service
files >/root/installed
# What the operator wrote stays through everything, and a changed conffile through an upgrade.
mkdir -p /etc/dsr && echo '# mine' >/etc/dsr/dsr.yaml && echo '# changed' >>/etc/sysctl.d/60-dsr.conf
dpkg --install --force-confdef "$2" </dev/null
grep -q '^# changed$' /etc/sysctl.d/60-dsr.conf
grep -q '^# mine$' /etc/dsr/dsr.yaml
dpkg --install --force-confdef,downgrade "$1" </dev/null
rm /etc/sysctl.d/60-dsr.conf.dpkg-*
files | grep -v '^/etc/dsr' | diff /root/installed -
dpkg --remove dsr
test ! -e /usr/sbin/dsr && test -f /etc/sysctl.d/60-dsr.conf
dpkg --purge dsr
grep -q '^# mine$' /etc/dsr/dsr.yaml
files | grep -v '^/etc/dsr' | diff /root/before -
"#;

/// Tries the package.
pub(super) fn check(workspace: &Workspace, package: &Path, version: &Version) -> Result<()> {
    let debian = debian::archive(workspace)?;
    let newer = newer(workspace, package, version)?;
    let root = workspace.packages().join("chroot");
    step(format_args!("trying the package in a chroot ({})", workspace.shown(&root)));
    debian::unpack(&debian, &root)?;
    for file in [package, &newer] {
        process::run_aside(process::as_root("cp").arg(file).arg(root.join("root")))?;
    }
    let inside = |file: &Path| format!("/root/{}", file.file_name().unwrap_or_default().to_string_lossy());
    let mut command = process::as_root("chroot");
    command.arg(&root).args(["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"]);
    command.args(["sh", "-euxc", STEPS, "check", &inside(package), &inside(&newer), &version.text]);
    process::run_aside(&mut command)?;
    debian::remove(&root)?;
    step("installed, upgraded, downgraded, removed and purged");
    step("trying the package on a Debian that systemd runs, under traffic; some minutes");
    let mut command = process::as_root(workspace.root().join("tests/package/boot"));
    command.arg(&debian).arg(workspace.packages().join("trial")).arg(package).arg(&newer);
    process::run_aside(command.arg(debian::busybox(workspace)?))
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
