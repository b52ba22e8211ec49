//! The kernel modules that the tests need, with what they depend on, in the order to load them in.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::tools::Tools;
use crate::process;

/// Modules and their parameters. What a kernel has built in is passed over.
const MODULES: [(&str, &str); 18] = [
    ("virtio_pci", ""),
    ("virtio_net", ""),
    ("veth", ""),
    ("bridge", ""),
    ("8021q", ""),
    // It creates a bond0 by default.
    ("bonding", "max_bonds=0"),
    ("macvlan", ""),
    ("sch_ingress", ""),
    ("cls_bpf", ""),
    ("nf_tables", ""),
    // What takes off tunnels without dsr.
    ("nft_fib_inet", ""),
    ("ipip", ""),
    ("sit", ""),
    ("ip6_tunnel", ""),
    ("ip_gre", ""),
    ("ip6_gre", ""),
    ("fou", ""),
    ("fou6", ""),
];

/// A module file and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) file: PathBuf,
    pub(super) parameters: &'static str,
}

/// Lets the kernel's modules be looked up: what installing its package would do.
pub(super) fn index(tools: &Tools, root: &Path, release: &str) -> Result<()> {
    process::run_aside(tools.kmod("depmod").arg("-b").arg(root).arg(release))
}

/// The modules in the order to load them in, each once.
pub(super) fn resolve(tools: &Tools, root: &Path, release: &str) -> Result<Vec<Module>> {
    let (mut seen, mut modules) = (BTreeSet::new(), Vec::new());
    for (name, parameters) in MODULES {
        let mut command = tools.kmod("modprobe");
        command.args(["--show-depends", "--set-version", release, "--dirname"]).arg(root).arg(name);
        let shown =
            process::read(&mut command).with_context(|| format!("looking for the module {name} of {release}"))?;
        let files = files(&shown);
        let last = files.len().saturating_sub(1);
        for (index, file) in files.into_iter().enumerate() {
            let parameters = if index == last { parameters } else { "" };
            if seen.insert(file.clone()) {
                modules.push(Module { file, parameters });
            }
        }
    }
    Ok(modules)
}

/// The files in modprobe's answer: `insmod FILE [PARAMETER...]` a line, or `builtin NAME`.
fn files(shown: &str) -> Vec<PathBuf> {
    let file = |line: &str| Some(PathBuf::from(line.strip_prefix("insmod ")?.split_whitespace().next()?));
    shown.lines().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_modules_need_no_file() {
        let shown = "builtin virtio_pci\ninsmod /m/failover.ko.xz \ninsmod /m/net_failover.ko.xz x=1\n";
        assert_eq!(files(shown), [PathBuf::from("/m/failover.ko.xz"), PathBuf::from("/m/net_failover.ko.xz")]);
        assert!(files("").is_empty());
    }
}
