//! Values that are one scalar, or a word in place of a section.

use std::marker::PhantomData;

use serde_json::{Value as Json, json};

use super::{Read, json::Definitions, not};
use crate::config::{
    at::At,
    report::Report,
    suggest,
    yaml::{self, Kind, Node},
};

/// A value that is read without looking at others.
pub(in crate::config) trait Scalar: Sized {
    /// What an operator has to write, as in "write ...".
    fn write() -> String;

    /// The same of a list of such values.
    fn write_many() -> String {
        "several of them".to_owned()
    }

    /// What one of them is called, as in "has no ...".
    fn noun() -> &'static str {
        "entry"
    }

    /// Reads it, or says what is wrong and what to write instead.
    fn read(node: &Node) -> Result<Self, String>;

    /// What it may be, as a JSON Schema.
    fn schema() -> Json;
}

impl<T: Scalar> Read for T {
    fn write() -> String {
        T::write()
    }

    fn write_many() -> String {
        T::write_many()
    }

    fn noun() -> &'static str {
        T::noun()
    }

    fn read(report: &mut Report<'_>, at: &At, node: &Node) -> Option<Self> {
        T::read(node).map_err(|message| report.error(at, message)).ok()
    }

    fn schema(_: &mut Definitions) -> Json {
        T::schema()
    }
}

/// A value that is one of a few words.
pub(in crate::config) trait Choice: Copy + 'static {
    /// What it is, as in "is not ...".
    const WHAT: &'static str;
    /// The words.
    const WORDS: &'static [(&'static str, Self)];
}

impl<T: Choice> Scalar for T {
    fn write() -> String {
        suggest::listed(T::WORDS.iter().map(|(word, _)| *word))
    }

    fn read(node: &Node) -> Result<Self, String> {
        let (words, write) = (T::WORDS, <T as Scalar>::write());
        let Some(text) = node.as_str() else { return Err(not(node, T::WHAT, &write)) };
        if let Some((_, choice)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*choice);
        }
        match suggest::closest(text, words.iter().map(|(word, _)| *word)) {
            Some(word) if words.len() > 1 => Err(format!("{}; did you mean {word}?", not(node, T::WHAT, &write))),
            _ => Err(not(node, T::WHAT, &write)),
        }
    }

    fn schema() -> Json {
        json!({"enum": T::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>()})
    }
}

/// Describes whole numbers: the type, what it is, its bounds, and how it is made of a number within them.
macro_rules! integers {
    ($($type:ty = $what:literal, $least:expr, $most:expr, $make:expr;)+) => {$(
        impl $crate::config::schema::Scalar for $type {
            fn write() -> String {
                format!("a whole number from {} to {}", $least, $most)
            }

            fn read(node: &$crate::config::yaml::Node) -> Result<Self, String> {
                let (least, most): (u64, u64) = ($least, $most);
                let make: fn(u64) -> Option<$type> = $make;
                let number = node.as_u64().filter(|number| (least..=most).contains(number));
                let write = <Self as $crate::config::schema::Scalar>::write;
                number.and_then(make).ok_or_else(|| $crate::config::schema::not(node, $what, &write()))
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({"type": "integer", "minimum": $least, "maximum": $most})
            }
        }
    )+};
}

pub(in crate::config) use integers;

/// One of a few words, or one of them with parameters: a section.
pub(in crate::config) enum ChoiceOr<C, R> {
    /// The word alone.
    Choice(C),
    /// The section.
    Row(Box<R>),
}

impl<C: Choice, R: Read> Read for ChoiceOr<C, R> {
    fn write() -> String {
        format!("{}; with parameters like {}", <C as Scalar>::write(), R::write())
    }

    fn write_many() -> String {
        R::write_many()
    }

    fn what() -> &'static str {
        C::WHAT
    }

    fn noun() -> &'static str {
        R::noun()
    }

    fn read(report: &mut Report<'_>, at: &At, node: &Node) -> Option<Self> {
        let message = match &node.kind {
            Kind::Mapping(entries) if entries.is_empty() => format!("is empty: write {}", Self::write()),
            Kind::Mapping(_) => return R::read(report, at, node).map(|row| Self::Row(Box::new(row))),
            Kind::List(_) => not(node, C::WHAT, &Self::write()),
            _ => match (<C as Scalar>::read(node), node.as_str().and_then(R::elsewhere)) {
                (Ok(choice), _) => return Some(Self::Choice(choice)),
                (Err(_), Some(elsewhere)) => elsewhere.to_owned(),
                (Err(message), None) => message,
            },
        };
        report.error(at, message);
        None
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({"anyOf": [<C as Scalar>::schema(), R::schema(definitions)]})
    }
}

/// A word that stands for "no such section".
pub(in crate::config) trait Word {
    /// The word.
    const WORD: &'static str;
}

/// A section, or a word in its place.
pub(in crate::config) enum WordOr<W, R> {
    /// The word.
    Word(PhantomData<W>),
    /// The section.
    Row(Box<R>),
}

impl<W: Word, R: Read> Read for WordOr<W, R> {
    fn write() -> String {
        format!("{}, or {}", R::write(), W::WORD)
    }

    fn read(report: &mut Report<'_>, at: &At, node: &Node) -> Option<Self> {
        if node.as_str() == Some(W::WORD) {
            return Some(Self::Word(PhantomData));
        }
        if matches!(node.kind, Kind::Mapping(_)) {
            return R::read(report, at, node).map(|row| Self::Row(Box::new(row)));
        }
        let message = match node.scalar() {
            Some(yaml::Scalar::Bool(false)) => format!("false does not disable this: write {}", W::WORD),
            _ => not(node, R::what(), &Self::write()),
        };
        report.error(at, message);
        None
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({"anyOf": [{"const": W::WORD}, R::schema(definitions)]})
    }
}
