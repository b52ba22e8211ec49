//! Which kernels are tested, and which of Debian's packages holds the newest of a series. Pure.

use std::cmp::Reverse;

/// The series that are tested, oldest first: Debian 12's kernel, and the one of Debian 13, which Debian 12 offers too.
const KERNELS: [&str; 2] = ["6.1", "6.12"];

/// One series or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    All,
    One(usize),
}

impl Series {
    /// Reads a word of the command line.
    pub(super) fn parse(word: &str) -> Result<Self, String> {
        if word == "all" {
            return Ok(Self::All);
        }
        let found = KERNELS.iter().position(|kernel| *kernel == word).map(Self::One);
        found.ok_or_else(|| format!("{word:?} is not tested: write all, {}", KERNELS.join(" or ")))
    }

    pub(super) fn kernels(self) -> &'static [&'static str] {
        match self {
            Self::All => &KERNELS,
            Self::One(index) => &KERNELS[index..=index],
        }
    }
}

/// Those of `names` that are packages with a kernel of the series for virtual machines, newest first.
pub(super) fn candidates<'a>(names: &'a str, series: &str) -> Vec<&'a str> {
    let of_series = |name: &&str| release(name).is_some_and(|release| is_of(release, series));
    let mut found: Vec<_> = names.lines().map(str::trim).filter(of_series).collect();
    found.sort_by_key(|name| Reverse(release(name).map(numbers)));
    found
}

/// The release of the kernel in a package (what `uname -r` will say there, without the flavour).
fn release(package: &str) -> Option<&str> {
    package.strip_prefix("linux-image-")?.strip_suffix("-cloud-amd64")
}

/// A dot after the series: `linux-image-6.12-cloud-amd64` only depends on a kernel.
fn is_of(release: &str, series: &str) -> bool {
    release.strip_prefix(series).is_some_and(|rest| rest.starts_with('.'))
}

fn numbers(release: &str) -> Vec<u32> {
    release.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &str = "\
linux-image-6.1.0-9-cloud-amd64
linux-image-6.1.0-56-cloud-amd64
linux-image-6.1.0-56-cloud-amd64-dbg
linux-image-6.1.0-57-cloud-amd64-unsigned
linux-image-6.1.0-58-rt-amd64
linux-image-6.12-cloud-amd64
linux-image-6.12.9+bpo-cloud-amd64
linux-image-6.12.117+deb12-cloud-amd64
linux-image-cloud-amd64
";

    #[test]
    fn the_newest_of_the_series_comes_first() {
        assert_eq!(candidates(NAMES, "6.1"), ["linux-image-6.1.0-56-cloud-amd64", "linux-image-6.1.0-9-cloud-amd64"]);
        assert_eq!(
            candidates(NAMES, "6.12"),
            ["linux-image-6.12.117+deb12-cloud-amd64", "linux-image-6.12.9+bpo-cloud-amd64"]
        );
        assert!(candidates(NAMES, "6.6").is_empty());
    }
}
