//! Files that a file includes: `include: conf.d/*.yaml`.
//!
//! Enters: the nodes of the file that is named, and a way to the text of others. Leaves: one document of them all, with
//! pools and services in the order in which the files were read, each node with the file that it is of.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value as Json, json};

use super::{
    at::{At, shown},
    error::{NOT_UTF8, Place},
    matches::{Budget, is_glob, matches},
    read::read,
    report::{Line, Report},
    schema::{Read, json::Definitions},
    yaml::{self, Document, Entry, Finding, Kind, Node},
};

/// The text of an included file, and where that is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: Arc<Path>,
    /// Its content, which may be no text.
    pub bytes: Vec<u8>,
}

/// The field `include`, which is followed before the others are read.
pub(super) struct Include;

impl Read for Include {
    fn write() -> String {
        "a file, like conf.d/*.yaml, or a list of files".to_owned()
    }

    fn read(_: &mut Report<'_>, _: &At, _: &Node) -> Option<Self> {
        Some(Self)
    }

    fn schema(_: &mut Definitions) -> Json {
        let file = json!({"type": ["string", "number", "boolean"], "not": {"pattern": "\\*\\*"}, "minLength": 1});
        json!({"anyOf": [file, {"type": "array", "items": file}]})
    }
}

/// Gives the files of a pattern, in the order in which they are read, or says why it cannot. It gets the field of the
/// pattern too.
pub(super) type Find<'a> = dyn FnMut(&str, &At) -> Result<Vec<Source>, String> + 'a;

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
    let Ok(Document { node, .. }) = yaml::read(text, 0) else { return Vec::new() };
    written(&node).into_iter().filter_map(|(_, node)| pattern_of(node).ok()).collect()
}

/// All files in one.
pub(super) struct Included {
    /// Their nodes, each with the file that it is of, and what was wrong with them.
    pub(super) document: Document,
    /// The files; the first is the one that was named.
    pub(super) files: Vec<Arc<Path>>,
    /// The texts of those that are included.
    pub(super) texts: Vec<String>,
    /// Whether one of them could not be read at all, so that what it has would be missed.
    pub(super) is_part: bool,
    known: HashSet<Arc<Path>>,
    /// The pools so far, and where each is.
    pools: HashMap<Box<str>, Place>,
}

/// Adds to a file what it includes.
pub(super) fn follow(file: &Path, document: Document, find: &mut Find<'_>) -> Included {
    let first: Arc<Path> = file.into();
    let pools = match document.node.get(POOLS).map(|node| &node.kind) {
        Some(Kind::Mapping(entries)) => entries.iter().map(|entry| (entry.key.clone(), entry.key_place)).collect(),
        _ => HashMap::new(),
    };
    let patterns: Vec<_> = written(&document.node).into_iter().map(|(at, node)| (at, node.clone())).collect();
    let known = [Arc::clone(&first)].into();
    let mut included = Included { document, files: vec![first], texts: Vec::new(), is_part: false, known, pools };
    for (at, node) in patterns {
        match pattern_of(&node).and_then(|pattern| find(&pattern, &at)) {
            Ok(sources) => sources.into_iter().for_each(|source| included.add(source)),
            Err(message) => included.fail(Finding::new(at, message)),
        }
    }
    included
}

impl Included {
    fn add(&mut self, Source { path, bytes }: Source) {
        if !self.known.insert(Arc::clone(&path)) {
            return;
        }
        let number = self.files.len();
        self.files.push(path);
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let place = Place::behind(number, &String::from_utf8_lossy(&error.as_bytes()[..valid]));
                return self.fail(Finding::new(At::top(place), NOT_UTF8));
            }
        };
        match yaml::read(text.strip_prefix('\u{feff}').unwrap_or(&text), number) {
            Ok(Document { node, findings }) => {
                self.document.findings.extend(findings);
                self.merge(node);
            }
            Err(finding) => self.fail(finding),
        }
        self.texts.push(text);
    }

    fn fail(&mut self, finding: Finding) {
        self.is_part = true;
        self.document.findings.push(finding);
    }

    /// Takes over the pools and services of an included file.
    fn merge(&mut self, node: Node) {
        let top = At::top(node.place);
        let entries = match node.kind {
            Kind::Mapping(entries) => entries,
            // A file of comments.
            _ if node.is_null() => return,
            _ => {
                let message = format!("is not a mapping: write {SECTIONS}");
                return self.document.findings.push(Finding::new(top, message));
            }
        };
        let top = Arc::new(top);
        for Entry { key, key_place, value } in entries {
            let message = match (&*key, value.kind) {
                (POOLS, Kind::Mapping(pools)) => {
                    self.add_pools(&Arc::new(top.field(POOLS, key_place)), key_place, pools);
                    continue;
                }
                (SERVICES, Kind::List(services)) => {
                    self.add_services(key_place, services);
                    continue;
                }
                (POOLS | SERVICES, Kind::Alias) => continue,
                (POOLS, _) => "is not a mapping: write each pool below its name, or remove it".to_owned(),
                (SERVICES, _) => "is not a list: write each service behind a `-`, or remove it".to_owned(),
                (FIELD, _) => "included files cannot include others: remove it".to_owned(),
                _ => {
                    let main = self.files[0].display();
                    format!("cannot be in an included file, which has {SECTIONS}: write it in {main}")
                }
            };
            self.document.findings.push(Finding::new(top.key(&key, key_place), message));
        }
    }

    fn add_pools(&mut self, section: &Arc<At>, place: Place, mut pools: Vec<Entry>) {
        let (known, findings, files) = (&mut self.pools, &mut self.document.findings, &self.files);
        pools.retain(|entry| {
            let Some(first) = known.get(&entry.key) else {
                known.insert(entry.key.clone(), entry.key_place);
                return true;
            };
            let message = format!("is written twice, also at line {}: keep one of them", Line::new(files, *first));
            findings.push(Finding::new(section.key(&entry.key, entry.key_place), message));
            false
        });
        let empty = Kind::Mapping(Vec::new());
        // Where the including file has something else there, that is an error.
        if let Some(Kind::Mapping(all)) = self.section(POOLS, place, empty) {
            all.extend(pools);
        }
    }

    fn add_services(&mut self, place: Place, services: Vec<Node>) {
        if let Some(Kind::List(all)) = self.section(SERVICES, place, Kind::List(Vec::new())) {
            all.extend(services);
        }
    }

    /// The section of this name at the top, which begins empty where there is none.
    fn section(&mut self, name: &str, place: Place, empty: Kind) -> Option<&mut Kind> {
        let Kind::Mapping(top) = &mut self.document.node.kind else { return None };
        let index = top.iter().position(|entry| &*entry.key == name).unwrap_or(top.len());
        if index == top.len() {
            top.push(Entry { key: name.into(), key_place: place, value: Node { place, kind: empty } });
        }
        Some(&mut top[index].value.kind)
    }
}

/// The patterns as they are written, each with its field.
fn written(top: &Node) -> Vec<(At, &Node)> {
    let above = Arc::new(At::top(top.place));
    match top.get(FIELD) {
        None | Some(Node { kind: Kind::Alias, .. }) => Vec::new(),
        Some(Node { kind: Kind::List(nodes), place }) => {
            let list = Arc::new(above.field(FIELD, *place));
            nodes.iter().enumerate().map(|(index, node)| (list.index(index, node.place), node)).collect()
        }
        Some(node) => vec![(above.field(FIELD, node.place), node)],
    }
}

fn pattern_of(node: &Node) -> Result<String, String> {
    match &node.kind {
        _ if node.is_null() => Err("has no value: write a file name, like conf.d/*.yaml, or a list of them".to_owned()),
        Kind::Scalar { text, .. } if text.contains('\0') => {
            Err(format!("`{}` has a NUL, which no file name has: remove it", shown(text)))
        }
        Kind::Scalar { text, .. } if text.contains("**") => Err(format!(
            "`{}` has `**`, which is not supported: write `*`, `?` or `[...]` for each directory, like conf.d/*/*.yaml",
            shown(text)
        )),
        Kind::Scalar { text, .. } if !text.is_empty() => Ok(text.to_string()),
        _ => Err(format!("is not a file name: write {WRITE}")),
    }
}

const FIELD: &str = "include";
const WRITE: &str = "one, like conf.d/*.yaml, or a list of them";
const POOLS: &str = "pools";
const SERVICES: &str = "services";
const SECTIONS: &str = "`pools:` and `services:`";

/// Files that one pattern may match: a bound on a directory named by mistake.
const FILES_MOST: usize = 1000;
