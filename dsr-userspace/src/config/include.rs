//! Files that a file includes: `include: conf.d/*.yaml`.
//!
//! Enters: the outline of the file that is named, and a way to the text of others. Leaves: one outline of them all, with
//! pools and services in the order in which the files were read, each node with the file that it is of.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    compose::{Finding, Outline, compose},
    error::Place,
    matches::{Budget, is_glob, matches},
    outline::{Entry, Kind, Node},
    path::{FieldPath, shown},
    read::read,
    source::{Line, Source, SourceFile},
};

/// Gives the files of a pattern, in the order in which they are read, or says why it cannot. It gets the place and the
/// field of the pattern too.
pub(super) type Find<'a> = dyn FnMut(&str, Place, &FieldPath) -> Result<Vec<Source>, String> + 'a;

/// The files of a pattern, which is relative to the directory of `file`: sorted by name, without hidden ones,
/// directories and the file itself.
pub(super) fn on_disk(file: &Path, pattern: &str, budget: &mut Budget) -> Result<Vec<Source>, String> {
    let directory = file.parent().unwrap_or(Path::new(""));
    if !is_glob(pattern) {
        return Ok(vec![source(directory.join(pattern), budget)?]);
    }
    let mut sources = Vec::new();
    let itself = file.canonicalize().ok();
    for path in matches(directory, pattern, budget)? {
        if path.is_dir() || (itself.is_some() && path.canonicalize().ok() == itself) {
            continue;
        }
        sources.push(source(path, budget)?);
        if sources.len() > FILES_MOST {
            return Err(format!("`{}` has more than {FILES_MOST} files: join some of them", shown(pattern)));
        }
    }
    Ok(sources)
}

fn source(path: PathBuf, budget: &mut Budget) -> Result<Source, String> {
    let bytes = read(&path).map_err(|error| format!("{}: {error}", path.display().to_string().escape_debug()))?;
    budget.read(bytes.len())?;
    Ok(Source { bytes, path: path.into() })
}

/// The patterns of a text that is a configuration; none where it is not.
pub(super) fn patterns(text: &str) -> Vec<String> {
    // Most files include none, and need not be read twice.
    if !text.contains(FIELD) {
        return Vec::new();
    }
    let Ok(outline) = compose(text, 0) else { return Vec::new() };
    written(&outline.node).into_iter().filter_map(|(_, node)| pattern_of(node).ok()).collect()
}

/// All files in one outline.
pub(super) struct Included {
    pub(super) outline: Outline,
    /// The files; the first is the one that was named.
    pub(super) files: Vec<SourceFile>,
    /// The texts of those that are included.
    pub(super) texts: Vec<String>,
    /// Whether one of them could not be read at all, so that what it has would be missed.
    pub(super) is_part: bool,
}

/// Adds to an outline what its file includes.
pub(super) fn follow(file: &Path, outline: Outline, find: &mut Find<'_>) -> Included {
    let first = SourceFile { path: file.into(), services_before: 0 };
    let mut included = Included { outline, files: vec![first], texts: Vec::new(), is_part: false };
    let patterns: Vec<_> = written(&included.outline.node).into_iter().map(|(at, node)| (at, node.clone())).collect();
    for (path, node) in patterns {
        match pattern_of(&node).and_then(|pattern| find(&pattern, node.place, &path)) {
            Ok(sources) => sources.into_iter().for_each(|source| included.add(source)),
            Err(message) => included.fail(Finding { place: node.place, path, message }),
        }
    }
    included
}

impl Included {
    fn add(&mut self, Source { path, bytes }: Source) {
        if self.files.iter().any(|file| file.path == path) {
            return;
        }
        let number = self.files.len();
        let services_before = self.services();
        self.files.push(SourceFile { path: Arc::clone(&path), services_before });
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let before =
                    String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
                let message = super::error::NOT_UTF8.to_owned();
                return self.fail(Finding { place: Place::behind(number, &before), path: FieldPath::root(), message });
            }
        };
        match compose(text.strip_prefix('\u{feff}').unwrap_or(&text), number) {
            Ok(Outline { node, findings }) => {
                self.outline.findings.extend(findings);
                self.merge(node);
            }
            Err(finding) => self.fail(finding),
        }
        self.texts.push(text);
    }

    fn fail(&mut self, finding: Finding) {
        self.is_part = true;
        self.outline.findings.push(finding);
    }

    fn find(&mut self, place: Place, path: FieldPath, message: String) {
        self.outline.findings.push(Finding { place, path, message });
    }

    /// Takes over the pools and services of an included file.
    fn merge(&mut self, node: Node) {
        let entries = match node.kind {
            Kind::Mapping(entries) => entries,
            // A file of comments.
            Kind::Scalar { text, plain: true } if text.is_empty() => return,
            _ => return self.find(node.place, FieldPath::root(), format!("is not a mapping: write {SECTIONS}")),
        };
        for Entry { key, key_place, value } in entries {
            let message = match (key.as_str(), &value.kind) {
                ("pools", Kind::Mapping(_)) | ("services", Kind::List(_)) => {
                    self.extend(Entry { key, key_place, value });
                    continue;
                }
                ("pools", _) => "is not a mapping: write each pool below its name, or remove it".to_owned(),
                ("services", _) => "is not a list: write each service behind a `-`, or remove it".to_owned(),
                (FIELD, _) => "included files cannot include others: remove it".to_owned(),
                _ => {
                    let main = self.files[0].path.display();
                    format!("cannot be in an included file, which has {SECTIONS}: write it in {main}")
                }
            };
            self.find(key_place, FieldPath::root().key(&key), message);
        }
    }

    /// Adds a section of pools or services to that which there is.
    fn extend(&mut self, entry: Entry) {
        let Kind::Mapping(top) = &mut self.outline.node.kind else { return };
        let Some(section) = top.iter_mut().find(|other| other.key == entry.key) else { return top.push(entry) };
        match (&mut section.value.kind, entry.value.kind) {
            (Kind::List(all), Kind::List(more)) => all.extend(more),
            (Kind::Mapping(all), Kind::Mapping(more)) => {
                let known: HashMap<String, Place> =
                    all.iter().map(|entry| (entry.key.clone(), entry.key_place)).collect();
                for entry in more {
                    let Some(first) = known.get(&entry.key) else {
                        all.push(entry);
                        continue;
                    };
                    let line = Line::new(&self.files, *first);
                    let message = format!("is written twice, also at line {line}: keep one of them");
                    let path = FieldPath::root().key(SECTION_OF_POOLS).key(&entry.key);
                    self.outline.findings.push(Finding { place: entry.key_place, path, message });
                }
            }
            // The including file's error at this place is reported already.
            _ => {}
        }
    }

    /// How many services there are so far.
    fn services(&self) -> usize {
        match self.outline.node.get("services").map(|node| &node.kind) {
            Some(Kind::List(nodes)) => nodes.len(),
            _ => 0,
        }
    }
}

/// The patterns as they are written, each with its field.
fn written(top: &Node) -> Vec<(FieldPath, &Node)> {
    let at = FieldPath::root().key(FIELD);
    match top.get(FIELD) {
        None => Vec::new(),
        Some(Node { kind: Kind::List(nodes), .. }) => {
            nodes.iter().enumerate().map(|(index, node)| (at.index(index), node)).collect()
        }
        Some(node) => vec![(at, node)],
    }
}

fn pattern_of(node: &Node) -> Result<String, String> {
    match &node.kind {
        _ if node.to_value().is_null() => {
            Err("has no value: write a file name, like conf.d/*.yaml, or a list of them".to_owned())
        }
        Kind::Scalar { text, .. } if text.contains('\0') => {
            Err(format!("`{}` has a NUL, which no file name has: remove it", shown(text)))
        }
        Kind::Scalar { text, .. } if text.contains("**") => Err(format!(
            "`{}` has `**`, which is not supported: write `*`, `?` or `[...]` for each directory, like conf.d/*/*.yaml",
            shown(text)
        )),
        Kind::Scalar { text, .. } if !text.is_empty() => Ok(text.clone()),
        _ => Err(format!("is not a file name: write {WRITE}")),
    }
}

const FIELD: &str = "include";
const WRITE: &str = "one, like conf.d/*.yaml, or a list of them";
const SECTION_OF_POOLS: &str = "pools";
const SECTIONS: &str = "`pools:` and `services:`";

/// Files that one pattern may match: a bound on a directory named by mistake.
const FILES_MOST: usize = 1000;
