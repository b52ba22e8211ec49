//! The compiler for the kernel side: any rustc that has its library sources beside it, because `core` is built for the
//! BPF target, and whose LLVM major version bpf-linker can be built with.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    apt, bpf_linker,
    process::{self, step},
    rustup,
    workspace::Workspace,
};

/// A compiler and the cargo that belongs with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compiler {
    pub(crate) rustc: PathBuf,
    /// Its own cargo, or the caller's where it has none.
    pub(crate) cargo: PathBuf,
    pub(crate) version: Version,
    /// LLVM's major version.
    pub(crate) llvm: u32,
    /// The directory of its library sources; may not exist yet.
    sources: PathBuf,
}

/// `1.96.0`, `1.97.0-nightly`: ordered by number, then by the suffix's absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    text: String,
}

/// Debian's compiler that is kept new for the web browsers, and its sources.
const DEBIAN: [&str; 2] = ["rustc-web", "rust-web-src"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Finds a compiler, or installs one: what is in place first, then rustup's sources for a nightly, then Debian's.
pub(crate) fn find(workspace: &Workspace) -> Result<Compiler> {
    let mut compilers = rustup::compilers();
    compilers.extend(Compiler::at(Path::new(DEBIAN_RUSTC)).ok());
    if let Some(compiler) = choose(&compilers, Compiler::has_sources, |llvm| bpf_linker::possible(workspace, llvm)) {
        return Ok(compiler.clone());
    }
    for nightly in compilers.iter().filter(|compiler| rustup::is_nightly(compiler) && compiler.is_new_enough()) {
        if bpf_linker::possible(workspace, nightly.llvm) && rustup::add_sources(nightly) && nightly.has_sources() {
            return Ok(nightly.clone());
        }
    }
    install_debian(workspace)
}

/// The best of those that can be used: nightlies before releases, new before old, in the order found otherwise.
fn choose(
    compilers: &[Compiler],
    has_sources: impl Fn(&Compiler) -> bool,
    can_link: impl Fn(u32) -> bool,
) -> Option<&Compiler> {
    let mut usable: Vec<_> = compilers.iter().filter(|one| one.is_new_enough() && has_sources(one)).collect();
    usable.sort_by_key(|one| std::cmp::Reverse((one.version.is_nightly(), one.version.major, one.version.minor)));
    usable.into_iter().find(|one| can_link(one.llvm))
}

fn install_debian(workspace: &Workspace) -> Result<Compiler> {
    if !apt::exists() {
        bail!("no compiler for the kernel side: `rustup toolchain install nightly --component rust-src` gives one");
    }
    step(format_args!("kernel side: no compiler has its library sources; installing {}", DEBIAN.join(" ")));
    apt::install(&DEBIAN)?;
    let usable = |compiler: &Compiler| {
        compiler.is_new_enough() && compiler.has_sources() && bpf_linker::possible(workspace, compiler.llvm)
    };
    let mut compiler = Compiler::at(Path::new(DEBIAN_RUSTC))?;
    if !usable(&compiler) {
        // What was installed before, or what package lists from long ago named: Debian renews these packages.
        step(format_args!("kernel side: {compiler} is too old; asking for Debian's newest"));
        apt::upgrade(&DEBIAN)?;
        compiler = Compiler::at(Path::new(DEBIAN_RUSTC))?;
    }
    if !usable(&compiler) {
        bail!(
            "{compiler} cannot build the kernel side (needs Rust {}, its library sources, and LLVM {}): \
             `rustup toolchain install nightly --component rust-src` gives one that can",
            env!("CARGO_PKG_RUST_VERSION"),
            bpf_linker::llvm_versions(),
        );
    }
    Ok(compiler)
}

impl Compiler {
    /// Asks a rustc what it is.
    pub(crate) fn at(rustc: &Path) -> Result<Self> {
        let about = process::read(quiet(rustc).arg("-vV"))?;
        let sysroot = process::read(quiet(rustc).args(["--print", "sysroot"]))?;
        let own_cargo = rustc.with_file_name("cargo");
        let of_rustup = Path::new(sysroot.trim()) != Path::new("/usr");
        Ok(Self {
            rustc: rustc.to_owned(),
            cargo: if of_rustup && own_cargo.is_file() { own_cargo } else { crate::cargo::caller() },
            version: field(&about, "release: ").and_then(Version::parse).context("reading rustc's release")?,
            llvm: field(&about, "LLVM version: ").and_then(major).context("reading rustc's LLVM version")?,
            sources: Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library"),
        })
    }

    /// The version of Debian's package that it is of, if it is.
    pub(crate) fn debian_version(&self) -> Option<String> {
        let [package, _] = DEBIAN;
        let version = || process::read(Command::new("dpkg-query").args(["--show", "--showformat=${Version}", package]));
        (self.rustc == Path::new(DEBIAN_RUSTC)).then(version)?.ok().filter(|version| !version.is_empty())
    }

    fn has_sources(&self) -> bool {
        self.sources.join("core/src/lib.rs").is_file()
    }

    fn is_new_enough(&self) -> bool {
        let least = Version::parse(env!("CARGO_PKG_RUST_VERSION"));
        least.is_none_or(|least| (self.version.major, self.version.minor) >= (least.major, least.minor))
    }
}

impl fmt::Display for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rustc {} ({}, LLVM {})", self.version.text, self.rustc.display(), self.llvm)
    }
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(['.', '-']).map(str::parse);
        let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(Self { major, minor, text: text.to_owned() })
    }

    pub(crate) fn is_nightly(&self) -> bool {
        self.text.ends_with("-nightly")
    }
}

/// A rustc that answers for itself, whatever the outer cargo set.
fn quiet(rustc: &Path) -> Command {
    let mut command = Command::new(rustc);
    for name in env::vars_os().map(|(name, _)| name).filter(|name| name == "LD_LIBRARY_PATH") {
        command.env_remove(name);
    }
    command
}

fn field<'a>(about: &'a str, name: &str) -> Option<&'a str> {
    about.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: &str = "rustc 1.97.0-nightly (36ba2c772 2026-04-21)\nbinary: rustc\n\
                         host: x86_64-unknown-linux-gnu\nrelease: 1.97.0-nightly\nLLVM version: 22.1.4\n";

    fn compiler(release: &str, llvm: u32) -> Compiler {
        Compiler {
            rustc: format!("/toolchains/{release}/bin/rustc").into(),
            cargo: "cargo".into(),
            version: Version::parse(release).expect("a version"),
            llvm,
            sources: PathBuf::new(),
        }
    }

    fn chosen(compilers: &[Compiler], can_link: impl Fn(u32) -> bool) -> Option<&str> {
        choose(compilers, |_| true, can_link).map(|one| one.version.text.as_str())
    }

    #[test]
    fn rustc_tells_release_and_llvm() {
        let version = field(ABOUT, "release: ").and_then(Version::parse).expect("a version");
        assert_eq!((version.major, version.minor, version.is_nightly()), (1, 97, true));
        assert_eq!(field(ABOUT, "LLVM version: ").and_then(major), Some(22));
        assert_eq!(Version::parse("unknown"), None);
        assert!(!Version::parse("1.96.0").expect("a version").is_nightly());
    }

    #[test]
    fn a_nightly_is_preferred_then_the_newest() {
        let all = [compiler("1.96.0", 22), compiler("1.95.0-nightly", 22), compiler("1.97.0-nightly", 22)];
        assert_eq!(chosen(&all, |_| true), Some("1.97.0-nightly"));
        assert_eq!(chosen(&all[..1], |_| true), Some("1.96.0"));
    }

    #[test]
    fn one_whose_llvm_cannot_be_linked_with_is_passed_over() {
        let all = [compiler("1.96.0", 22), compiler("1.99.0-nightly", 23)];
        assert_eq!(chosen(&all, |llvm| llvm == 22), Some("1.96.0"));
        assert_eq!(chosen(&all, |_| false), None);
    }

    #[test]
    fn one_too_old_or_without_sources_is_passed_over() {
        assert_eq!(chosen(&[compiler("1.85.0-nightly", 19)], |_| true), None);
        let new = [compiler("1.97.0-nightly", 22)];
        assert_eq!(choose(&new, |_| false, |_| true), None);
    }
}
