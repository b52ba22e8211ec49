//! The files that a configuration is read from: one that is named, and those that it includes.

use std::{fmt, path::Path, sync::Arc};

use super::error::Place;

/// The text of an included file, and where that is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: Arc<Path>,
    /// Its content, which may be no text.
    pub bytes: Vec<u8>,
}

/// A file that problems are reported for.
#[derive(Clone, Debug)]
pub(super) struct SourceFile {
    /// The file.
    pub(super) path: Arc<Path>,
    /// How many services the files before it have.
    pub(super) services_before: usize,
}

/// A line as messages name it: with its file where there are several.
pub(super) struct Line<'a> {
    files: &'a [SourceFile],
    place: Place,
}

impl<'a> Line<'a> {
    pub(super) const fn new(files: &'a [SourceFile], place: Place) -> Self {
        Self { files, place }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, place } = self;
        match files.get(place.source) {
            Some(file) if files.len() > 1 => write!(f, "{} of {}", place.line, file.path.display()),
            _ => write!(f, "{}", place.line),
        }
    }
}
