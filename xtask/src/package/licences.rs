//! The licences of the libraries that `dsr` contains: each must be permissive, and packages bear their texts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{cargo, process, workspace::Workspace};

/// SPDX identifiers that a library may have: none asks more of a distributor than its text.
const PERMISSIVE: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];
/// How files with a licence begin, in upper case.
const TEXTS: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"];
const PACKAGE: &str = "dsr-userspace";

/// The names, licences and licence texts of all libraries.
pub(super) fn notices(workspace: &Workspace) -> Result<String> {
    let mut notices = String::from("dsr contains these libraries.\n");
    for library in libraries(workspace)? {
        let Library { name, version, license, manifest_path } = &library;
        let license = license.as_deref().unwrap_or_default();
        if !is_permissive(license) {
            bail!("{name} {version} has the licence `{license}`, which is none of: {}", PERMISSIVE.join(", "));
        }
        let _ = write!(notices, "\n{:=<80}\n{name} {version}: {license}\n", "");
        let directory = manifest_path.parent().context("a library without a directory")?;
        let entries = fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|file| file.is_file()).collect();
        files.retain(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
            TEXTS.iter().any(|text| name.starts_with(text))
        });
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let _ = write!(notices, "\n{}\n", text.trim_end());
        }
    }
    Ok(notices)
}

/// Whether an SPDX expression leaves a choice of permissive licences only. `/` is crates.io's old `OR`.
fn is_permissive(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let expression = expression.trim();
    let choices = split(expression, " OR ");
    if choices.len() > 1 {
        return choices.into_iter().any(is_permissive);
    }
    let all = split(expression, " AND ");
    if all.len() > 1 {
        return all.into_iter().all(is_permissive);
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => is_permissive(inner),
        None => PERMISSIVE.contains(&expression),
    }
}

/// Splits where no parenthesis is open.
fn split<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, character) in expression.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && at >= start && expression[at..].starts_with(operator) => {
                parts.push(&expression[start..at]);
                start = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[start..]);
    parts
}

/// What the binary is linked from, but the workspace's own packages.
fn libraries(workspace: &Workspace) -> Result<Vec<Library>> {
    let mut command = cargo::host(workspace);
    command.args(["metadata", "--format-version=1", "--locked", "--filter-platform"]);
    command.arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH));
    let metadata: Metadata = serde_json::from_str(&process::read(&mut command)?).context("reading cargo's metadata")?;
    let nodes: BTreeMap<_, _> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let start = metadata.packages.iter().find(|package| package.library.name == PACKAGE);
    let mut linked = BTreeSet::new();
    let mut next = vec![start.with_context(|| format!("there is no package {PACKAGE}"))?.id.as_str()];
    while let Some(id) = next.pop() {
        if linked.insert(id) {
            let dependencies = nodes.get(id).map_or(&[][..], |node| &node.deps);
            let normal = dependencies.iter().filter(|one| one.dep_kinds.iter().any(|kind| kind.kind.is_none()));
            next.extend(normal.map(|dependency| dependency.pkg.as_str()));
        }
    }
    let foreign = |package: &Package| package.source.is_some() && linked.contains(package.id.as_str());
    let mut libraries: Vec<_> =
        metadata.packages.iter().filter(|one| foreign(one)).map(|one| one.library.clone()).collect();
    libraries.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(libraries)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    source: Option<String>,
    #[serde(flatten)]
    library: Library,
}

#[derive(Clone, Deserialize)]
struct Library {
    name: String,
    version: String,
    license: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

/// `kind` is null for what is linked, else `build` or `dev`.
#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_is_permissive_and_named() {
        let notices = notices(&Workspace::find().unwrap()).unwrap();
        for name in ["\ntokio ", "\nring ", "\naya "] {
            assert!(notices.contains(name), "{name:?} is missing");
        }
        assert!(!notices.contains("\nproptest "), "what only tests need is not in the binary");
    }

    #[test]
    fn a_choice_needs_one_permissive_licence_and_a_sum_all() {
        for good in ["MIT", "MIT/Apache-2.0", "GPL-2.0-only OR MIT", "(MIT OR GPL-3.0-only) AND Unicode-3.0"] {
            assert!(is_permissive(good), "{good}");
        }
        for bad in ["", "GPL-2.0-only", "MIT AND MPL-2.0", "(MIT OR ISC) AND (GPL-2.0-only OR LGPL-2.1)"] {
            assert!(!is_permissive(bad), "{bad}");
        }
    }
}
