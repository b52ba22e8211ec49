//! From YAML text to its outline.
//!
//! `yaml-rust2`, which knows places, gives the nodes, and stops where they are nested too deep; only then does
//! `serde_yaml` say whether all of the text is YAML, as its scanner takes quadratic time for brackets within brackets.
//! Keys are scalars and stand once in a mapping: where they do not, that is a finding and reading goes on. Anchors,
//! aliases and tags end it, as what they stand for is not known.

use std::{collections::HashMap, path::Path};

use serde::de::IgnoredAny;
use yaml_rust2::{
    Event,
    parser::Parser,
    scanner::{Marker, ScanError, TScalarStyle},
};

use super::{
    error::{Place, Problem},
    outline::{Entry, Kind, Node},
    path::{FieldPath, Step, shown},
    source::SourceFile,
};

/// What was read, and what was wrong with it that did not end the reading.
#[derive(Debug)]
pub(super) struct Outline {
    /// The file's top node.
    pub(super) node: Node,
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
}

/// What is wrong with the text as YAML.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Where.
    pub(super) place: Place,
    /// The field that it is about; the root where it is none's.
    pub(super) path: FieldPath,
    /// What is wrong, and what to write instead.
    pub(super) message: String,
}

impl Finding {
    /// The finding as a problem of one of these files.
    pub(super) fn problem(self, files: &[SourceFile]) -> Problem {
        let file = files.get(self.place.source).map_or(Path::new(""), |file| &file.path);
        Problem::new(file, self.place, self.path, self.message)
    }
}

/// Reads one YAML document: the file of this number.
pub(super) fn compose(text: &str, source: usize) -> Result<Outline, Finding> {
    let mut parser = Parser::new_from_str(text);
    let mut composer = Composer { lines: text.lines().collect(), ..Composer::default() };
    let place = |marker: &Marker| place(source, marker);
    let mut end = None;
    let last = loop {
        let (event, marker) = parser.next_token().map_err(|error| not_scanned(text, source, &error))?;
        match event {
            Event::StreamEnd => break place(&marker),
            Event::DocumentEnd => end = Some(place(&marker)),
            Event::DocumentStart if end.is_some() => return Err(second_document(text, source)),
            event => composer.event(event, place(&marker))?,
        }
    };
    match serde_yaml::from_str::<IgnoredAny>(text) {
        Ok(IgnoredAny) => Ok(composer.finish(end.unwrap_or(last))),
        Err(error) => Err(not_yaml(text, source, &error)),
    }
}

/// The collections that are open, outermost first.
#[derive(Default)]
struct Composer<'a> {
    lines: Vec<&'a str>,
    open: Vec<Open>,
    top: Option<Node>,
    findings: Vec<Finding>,
}

/// A collection whose end was not seen yet.
enum Open {
    List { place: Place, nodes: Vec<Node> },
    Mapping { place: Place, entries: Vec<Entry>, keys: HashMap<String, Place>, key: Option<Key> },
}

/// A key whose value was not seen yet.
struct Key {
    text: String,
    place: Place,
    /// What becomes of the value.
    value: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    /// The key is a duplicate, or no scalar.
    Predecessor,
}

impl Composer<'_> {
    fn event(&mut self, event: Event, place: Place) -> Result<(), Finding> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse(place, anchor, tag.is_some())?;
                let plain = style == TScalarStyle::Plain;
                let place = if plain && text.is_empty() { self.place_of_nothing(place) } else { place };
                self.node(Node { place, kind: Kind::Scalar { text, plain } });
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse(place, anchor, tag.is_some())?;
                self.open(Open::List { place, nodes: Vec::new() })?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(place, anchor, tag.is_some())?;
                self.open(Open::Mapping { place, entries: Vec::new(), keys: HashMap::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(_) => return Err(self.refused(place, "aliases (`*name`)")),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn finish(self, end: Place) -> Outline {
        let empty = Node { place: end, kind: Kind::Scalar { text: String::new(), plain: true } };
        Outline { node: self.top.unwrap_or(empty), findings: self.findings }
    }

    fn open(&mut self, collection: Open) -> Result<(), Finding> {
        let (Open::List { place, .. } | Open::Mapping { place, .. }) = collection;
        if self.open.len() == DEEPEST {
            return Err(too_deep(place));
        }
        self.open.push(collection);
        Ok(())
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::List { place, nodes }) => self.node(Node { place, kind: Kind::List(nodes) }),
            Some(Open::Mapping { place, entries, .. }) => {
                // A block mapping is reported to begin behind its first key.
                let first = entries.first().map(|entry| entry.key_place);
                let place =
                    first.filter(|first| first.line == place.line && first.column < place.column).unwrap_or(place);
                self.node(Node { place, kind: Kind::Mapping(entries) });
            }
            None => {}
        }
    }

    fn node(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.top = Some(node),
            Some(Open::List { nodes, .. }) => nodes.push(node),
            Some(Open::Mapping { entries, key: key @ Some(_), .. }) => {
                if let Some(Key { text, place, value: Fate::Kept }) = key.take() {
                    entries.push(Entry { key: text, key_place: place, value: node });
                }
            }
            Some(Open::Mapping { key: None, .. }) => self.key(node),
        }
    }

    fn key(&mut self, node: Node) {
        let place = node.place;
        let (text, problem) = match node.kind {
            Kind::Scalar { text, .. } => (text, None),
            Kind::List(_) => (String::new(), Some("a list cannot be a key: write a name before the colon")),
            Kind::Mapping(_) => (String::new(), Some("a mapping cannot be a key: write a name before the colon")),
        };
        let path = if problem.is_some() { self.path() } else { self.path().key(&text) };
        let Some(Open::Mapping { keys, key, .. }) = self.open.last_mut() else { return };
        let message = problem.map(str::to_owned).or_else(|| {
            let first = keys.get(&text)?;
            Some(format!("is written twice, also at line {}: keep one of them", first.line))
        });
        if problem.is_none() {
            keys.entry(text.clone()).or_insert(place);
        }
        let value = if message.is_some() { Fate::Predecessor } else { Fate::Kept };
        *key = Some(Key { text, place, value });
        self.findings.extend(message.map(|message| Finding { place, path, message }));
    }

    /// The path of the node that is read now; of the mapping around it, where it is a key.
    fn path(&self) -> FieldPath {
        let step = |open: &Open| match open {
            Open::List { nodes, .. } => Some(Step::Index(nodes.len())),
            Open::Mapping { key, .. } => key.as_ref().map(|key| Step::Key(key.text.clone())),
        };
        self.open.iter().filter_map(step).collect()
    }

    /// An entry of a list behind which nothing is written is reported to be at the next token.
    fn place_of_nothing(&self, next: Place) -> Place {
        let Some(Open::List { .. }) = self.open.last() else { return next };
        let before = self.lines.iter().enumerate().take(next.line.saturating_sub(1)).rev();
        let mut written = before.filter(|(_, line)| !matches!(line.trim_start().chars().next(), None | Some('#')));
        match written.next() {
            Some((index, line)) if line.split(" #").next().is_some_and(|line| line.trim() == "-") => Place {
                source: next.source,
                line: index + 1,
                column: line.chars().take_while(|c| *c != '-').count() + 1,
            },
            _ => next,
        }
    }

    fn refuse(&self, place: Place, anchor: usize, tagged: bool) -> Result<(), Finding> {
        match (anchor, tagged) {
            (0, false) => Ok(()),
            (0, true) => Err(self.refused(place, "tags (`!name`)")),
            _ => Err(self.refused(place, "anchors (`&name`)")),
        }
    }

    fn refused(&self, place: Place, what: &str) -> Finding {
        Finding { place, path: self.path(), message: format!("YAML {what} are not read: write the value itself") }
    }
}

/// Characters behind an error of the scanner that are read to name it.
const BEHIND: usize = 1024;

/// Collections within collections that are read: many more than any configuration has, and few enough for recursion.
const DEEPEST: usize = 64;

fn not_yaml(text: &str, source: usize, error: &serde_yaml::Error) -> Finding {
    let message = error.to_string();
    if let Some((place, character)) = unprintable(text, source) {
        let message = format!("is not YAML, the character {character:?} is not allowed: remove it");
        return Finding { place, path: FieldPath::root(), message };
    }
    if message.contains("more than one document") {
        return second_document(text, source);
    }
    let place =
        error.location().map_or(Place::of_file(source), |at| Place { source, line: at.line(), column: at.column() });
    let reason = message.split(" at line ").next().unwrap_or_default();
    let tab = text.lines().nth(place.line.saturating_sub(1)).is_some_and(|line| {
        let indent = line.len() - line.trim_start().len();
        line[..indent].contains('\t')
    });
    let remedy = if tab {
        "indent with spaces, YAML takes no tabs"
    } else {
        "look at the indentation, colons, brackets and quotes of this line and the one above"
    };
    Finding { place, path: FieldPath::root(), message: format!("is not YAML, {}: {remedy}", shown(reason)) }
}

/// The first character that YAML does not allow (YAML 1.2.2, section 5.1, `c-printable`), of which the reader tells no
/// line.
fn unprintable(text: &str, source: usize) -> Option<(Place, char)> {
    let is_printable = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
            && c != '\u{feff}'
    };
    let (offset, character) = text.char_indices().find(|(_, c)| !is_printable(*c))?;
    Some((Place::behind(source, &text[..offset]), character))
}

fn too_deep(place: Place) -> Finding {
    let message = format!("lists and mappings are nested more than {DEEPEST} deep: remove brackets or indentation");
    Finding { place, path: FieldPath::root(), message }
}

fn second_document(text: &str, source: usize) -> Finding {
    let line = text.lines().skip(1).position(|line| line.starts_with("---")).map_or(1, |line| line + 2);
    let message = "a second document begins here: write one document, without `---` between".to_owned();
    Finding { place: Place { source, line, column: 1 }, path: FieldPath::root(), message }
}

/// What `serde_yaml` says of the same error is clearer. It reads no further than a little behind the error, so that what
/// follows costs nothing.
fn not_scanned(text: &str, source: usize, error: &ScanError) -> Finding {
    // The scanner is ahead of the nodes and has a bound of its own, which is higher.
    if error.info() == "recursion limit exceeded" {
        return too_deep(place(source, error.marker()));
    }
    let far = text.char_indices().nth(error.marker().index() + BEHIND).map_or(text.len(), |(index, _)| index);
    if let Err(error) = serde_yaml::from_str::<IgnoredAny>(&text[..far])
        && (far == text.len() || error.location().is_some_and(|at| at.index() < far))
    {
        return not_yaml(text, source, &error);
    }
    let message = format!("is not YAML, {}: look at this line and the one above", shown(error.info()));
    Finding { place: place(source, error.marker()), path: FieldPath::root(), message }
}

fn place(source: usize, marker: &Marker) -> Place {
    Place { source, line: marker.line(), column: marker.col() + 1 }
}
