//! The JSON Schema of a configuration (draft 2020-12), for editors.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::{Absent, FieldText, Section};
use crate::config::yaml::{Node, Scalar};

/// The sections that a schema refers to, by name.
#[derive(Default)]
pub(in crate::config) struct Definitions(BTreeMap<&'static str, Json>);

/// A kind of file.
pub(in crate::config) struct FileKind {
    /// What its schema is called.
    pub(in crate::config) title: &'static str,
    /// The file as a whole.
    pub(in crate::config) top: &'static Section,
    /// The fields that a file may have which another one includes; none where no file is included.
    pub(in crate::config) included: &'static [&'static str],
}

impl FileKind {
    /// The schema of such files. That of included ones is `$defs/included` in it.
    pub(in crate::config) fn schema(&self) -> Json {
        let mut definitions = Definitions::default();
        let mut schema = definitions.body(self.top);
        let part = |field: &&str| Some(((*field).to_owned(), schema["properties"].get(*field)?.clone()));
        let parts: Map<String, Json> = self.included.iter().filter_map(part).collect();
        let mut sections: Map<String, Json> =
            definitions.0.into_iter().map(|(name, body)| (name.to_owned(), body)).collect();
        if !parts.is_empty() {
            let included = json!({
                "description": "A file that another one includes.",
                "type": "object",
                "properties": parts,
                "additionalProperties": false,
            });
            sections.insert("included".to_owned(), included);
        }
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
        schema["title"] = self.title.into();
        schema["$defs"] = sections.into();
        schema
    }
}

impl Definitions {
    /// A reference to a section, which is described once.
    pub(in crate::config) fn section(&mut self, section: &'static Section) -> Json {
        if !self.0.contains_key(section.name) {
            // Sections that refer to themselves find it there.
            self.0.insert(section.name, Json::Null);
            let body = self.body(section);
            self.0.insert(section.name, body);
        }
        json!({"$ref": format!("#/$defs/{}", section.name)})
    }

    fn body(&mut self, section: &'static Section) -> Json {
        let properties: Map<String, Json> =
            section.fields.iter().map(|field| (field.name.to_owned(), self.field(field))).collect();
        let required: Vec<_> = section
            .fields
            .iter()
            .filter(|field| matches!(field.absent, Absent::Required))
            .map(|field| field.name)
            .collect();
        let mut body = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if !required.is_empty() {
            body["required"] = required.into();
        }
        if let (Json::Object(body), Ok(Json::Object(rules))) = (&mut body, serde_json::from_str(section.rules)) {
            body.extend(rules);
        }
        body
    }

    fn field(&mut self, field: &FieldText) -> Json {
        let mut schema = (field.schema)(self);
        let mut description = without_links(field.text);
        match field.absent {
            Absent::Required => {}
            Absent::Default(text) => schema["default"] = default(text),
            Absent::Optional(text) => description = format!("{description} (default: {})", without_links(text)),
        }
        schema["description"] = description.into();
        schema
    }
}

/// A default as JSON has it.
fn default(text: &str) -> Json {
    if text == "{}" {
        return json!({});
    }
    let node = Node::plain(text, super::super::Place::FILE);
    match node.scalar() {
        Some(Scalar::Bool(value)) => value.into(),
        Some(Scalar::Number(number)) => serde_json::to_value(number).unwrap_or_default(),
        _ => text.into(),
    }
}

/// Markdown with the texts of its links alone: editors show it as it is.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        plain.push_str(before);
        let parts = link.split_once("](").and_then(|(shown, after)| Some((shown, after.split_once(')')?.1)));
        match parts {
            Some((shown, after)) if !shown.contains(['[', ']']) => {
                plain.push_str(shown);
                rest = after;
            }
            _ => {
                plain.push('[');
                rest = link;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_have_no_links() {
        assert_eq!(without_links("like [untagged, 100], see [VLANs](#vlans)."), "like [untagged, 100], see VLANs.");
        assert_eq!(without_links("a list: [eth0"), "a list: [eth0");
    }
}
