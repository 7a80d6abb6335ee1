//! Holds a TOML tree against the JSON schema of a type, and collects everything that does not fit.
//!
//! What does not fit is replaced by something that does, so that the value can be decoded all the same and
//! `check` can look at the rest of it in the same run. What the schema cannot say is `check`'s.

mod shape;
mod stand_in;
mod table;
#[cfg(test)]
mod tests;
mod words;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::failure::Diagnostic;
use crate::recipe::document::{Node, Value};
use crate::recipe::path::Path;
use crate::text::{nearest, quoted};
use shape::Shape;
use stand_in::anything;

/// What holding a tree against a type led to.
pub struct Conformed<T> {
    /// The typed value; where there are problems, with stand-ins at what is `broken`. None if not even
    /// stand-ins helped; then there are problems.
    pub value: Option<T>,
    /// Everything that does not fit.
    pub problems: Vec<Diagnostic>,
    /// Where the value is not what was written.
    pub broken: Vec<Path>,
}

/// Holds the value at a path against a type.
pub fn conform<T: DeserializeOwned + JsonSchema>(node: &Node, path: &Path) -> Conformed<T> {
    let schema = schemars::schema_for!(T).to_value();
    let mut walk = Walk::new(&schema);
    let json = walk.value(&schema, node, path);
    let Walk {
        mut problems,
        broken,
        ..
    } = walk;
    let value = match serde_json::from_value(json) {
        Ok(value) => Some(value),
        // The schema is derived from the type, so this is rare: a rule that only the type's own decoder knows.
        Err(error) if problems.is_empty() && broken.is_empty() => {
            problems.push(node.place.wrong(error.to_string(), "", None));
            None
        }
        Err(_) => None,
    };
    Conformed {
        value,
        problems,
        broken,
    }
}

struct Walk<'s> {
    root: &'s Json,
    problems: Vec<Diagnostic>,
    broken: Vec<Path>,
}

impl<'s> Walk<'s> {
    const fn new(root: &'s Json) -> Self {
        Self {
            root,
            problems: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// The value as JSON, or a stand-in.
    fn value(&mut self, schema: &'s Json, node: &Node, path: &Path) -> Json {
        let shape = shape::of(self.root, schema);
        let fitting = match (&shape, &node.value) {
            (_, Value::Broken) => None,
            (Shape::Words(words), Value::String(word)) => {
                self.word(&shape, words, word, node, path)
            }
            (Shape::Text { .. }, Value::String(text)) => self.text(&shape, text, node, path),
            (Shape::Whole(low, high), Value::Integer(number)) => {
                self.number(low, high, number, node, path, || {
                    json!(i64::try_from(*number).ok())
                })
            }
            (Shape::Number(low, high), Value::Integer(number)) => {
                self.number(low, high, &(*number as f64), node, path, || {
                    json!(*number as f64)
                })
            }
            (Shape::Number(low, high), Value::Float(number)) => {
                self.number(low, high, number, node, path, || json!(number))
            }
            (Shape::Truth, Value::Boolean(truth)) => Some(json!(truth)),
            (Shape::List { items, lengths }, Value::Array(nodes)) => {
                self.list(*items, *lengths, nodes, node, path)
            }
            (Shape::Table(table), Value::Table(_)) => Some(self.table(table, node, path)),
            (Shape::Tagged { tag, variants }, Value::Table(_)) => {
                self.tagged(tag, variants, node, path)
            }
            (Shape::Either(choices), _) => self.either(choices, node, path),
            (Shape::Anything, _) => Some(anything(node)),
            _ => self.mismatch(&shape, node, path),
        };
        fitting.unwrap_or_else(|| {
            self.broken.push(path.clone());
            self.stand_in(schema, 0)
        })
    }

    fn complain(
        &mut self,
        node: &Node,
        message: String,
        label: String,
        help: Option<String>,
    ) -> Option<Json> {
        self.problems.push(node.place.wrong(message, label, help));
        None
    }

    fn mismatch(&mut self, shape: &Shape<'_>, node: &Node, path: &Path) -> Option<Json> {
        let expected = words::expected(self.root, shape);
        let name = match path.leaf() {
            leaf if leaf.is_empty() => "the file".to_owned(),
            leaf => format!("`{leaf}`"),
        };
        self.complain(
            node,
            format!("{name} has to be {expected}"),
            format!("this is {}", words::found(&node.value)),
            words::mended(self.root, shape, node, path),
        )
    }

    fn word(
        &mut self,
        shape: &Shape<'_>,
        words: &[&str],
        word: &str,
        node: &Node,
        path: &Path,
    ) -> Option<Json> {
        if words.contains(&word) {
            return Some(json!(word));
        }
        self.complain(
            node,
            format!("`{}` cannot be {}", path.leaf(), quoted(word)),
            did_you_mean(nearest(word, words.iter().copied())),
            Some(format!(
                "it has to be {}",
                words::expected(self.root, shape)
            )),
        )
    }

    fn text(&mut self, shape: &Shape<'_>, text: &str, node: &Node, path: &Path) -> Option<Json> {
        let Shape::Text {
            what,
            pattern,
            lengths,
        } = shape
        else {
            return None;
        };
        let length = text.chars().count() as u64;
        let fits =
            |pattern: &&str| regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
        let wrong = match (length, pattern) {
            (0, _) if lengths.0 > 0 => "is empty",
            _ if length < lengths.0 => "is too short",
            _ if length > lengths.1 => "is too long",
            (_, Some(pattern)) if !fits(pattern) => "does not have the form that is needed here",
            _ => return Some(json!(text)),
        };
        let help = what.map(|what| format!("`{}` is: {what}", path.leaf()));
        self.complain(
            node,
            format!("`{}` {wrong}", path.leaf()),
            String::new(),
            help,
        )
    }

    fn number<N: PartialOrd + std::fmt::Display>(
        &mut self,
        low: &N,
        high: &N,
        number: &N,
        node: &Node,
        path: &Path,
        json: impl Fn() -> Json,
    ) -> Option<Json> {
        if low <= number && number <= high && !json().is_null() {
            return Some(json());
        }
        let message = format!("`{}` is out of range", path.leaf());
        let low = low.to_string();
        let help = match low.as_str() {
            "-inf" => "it has to be finite".to_owned(),
            low => format!("it can be from {low} to {high}"),
        };
        self.complain(node, message, String::new(), Some(help))
    }

    fn list(
        &mut self,
        items: Option<&'s Json>,
        (low, high): (u64, u64),
        nodes: &[Node],
        node: &Node,
        path: &Path,
    ) -> Option<Json> {
        let length = nodes.len() as u64;
        if length < low {
            return self.complain(
                node,
                format!("`{}` needs at least {low}", path.leaf()),
                String::new(),
                None,
            );
        }
        if length > high {
            return self.complain(
                node,
                format!("`{}` takes at most {high}", path.leaf()),
                String::new(),
                None,
            );
        }
        let each = nodes.iter().enumerate().map(|(index, node)| match items {
            Some(items) => self.value(items, node, &path.index(index)),
            None => anything(node),
        });
        Some(Json::Array(each.collect()))
    }

    /// The alternative that fits; if none does, complains about the one that was probably meant.
    fn either(&mut self, choices: &[&'s Json], node: &Node, path: &Path) -> Option<Json> {
        let attempts = choices.iter().map(|choice| {
            let mut walk = Walk::new(self.root);
            let json = walk.value(choice, node, path);
            (walk, json)
        });
        let best =
            attempts.min_by_key(|(walk, _)| (walk.broken.contains(path), walk.problems.len()));
        match best {
            Some((walk, json)) if !walk.broken.contains(path) => {
                self.problems.extend(walk.problems);
                self.broken.extend(walk.broken);
                return Some(json);
            }
            _ => {}
        }
        let is_list = |choice: &&&Json| matches!(shape::of(self.root, choice), Shape::List { .. });
        if let (Value::Array(_), Some(list)) = (&node.value, choices.iter().find(is_list)) {
            // What is wrong with a list is said of it as a list.
            self.value(list, node, path);
            return None;
        }
        let words = words::words_among(self.root, choices);
        let shape = Shape::Either(choices.to_vec());
        match &node.value {
            Value::String(word) if !words.is_empty() => self.word(&shape, &words, word, node, path),
            _ => self.mismatch(&shape, node, path),
        }
    }
}

fn did_you_mean(meant: Option<&str>) -> String {
    meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`?"))
}
