//! The files of a pattern, found within bounds: a pattern written by mistake must not walk the whole file system.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use glob::{MatchOptions, Pattern};

use super::{at::shown, read::LARGEST};

/// What one look at all included files may still cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    entries: usize,
    bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { entries: ENTRIES_MOST, bytes: BYTES_MOST }
    }
}

impl Budget {
    fn visit(&mut self, pattern: &str) -> Result<(), String> {
        self.entries = self.entries.checked_sub(1).ok_or_else(|| {
            let pattern = shown(pattern);
            format!(
                "`{pattern}` has to look at more than {ENTRIES_MOST} directory entries: name a directory of its own"
            )
        })?;
        Ok(())
    }

    /// Counts the bytes of a file.
    pub(super) fn read(&mut self, bytes: usize) -> Result<(), String> {
        let most = BYTES_MOST >> 20;
        let left = self.bytes.checked_sub(bytes as u64);
        self.bytes = left.ok_or_else(|| format!("the included files have more than {most} MiB: include less"))?;
        Ok(())
    }
}

/// What there is of a pattern, which is relative to a directory, sorted by name.
pub(super) fn matches(directory: &Path, pattern: &str, budget: &mut Budget) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![directory.to_owned()];
    for part in Path::new(pattern).components() {
        let part = match part {
            Component::CurDir => continue,
            part => part.as_os_str().to_str().unwrap_or_default(),
        };
        let wanted = Pattern::new(part).map_err(|error| {
            format!("`{}` is not a pattern, {}: write one like conf.d/*.yaml", shown(pattern), error.msg)
        })?;
        let mut next = Vec::new();
        for place in found {
            if is_glob(part) {
                next.extend(entries(&place, &wanted, pattern, budget)?);
            } else {
                budget.visit(pattern)?;
                next.extend(Some(place.join(part)).filter(|path| path.symlink_metadata().is_ok()));
            }
        }
        found = next;
    }
    Ok(found)
}

/// The entries of a directory with a name that is wanted. One that cannot be listed has nothing to include.
fn entries(directory: &Path, wanted: &Pattern, pattern: &str, budget: &mut Budget) -> Result<Vec<PathBuf>, String> {
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let Ok(entries) = fs::read_dir(listed) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        budget.visit(pattern)?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| wanted.matches_with(name, OPTIONS)) {
            found.push(directory.join(name));
        }
    }
    found.sort();
    Ok(found)
}

/// The directories that files of a pattern are in, or would come to be in.
pub(super) fn places(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let Some(above) = Path::new(pattern).parent().and_then(Path::to_str) else { return Vec::new() };
    let mut places = if above.is_empty() {
        vec![directory.to_owned()]
    } else {
        matches(directory, above, &mut Budget::default()).unwrap_or_default()
    };
    // Where there are none yet, the nearest that there is.
    let fixed =
        Path::new(above).components().take_while(|part| part.as_os_str().to_str().is_some_and(|part| !is_glob(part)));
    let fixed = directory.join(fixed.collect::<PathBuf>());
    places.extend(fixed.ancestors().find(|place| place.is_dir()).map(Path::to_owned));
    places.retain(|place| place.is_dir());
    places
}

/// Whether a name stands for any number of files, none too.
pub(super) fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Directory entries that are looked at.
const ENTRIES_MOST: usize = 10_000;

/// Bytes of all included files.
const BYTES_MOST: u64 = 4 * LARGEST;

/// As a shell has it: `*` leaves out hidden files, which editors make.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_expanded_name_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["b/x.yaml", "a/x.yaml", "a/y.yaml", "a/.z.yaml", ".c/x.yaml", "x.yaml"] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), "").unwrap();
        }
        let found = |pattern: &str| {
            let found = matches(directory.path(), pattern, &mut Budget::default()).unwrap();
            let names = found.iter().map(|path| path.strip_prefix(directory.path()).unwrap().to_str().unwrap());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(found("*/*.yaml"), "a/x.yaml a/y.yaml b/x.yaml");
        assert_eq!(found("./[!b]/?.yaml"), "a/x.yaml a/y.yaml");
        assert_eq!(found("*/y.yaml"), "a/y.yaml");
        assert_eq!(found(".c/*"), ".c/x.yaml");
        assert_eq!(found("a/*.yaml/*"), "");
        let absolute = at("*.yaml");
        assert_eq!(found(absolute.to_str().unwrap()), "x.yaml");
    }

    #[test]
    fn a_look_has_bounds() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let mut budget = Budget { entries: 5, ..Budget::default() };
        assert!(matches(directory.path(), "*.yaml", &mut budget).is_ok());
        let why = matches(directory.path(), "*.yaml", &mut budget).unwrap_err();
        assert!(why.starts_with("`*.yaml` has to look at more than 10000 directory entries"), "{why}");
        assert!(budget.read(BYTES_MOST as usize).is_ok());
        assert!(budget.read(1).unwrap_err().starts_with("the included files have more than 32 MiB"));
    }
}
