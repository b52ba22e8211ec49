//! From the parser's events to nodes.
//!
//! Keys are scalars and stand once in a mapping; anchors, aliases and tags are not supported. Where a text has them, that
//! is a finding and reading goes on. What is not YAML, nested too deep or too large ends it. Takes time and memory in
//! proportion to the text.

use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput, Tag, options};

use super::{
    super::{
        at::At,
        error::{Place, Problem},
    },
    Entry, Kind, Node,
    syntax::{self, Nested},
    take_duplicates,
};

/// What was read, and what was wrong with it that did not end the reading.
#[derive(Debug)]
pub(in crate::config) struct Document {
    /// The file's top node.
    pub(in crate::config) node: Node,
    /// What is wrong.
    pub(in crate::config) findings: Vec<Finding>,
}

/// What is wrong with a text as YAML.
#[derive(Debug)]
pub(in crate::config) struct Finding {
    /// Where, and the field that it is about; the top where it is none's.
    pub(in crate::config) at: At,
    /// What is wrong, and what to write instead.
    pub(in crate::config) message: String,
}

impl Finding {
    pub(in crate::config) fn new(at: At, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// The finding as a problem of one of these files.
    pub(in crate::config) fn problem(&self, files: &[Arc<std::path::Path>]) -> Problem {
        Problem::new(&files[self.at.place.source], self.at.place, &self.at, self.message.clone())
    }
}

/// Collections within collections that are read: many more than any configuration has, and few enough for recursion.
pub(super) const DEEPEST: usize = 64;

/// Nodes of one text that are read: a bound on memory, above what a file of the largest size has.
const NODES_MOST: usize = 1 << 21;

/// Findings in one text after which reading it ends.
pub(super) const FINDINGS_MOST: usize = 1000;

fn limits() -> Options {
    options! {
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
        emit_unresolved_aliases: true,
        emit_comments: false,
    }
}

/// Reads one YAML document: the file of this number.
pub(in crate::config) fn read(text: &str, source: usize) -> Result<Document, Finding> {
    read_within(text, source, NODES_MOST)
}

/// As [`read`], with a bound of its own on the nodes.
pub(super) fn read_within(text: &str, source: usize, nodes_most: usize) -> Result<Document, Finding> {
    let mut reader =
        Reader { text, source, nodes_left: nodes_most, nodes_most, open: Vec::new(), top: None, findings: Vec::new() };
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str_with_options(text, limits());
    let mut documents = 0;
    let mut end = Place { source, line: 1, column: 1 };
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| syntax::finding(text, source, &error, reader.innermost()))?;
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
        }
        end = reader.place(&span);
        if documents > 1 {
            let message = "a second document begins here: write one document, without `---` between";
            return Err(Finding::new(At::top(end), message));
        }
        reader.event(event, &span)?;
    }
    let node = reader.top.unwrap_or_else(|| Node::plain("", end));
    Ok(Document { node, findings: reader.findings })
}

struct Reader<'t> {
    text: &'t str,
    source: usize,
    nodes_most: usize,
    nodes_left: usize,
    /// The collections that are open, outermost first.
    open: Vec<Open>,
    top: Option<Node>,
    findings: Vec<Finding>,
}

/// A collection whose end was not seen yet.
enum Open {
    List { place: Place, is_flow: bool, nodes: Vec<Node> },
    Mapping { place: Place, is_flow: bool, entries: Vec<Entry>, key: Option<Key> },
}

/// A key whose value was not seen yet.
struct Key {
    text: Box<str>,
    place: Place,
    /// Whether it is a scalar; what belongs to another is dropped.
    is_name: bool,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Finding> {
        let place = self.place(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.properties(place, anchor, tag.as_deref())?;
                let plain = style == ScalarStyle::Plain;
                // Where nothing is written the parser gives a `~` without a length.
                let is_written = !plain || span.start != span.end;
                let place = if is_written { place } else { self.place_of_nothing(span) };
                let text = if is_written { text.into() } else { "".into() };
                self.node(Node { place, kind: Kind::Scalar { text, plain } })?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.properties(place, anchor, tag.as_deref())?;
                let is_flow = style == granit_parser::StructureStyle::Flow;
                self.open(place, Open::List { place, is_flow, nodes: Vec::new() })?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.properties(place, anchor, tag.as_deref())?;
                let is_flow = style == granit_parser::StructureStyle::Flow;
                self.open(place, Open::Mapping { place, is_flow, entries: Vec::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.unsupported(place, "aliases (`*name`)")?;
                self.node(Node { place, kind: Kind::Alias })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn place(&self, span: &Span) -> Place {
        Place { source: self.source, line: span.start.line(), column: span.start.col() + 1 }
    }

    fn open(&mut self, place: Place, collection: Open) -> Result<(), Finding> {
        if self.open.len() == DEEPEST {
            return Err(syntax::too_deep(place));
        }
        self.open.push(collection);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Finding> {
        match self.open.pop() {
            Some(Open::List { place, nodes, .. }) => self.node(Node { place, kind: Kind::List(nodes) }),
            Some(Open::Mapping { place, mut entries, .. }) => {
                for (entry, first) in take_duplicates(&mut entries) {
                    let at = Arc::new(self.at(place)).key(&entry.key, entry.key_place);
                    self.find(at, format!("is written twice, also at line {}: keep one of them", first.line))?;
                }
                self.node(Node { place, kind: Kind::Mapping(entries) })
            }
            None => Ok(()),
        }
    }

    fn node(&mut self, node: Node) -> Result<(), Finding> {
        let Some(left) = self.nodes_left.checked_sub(1) else {
            let most = self.nodes_most;
            let message = format!("the file has more than {most} values: write less, or write it in several files");
            return Err(Finding::new(At::top(node.place), message));
        };
        self.nodes_left = left;
        match self.open.last_mut() {
            None => self.top = Some(node),
            Some(Open::List { nodes, .. }) => nodes.push(node),
            Some(Open::Mapping { entries, key, .. }) => match key.take() {
                None => return self.key(node),
                Some(Key { text, place, is_name }) if is_name => {
                    entries.push(Entry { key: text, key_place: place, value: node });
                }
                Some(_) => {}
            },
        }
        Ok(())
    }

    fn key(&mut self, node: Node) -> Result<(), Finding> {
        let place = node.place;
        // An alias was found before.
        let (text, is_name, not) = match node.kind {
            Kind::Scalar { text, .. } => (text, true, None),
            Kind::List(_) => ("".into(), false, Some("a list")),
            Kind::Mapping(_) => ("".into(), false, Some("a mapping")),
            Kind::Alias => ("".into(), false, None),
        };
        if let Some(what) = not {
            self.find(self.at(place), format!("{what} cannot be a key: write a name before the colon"))?;
        }
        if let Some(Open::Mapping { key, .. }) = self.open.last_mut() {
            *key = Some(Key { text, place, is_name });
        }
        Ok(())
    }

    /// The path of the node that is read now; of the mapping around it, where it is a key.
    fn at(&self, place: Place) -> At {
        self.open.iter().fold(At::top(place), |at, open| match open {
            Open::List { nodes, .. } => Arc::new(at).index(nodes.len(), place),
            Open::Mapping { key: Some(key), .. } => Arc::new(at).key(&key.text, place),
            Open::Mapping { key: None, .. } => at,
        })
    }

    /// The innermost collection in brackets or braces that is not closed yet.
    fn innermost(&self) -> Option<Nested> {
        self.open.iter().rev().find_map(|open| match open {
            Open::List { place, is_flow: true, .. } => Some(Nested { bracket: '[', line: place.line }),
            Open::Mapping { place, is_flow: true, .. } => Some(Nested { bracket: '{', line: place.line }),
            _ => None,
        })
    }

    /// An entry of a list behind which nothing is written is at its dash.
    fn place_of_nothing(&self, span: &Span) -> Place {
        let place = self.place(span);
        let (Some(Open::List { .. }), Some(end)) = (self.open.last(), span.start.byte_offset()) else { return place };
        let before = &self.text[..end];
        let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        let written = line.split(" #").next().unwrap_or_default().trim_end();
        match written.strip_suffix('-') {
            Some(indent) => Place { column: indent.chars().count() + 1, ..place },
            None => place,
        }
    }

    fn properties(&mut self, place: Place, anchor: usize, tag: Option<&Tag>) -> Result<(), Finding> {
        if anchor != 0 {
            self.unsupported(place, "anchors (`&name`)")?;
        }
        if tag.is_some() {
            self.unsupported(place, "tags (`!name`)")?;
        }
        Ok(())
    }

    fn unsupported(&mut self, place: Place, what: &str) -> Result<(), Finding> {
        self.find(self.at(place), format!("YAML {what} are not supported: write the value itself"))
    }

    /// Notes what does not end the reading, unless it is too much of it.
    fn find(&mut self, at: At, message: String) -> Result<(), Finding> {
        if self.findings.len() == FINDINGS_MOST {
            return Err(Finding::new(at, format!("{message}; there are {FINDINGS_MOST} such errors before this one")));
        }
        self.findings.push(Finding::new(at, message));
        Ok(())
    }
}
