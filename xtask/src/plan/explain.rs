//! Why a step would run again: what its definition was when it last ran, and what it is now.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::{Folders, Plan, Step};
use crate::store::Root;

/// One thing that differs, by its path in the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Dotted path, such as `inputs.fragments/net.config.digest`.
    pub path: String,
    /// What it was; nothing, when it was not there.
    pub old: Option<String>,
    /// What it is; nothing, when it is gone.
    pub new: Option<String>,
}

/// Why a step is as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// Nothing changed since it was last built.
    Unchanged,
    /// It was never built for this recipe in this checkout.
    New,
    /// These things changed.
    Changed {
        /// All of them, in the definition's order.
        changes: Vec<Change>,
    },
}

/// Compares a step with what the recipe was last built from.
#[must_use]
pub fn reason(plan: &Plan, step: &Step, last: Option<&Root>) -> Reason {
    let Some(former) = last.and_then(|root| root.steps.get(&step.name)) else {
        return Reason::New;
    };
    if former.key == step.key {
        return Reason::Unchanged;
    }
    let mut changes = Vec::new();
    compare(
        "",
        &former.definition,
        &step.definition.value(),
        &mut changes,
    );
    for change in &mut changes {
        name_upstream(plan, last, change);
    }
    let changes = changes
        .into_iter()
        .flat_map(|change| by_file(change, &former.folders, &step.folders))
        .collect();
    Reason::Changed { changes }
}

/// The digest of a folder says nothing to a person: puts what differs in it in its place, where that is known.
fn by_file(change: Change, old: &Folders, new: &Folders) -> Vec<Change> {
    let name = change
        .path
        .strip_prefix("inputs.")
        .and_then(|path| path.strip_suffix(".digest"));
    let Some((name, old, new)) = name.and_then(|name| Some((name, old.get(name)?, new.get(name)?)))
    else {
        return vec![change];
    };
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = paths
        .into_iter()
        .filter(|path| old.get(*path) != new.get(*path));
    changed
        .map(|path| Change {
            path: format!("inputs.{name}/{path}"),
            old: old.get(path).cloned(),
            new: new.get(path).cloned(),
        })
        .collect()
}

/// A key says nothing to a person: puts the step's name to it.
fn name_upstream(plan: &Plan, last: Option<&Root>, change: &mut Change) {
    if !(change.path.starts_with("inputs.") && change.path.ends_with(".step")) {
        return;
    }
    let name = |key: &String| {
        let now = plan
            .steps()
            .iter()
            .find(|step| step.key.to_string() == *key);
        let then = || {
            last?
                .steps
                .iter()
                .find(|(_, step)| step.key.to_string() == *key)
        };
        now.map(|step| step.name.clone())
            .or_else(|| then().map(|(name, _)| name.clone()))
            .map_or_else(
                || key.clone(),
                |name| format!("step {name} ({})", &key[..8.min(key.len())]),
            )
    };
    change.old = change.old.as_ref().map(name);
    change.new = change.new.as_ref().map(name);
}

fn compare(path: &str, old: &Value, new: &Value, changes: &mut Vec<Change>) {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(
                    &path,
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    changes,
                );
            }
        }
        (a, b) if a == b => {}
        (a, b) => changes.push(Change {
            path: path.to_owned(),
            old: text(a),
            new: text(b),
        }),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
