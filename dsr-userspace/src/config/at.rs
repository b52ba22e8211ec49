//! Where something is in the files: the path of a field, and its place.

use std::{
    fmt::{self, Write},
    sync::Arc,
};

use super::error::Place;

/// A field and the place to look at for it. Prints like `pools.web.backends[0].weight`.
#[derive(Clone, Debug)]
pub(super) struct At {
    above: Option<Arc<At>>,
    step: Step,
    /// The place.
    pub(super) place: Place,
}

/// One step from the top of a file to a field.
#[derive(Clone, Debug)]
enum Step {
    Top,
    /// A field of a section.
    Field(&'static str),
    /// A key that the operator chose.
    Key(Arc<str>),
    /// An entry of a list, from zero.
    Index(usize),
}

impl At {
    /// A file's top level.
    pub(super) const fn top(place: Place) -> Self {
        Self { above: None, step: Step::Top, place }
    }

    /// A field of this section.
    pub(super) fn field(self: &Arc<Self>, name: &'static str, place: Place) -> Self {
        self.below(Step::Field(name), place)
    }

    /// The value of a key of this mapping.
    pub(super) fn key(self: &Arc<Self>, key: &str, place: Place) -> Self {
        self.below(Step::Key(key.into()), place)
    }

    /// An entry of this list, from zero.
    pub(super) fn index(self: &Arc<Self>, index: usize, place: Place) -> Self {
        self.below(Step::Index(index), place)
    }

    fn below(self: &Arc<Self>, step: Step, place: Place) -> Self {
        Self { above: Some(Arc::clone(self)), step, place }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(above) = &self.above else { return Ok(()) };
        // As deep as files are nested, which has a bound.
        above.fmt(f)?;
        if let Step::Index(index) = self.step {
            return write!(f, "[{index}]");
        }
        if above.above.is_some() {
            f.write_char('.')?;
        }
        match &self.step {
            Step::Field(name) => f.write_str(name),
            Step::Key(key) => f.write_str(&shown_key(key)),
            Step::Top | Step::Index(_) => Ok(()),
        }
    }
}

/// A text as messages show it: no control characters, and not endless.
pub(super) fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(SHOWN_CHARACTERS).map(shown_character).collect();
    if characters.next().is_some() {
        shown.push_str("...");
    }
    shown
}

fn shown_character(character: char) -> String {
    match character {
        '\'' | '"' | '\\' => character.to_string(),
        _ => character.escape_debug().to_string(),
    }
}

fn shown_key(key: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if !key.is_empty() && key.chars().all(plain) { shown(key) } else { format!("\"{}\"", shown(key)) }
}

/// Characters of an operator's text that a message repeats.
const SHOWN_CHARACTERS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_an_operator_would_write_it() {
        let at = |above: At, below: fn(&Arc<At>) -> At| below(&Arc::new(above));
        let pool = at(at(At::top(Place::FILE), |at| at.field("pools", Place::FILE)), |at| at.key("web", Place::FILE));
        let backend = at(at(pool, |at| at.field("backends", Place::FILE)), |at| at.index(2, Place::FILE));
        let weight = at(backend, |at| at.field("weight", Place::FILE));
        assert_eq!(weight.to_string(), "pools.web.backends[2].weight");
        let odd = at(at(At::top(Place::FILE), |at| at.key("a b", Place::FILE)), |at| at.key("\u{1b}", Place::FILE));
        assert_eq!(odd.to_string(), r#""a b"."\u{1b}""#);
    }

    #[test]
    fn long_texts_are_cut() {
        let text = "x".repeat(SHOWN_CHARACTERS + 1);
        assert_eq!(shown(&text), format!("{}...", "x".repeat(SHOWN_CHARACTERS)));
    }
}
