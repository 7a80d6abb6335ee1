//! How a person names what a value has to be, and what it is.

use serde_json::Value as Json;

use super::shape::{self, Shape, Table};
use crate::recipe::document::{Node, Value};
use crate::recipe::path::Path;
use crate::text::listing;

/// What a shape asks for: "a list of strings".
pub(super) fn expected(root: &Json, shape: &Shape<'_>) -> String {
    match shape {
        Shape::Anything => "a value".to_owned(),
        Shape::Words(words) => listing(words, "or"),
        Shape::Text { .. } => "a string".to_owned(),
        Shape::Whole(..) => "a whole number".to_owned(),
        Shape::Number(..) => "a number".to_owned(),
        Shape::Truth => "`true` or `false`".to_owned(),
        Shape::List { items, .. } => {
            format!("a list of {}", items.map_or("values", |i| plural(root, i)))
        }
        Shape::Table(_) | Shape::Tagged { .. } => "a table".to_owned(),
        Shape::Either(choices) => {
            let words = listing(words_among(root, choices), "or");
            let others = choices
                .iter()
                .filter_map(|choice| match shape::of(root, choice) {
                    Shape::Words(_) => None,
                    Shape::Table(Table { required, .. }) if required.len() == 1 => {
                        Some(format!("`{{ {} = … }}`", required[0]))
                    }
                    other => Some(expected(root, &other)),
                });
            let all: Vec<String> = [words]
                .into_iter()
                .filter(|w| !w.is_empty())
                .chain(others)
                .collect();
            all.join(", or ")
        }
    }
}

/// The words among several alternatives.
pub(super) fn words_among<'s>(root: &'s Json, choices: &[&'s Json]) -> Vec<&'s str> {
    let words = choices
        .iter()
        .filter_map(|choice| match shape::of(root, choice) {
            Shape::Words(words) => Some(words),
            _ => None,
        });
    words.flatten().collect()
}

fn plural(root: &Json, items: &Json) -> &'static str {
    match shape::of(root, items) {
        Shape::Text { .. } | Shape::Words(_) => "strings",
        Shape::Whole(..) => "whole numbers",
        Shape::Number(..) => "numbers",
        Shape::List { .. } => "lists",
        Shape::Table(_) | Shape::Tagged { .. } => "tables",
        Shape::Anything | Shape::Truth | Shape::Either(_) => "values",
    }
}

/// What a value is: "a string".
pub(super) const fn found(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "a truth value",
        Value::Datetime => "a date or time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
        Value::Broken => "no TOML",
    }
}

/// How the value would be right, where it takes only other punctuation.
pub(super) fn mended(root: &Json, shape: &Shape<'_>, node: &Node, path: &Path) -> Option<String> {
    let text = node.place.text();
    let scalar = matches!(
        node.value,
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime
    );
    match (shape, &node.value) {
        (Shape::Text { .. }, _) if scalar => Some(format!("write it in quotes: \"{text}\"")),
        (Shape::Text { .. } | Shape::Words(_), Value::Array(nodes)) if nodes.len() == 1 => {
            Some(format!("leave out the brackets: {}", nodes[0].place.text()))
        }
        (Shape::Whole(..), Value::String(word)) if word.parse::<i64>().is_ok() => {
            Some(format!("leave out the quotes: {word}"))
        }
        (Shape::Truth, Value::String(word)) if word.parse::<bool>().is_ok() => {
            Some(format!("leave out the quotes: {word}"))
        }
        (
            Shape::List {
                items: Some(items), ..
            },
            Value::Table(_),
        ) => matches!(
            shape::of(root, items),
            Shape::Table(_) | Shape::Tagged { .. }
        )
        .then(|| format!("begin each of them with [[{path}]]")),
        (Shape::List { .. }, Value::String(_)) if !text.contains('\n') => {
            Some(format!("put it in brackets: [{text}]"))
        }
        (Shape::Table(_) | Shape::Tagged { .. }, Value::Array(_)) => text
            .strip_prefix("[[")
            .and_then(|rest| rest.strip_suffix("]]"))
            .map(|name| format!("there is only one: [{name}]")),
        _ => None,
    }
}
