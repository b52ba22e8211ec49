//! Fields as they were written: reading one never fails, so that all problems of a file are found at once.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_yaml::Value;

use super::path::shown;

/// A field of a row.
#[derive(Clone, Debug, Default)]
pub(super) enum Field<T> {
    /// It is not written.
    #[default]
    Absent,
    /// It is written, and what is wrong with it and what to write instead.
    Bad(String),
    /// It is written well.
    Good(T),
}

/// What can be the value of a field.
pub(super) trait Read: Sized {
    /// What an operator has to write, as in "write ...".
    const WRITE: &'static str;
    /// The same of a list or mapping of such values.
    const WRITE_MANY: &'static str = "several of them";

    /// Reads it, or says what is wrong and what to write instead.
    fn read(value: Value) -> Result<Self, String>;
}

impl<T> Field<T> {
    /// Whether it is written, well or not.
    pub(super) const fn is_written(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<T: Read> Field<T> {
    /// Reads a value that is written, be it null.
    pub(super) fn of(value: Value) -> Self {
        if value.is_null() {
            return Self::Bad(format!("has no value: write {}", T::WRITE));
        }
        T::read(value).map_or_else(Self::Bad, Self::Good)
    }
}

impl<'de, T: Read> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::of)
    }
}

/// A mapping, in the order of the file.
pub(super) struct Entries<T>(pub(super) Vec<(String, Field<T>)>);

impl<T: Read> Read for Entries<T> {
    const WRITE: &'static str = T::WRITE_MANY;

    fn read(value: Value) -> Result<Self, String> {
        let Value::Mapping(mapping) = value else { return Err(not::<Self>(&value, "a mapping")) };
        let entry = |(key, value): (Value, Value)| Some((key.as_str()?.to_owned(), Field::of(value)));
        Ok(Self(mapping.into_iter().filter_map(entry).collect()))
    }
}

impl<T: Read> Read for Vec<Field<T>> {
    const WRITE: &'static str = T::WRITE_MANY;

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Sequence(values) => Ok(values.into_iter().map(Field::of).collect()),
            Value::String(text) => {
                let text = shown(&text);
                Err(format!("`{text}` is not a list: write [{text}]"))
            }
            value => Err(not::<Self>(&value, "a list")),
        }
    }
}

/// Reads a row, whose fields cannot fail.
pub(super) fn row<T: Read + DeserializeOwned>(value: Value, what: &str) -> Result<T, String> {
    if !value.is_mapping() {
        return Err(not::<T>(&value, what));
    }
    serde_yaml::from_value(value).map_err(|error| error.to_string())
}

/// Stands in a message for a number or a word as the file has it: `1e3` is not told as 1000.0.
pub(super) const WRITTEN: char = '\0';

/// What to say of a value that is not what is wanted.
pub(super) fn not<T: Read>(value: &Value, what: &str) -> String {
    let write = T::WRITE;
    match value {
        Value::Null => format!("nothing is not {what}: write {write}"),
        Value::Bool(_) | Value::Number(_) => format!("{WRITTEN} is not {what}: write {write}"),
        Value::String(text) => format!("`{}` is not {what}: write {write}", shown(text)),
        Value::Sequence(_) => format!("a list is not {what}: write {write}"),
        Value::Mapping(_) | Value::Tagged(_) => format!("a mapping is not {what}: write {write}"),
    }
}
