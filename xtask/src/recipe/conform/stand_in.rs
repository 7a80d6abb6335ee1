//! What takes the place of a value that does not fit, so that the rest can be looked at.

use serde_json::{Value as Json, json};

use super::Walk;
use super::shape::{self, Shape};
use crate::recipe::document::{Node, Value};

impl Walk<'_> {
    /// Something that fits the schema; `depth` ends what would not end.
    pub(super) fn stand_in(&self, schema: &Json, depth: usize) -> Json {
        if let Some(default) = schema.get("default") {
            return default.clone();
        }
        match shape::of(self.root, schema) {
            Shape::Words(words) => json!(words.first()),
            Shape::Text { pattern: None, .. } => json!("?"),
            // The only pattern in use so far is a digest's; others make the decoding fail, which is not reported again.
            Shape::Text { .. } => json!("0".repeat(64)),
            Shape::Whole(low, high) => json!(i64::try_from(0.clamp(low, high)).ok()),
            Shape::Number(low, high) => json!(0f64.clamp(low, high)),
            Shape::Truth => json!(false),
            Shape::List { .. } => json!([]),
            Shape::Table(table) if depth < 8 => {
                let key = |key: &&str| {
                    let schema = table.properties.and_then(|properties| properties.get(*key));
                    let value =
                        schema.map_or(Json::Null, |schema| self.stand_in(schema, depth + 1));
                    ((*key).to_owned(), value)
                };
                Json::Object(table.required.iter().map(key).collect())
            }
            Shape::Tagged { variants, .. } if depth < 8 => variants
                .first()
                .map_or(Json::Null, |(_, schema)| self.stand_in(schema, depth + 1)),
            Shape::Either(choices) if depth < 8 => choices
                .first()
                .map_or(Json::Null, |choice| self.stand_in(choice, depth + 1)),
            _ => Json::Null,
        }
    }
}

/// Any TOML value as JSON.
pub(super) fn anything(node: &Node) -> Json {
    match &node.value {
        Value::String(text) => json!(text),
        Value::Integer(number) => json!(i64::try_from(*number).ok()),
        Value::Float(number) => json!(number),
        Value::Boolean(truth) => json!(truth),
        Value::Datetime => json!(node.place.text()),
        Value::Array(nodes) => nodes.iter().map(anything).collect(),
        Value::Table(entries) => entries
            .iter()
            .map(|(key, entry)| (key.clone(), anything(&entry.node)))
            .collect(),
        Value::Broken => Json::Null,
    }
}
