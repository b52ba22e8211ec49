//! The way from the top of a file to one of its fields.

use std::fmt::{self, Write};

/// A field's path. Prints like `pools.web.backends[0].weight`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldPath(Vec<Step>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a mapping.
    Key(String),
    /// Into a list, from zero.
    Index(usize),
}

impl FieldPath {
    /// The file's top level.
    pub(super) const fn root() -> Self {
        Self(Vec::new())
    }

    /// The value of a key below this field.
    pub(super) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// An entry of this list, from zero.
    pub(super) fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// A field below this one.
    pub(super) fn step(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The same with a smaller index in the list of this name at the top.
    pub(super) fn less_index(&self, list: &str, less: usize) -> Self {
        let mut path = self.clone();
        if let [Step::Key(key), Step::Index(index), ..] = path.0.as_mut_slice()
            && key == list
        {
            *index = index.saturating_sub(less);
        }
        path
    }

    /// The steps from the top.
    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl FromIterator<Step> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if number > 0 {
                        f.write_char('.')?;
                    }
                    f.write_str(&shown_key(key))?;
                }
            }
        }
        Ok(())
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
        let path = FieldPath::root().key("pools").key("web").key("backends").index(2).key("weight");
        assert_eq!(path.to_string(), "pools.web.backends[2].weight");
        assert_eq!(FieldPath::root().key("a b").key("\u{1b}").to_string(), r#""a b"."\u{1b}""#);
    }

    #[test]
    fn long_texts_are_cut() {
        let text = "x".repeat(SHOWN_CHARACTERS + 1);
        assert_eq!(shown(&text), format!("{}...", "x".repeat(SHOWN_CHARACTERS)));
    }
}
