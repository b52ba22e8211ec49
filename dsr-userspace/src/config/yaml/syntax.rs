//! What to say where a text is not YAML.

use granit_parser::{ErrorKind, ScanError};

use super::{
    super::{
        at::{At, shown},
        error::Place,
    },
    reader::{DEEPEST, Finding},
};

/// A list or mapping in brackets that is open where an error is.
#[derive(Clone, Copy)]
pub(super) struct Nested {
    /// How it begins.
    pub(super) bracket: char,
    /// The line where it begins.
    pub(super) line: usize,
}

/// The parser's error in this text as a finding.
pub(super) fn finding(text: &str, source: usize, error: &ScanError, within: Option<Nested>) -> Finding {
    let marker = error.marker();
    let place = match character(text, error) {
        Some(offset) => Place::behind(source, &text[..offset]),
        None => Place { source, line: marker.line(), column: marker.col() + 1 },
    };
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        return too_deep(place);
    }
    Finding::new(At::top(place), format!("is not YAML, {}", reason(error, within)))
}

/// Where the character is that an error is about: the parser tells where the token begins, or ends, that has it.
fn character(text: &str, error: &ScanError) -> Option<usize> {
    let offset = error.marker().byte_offset()?;
    match error.kind() {
        ErrorKind::UnexpectedCharacter { character } => Some(offset + text.get(offset..)?.find(*character)?),
        kind if is_tab(kind) => {
            let line = text[..offset].rfind(['\n', '\r']).map_or(0, |end| end + 1);
            Some(line + text[line..].find('\t')?)
        }
        _ => None,
    }
}

const fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
    )
}

/// Collections within collections that are too many.
pub(super) fn too_deep(place: Place) -> Finding {
    let message = format!("lists and mappings are nested more than {DEEPEST} deep: remove brackets or indentation");
    Finding::new(At::top(place), message)
}

fn reason(error: &ScanError, within: Option<Nested>) -> String {
    match error.kind() {
        kind if is_tab(kind) => "a tab cannot be here: indent with spaces, YAML takes no tabs".to_owned(),
        ErrorKind::UnexpectedCharacter { character } if !matches!(character, '@' | '`' | '%') => {
            format!("the character {character:?} is not allowed: remove it")
        }
        ErrorKind::UnexpectedCharacter { character } => {
            format!("no value begins with `{character}`: write it in quotes")
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            format!("the `{open}` that begins here is not closed: write `{}` at its end", closing(*open))
        }
        ErrorKind::UnclosedQuotedScalar => {
            "the quoted text that begins here does not end: write the same quote at its end".to_owned()
        }
        ErrorKind::BomInsideDocument => "a byte order mark is inside the text: remove it".to_owned(),
        _ => {
            let info = error.info();
            // What it was doing is no help: "while parsing a block mapping, did not find expected key".
            let what = info.split_once(", ").filter(|_| info.starts_with("while ")).map_or(&*info, |(_, what)| what);
            format!("{}: {}", shown(what), remedy(within))
        }
    }
}

fn remedy(within: Option<Nested>) -> String {
    match within {
        Some(Nested { bracket, line }) => format!(
            "write `{}` at the end of what begins with `{bracket}` at line {line}, or look at the colons, commas and quotes \
             before this place",
            closing(bracket)
        ),
        None => "look at the indentation, colons, brackets and quotes of this line and the one above".to_owned(),
    }
}

const fn closing(open: char) -> char {
    if open == '[' { ']' } else { '}' }
}
