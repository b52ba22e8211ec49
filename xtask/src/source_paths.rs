//! The names of source files in what is built: the same wherever the repository and cargo's directory are, so that the
//! same sources give the same bytes.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::workspace::Workspace;

/// Stands for the repository in a program's debug information and panics.
const REPOSITORY: &str = "/usr/src/dsr";
/// Stands for cargo's directory.
const CARGO_HOME: &str = "/usr/src/cargo";

/// Flags for rustc.
pub(crate) fn remapped(workspace: &Workspace) -> Vec<String> {
    pairs(workspace).map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).to_vec()
}

/// A flag list for the C compiler that builds the assembly of dependencies.
pub(crate) fn remapped_for_c(workspace: &Workspace) -> String {
    pairs(workspace).map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display())).join(" ")
}

fn pairs(workspace: &Workspace) -> [(PathBuf, &'static str); 2] {
    [(workspace.root().to_owned(), REPOSITORY), (cargo_home(), CARGO_HOME)]
}

fn cargo_home() -> PathBuf {
    let default = || env::home_dir().unwrap_or_else(|| Path::new("/").to_owned()).join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(default, PathBuf::from)
}
