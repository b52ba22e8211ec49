//! Debian packages that are unpacked below `target`, never installed: once, and again only when what is wanted
//! changes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    apt,
    process::{self, step},
};

/// Names what is unpacked in a directory; written last.
const STAMP: &str = "stamp";

/// A directory of unpacked packages.
pub(crate) struct Archive {
    pub(crate) root: PathBuf,
    /// What was unpacked, one package a line, the wanted ones first.
    pub(crate) packages: String,
}

/// Whether a directory has to be filled.
pub(crate) enum State {
    Filled(Archive),
    Empty,
}

/// Looks whether `directory` was filled for `wanted`.
pub(crate) fn state(directory: &Path, wanted: &str) -> State {
    let stamp = fs::read_to_string(directory.join(STAMP)).unwrap_or_default();
    match stamp.split_once('\n') {
        Some((first, packages)) if first == wanted => {
            State::Filled(Archive { root: directory.join("root"), packages: packages.to_owned() })
        }
        _ => State::Empty,
    }
}

/// Downloads the packages and unpacks them, then lets `finish` do more with the unpacked tree before it counts.
pub(crate) fn fill(
    directory: &Path,
    wanted: &str,
    packages: &[String],
    finish: impl FnOnce(&Path) -> Result<()>,
) -> Result<Archive> {
    let _ = fs::remove_dir_all(directory);
    let (downloads, root) = (directory.join("download"), directory.join("root"));
    fs::create_dir_all(&downloads).and_then(|()| fs::create_dir_all(&root)).context("making room below target")?;
    step(format_args!("fetching with apt, not installing: {}", packages.join(" ")));
    apt::download(packages, &downloads)?;
    for entry in fs::read_dir(&downloads).context("reading what apt downloaded")? {
        process::run_aside(Command::new("dpkg").arg("-x").arg(entry?.path()).arg(&root))?;
    }
    fs::remove_dir_all(&downloads).context("removing downloads")?;
    finish(&root)?;
    let packages = packages.join("\n");
    fs::write(directory.join(STAMP), format!("{wanted}\n{packages}")).context("noting what was unpacked")?;
    Ok(Archive { root, packages })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stamp_for_what_is_wanted_counts() {
        let directory = std::env::temp_dir().join(format!("dsr-archive-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        assert!(matches!(state(&directory, "6.1"), State::Empty));
        fs::write(directory.join(STAMP), "6.1\nlinux-image\nmore").unwrap();
        assert!(
            matches!(state(&directory, "6.1"), State::Filled(Archive { packages, .. }) if packages == "linux-image\nmore")
        );
        assert!(matches!(state(&directory, "6.12"), State::Empty));
        fs::remove_dir_all(&directory).unwrap();
    }
}
