//! Why a symbol has not the value that somebody asked for, in words.

use std::collections::BTreeSet;

use super::config::{Assignment, Config, Tristate, Value};
use super::expr::Expr;
use super::language::{Definition, Kind, Tree};
use crate::text::nearest;

/// How many names a list shows.
const SHOWN: usize = 6;
/// How far dependencies of dependencies are followed.
const DEPTH: usize = 6;

/// Says what keeps a symbol from the value that was wanted in this configuration: that there is no such symbol, what it
/// depends on and which of that is not set, what selects it, what was chosen instead.
#[must_use]
pub fn explain(tree: &Tree, config: &Config, wanted: &Assignment) -> String {
    let name = &*wanted.symbol;
    let Some(definitions) = tree.symbols.get(name) else {
        return match nearest(name, tree.names()) {
            Some(near) => {
                format!("there is no symbol {name} in this source tree; did you mean {near}?")
            }
            None => format!("there is no symbol {name} in this source tree"),
        };
    };
    let kind = definitions.iter().find_map(|definition| definition.kind);
    if let Some(kind) = kind.filter(|kind| !fits(*kind, &wanted.value)) {
        return format!("{name} is {kind}");
    }
    if wanted.value == Value::NO {
        return why_set(tree, config, name, definitions);
    }
    let module = wanted.value == Value::Tristate(Tristate::Module);
    if module && tree.has("MODULES") && config.tristate("MODULES") == Tristate::No {
        return format!("{name}=m is a module, and MODULES is not set");
    }
    let needed = match &wanted.value {
        Value::Tristate(value) => *value,
        // A number or string is there as soon as what it depends on is.
        _ => Tristate::Module,
    };
    why_unset(tree, config, name, needed)
}

fn fits(kind: Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Bool, Value::Tristate(value)) => *value != Tristate::Module,
        (Kind::Int, Value::Number(text)) => !text.to_lowercase().starts_with("0x"),
        (Kind::Tristate, Value::Tristate(_))
        | (Kind::Hex, Value::Number(_))
        | (Kind::Text, Value::Text(_)) => true,
        // `n` is also how a fragment says that a number or string shall not be there.
        (_, value) => *value == Value::NO,
    }
}

/// Why a symbol is set that was not wanted.
fn why_set(tree: &Tree, config: &Config, name: &str, definitions: &[Definition]) -> String {
    let selectors: Vec<String> = selectors(tree, config, name)
        .into_iter()
        .filter(|(_, value)| *value != Some(Tristate::No))
        .map(|(by, _)| by.to_owned())
        .collect();
    if !selectors.is_empty() {
        return format!("{name} is selected by {}", list(&selectors));
    }
    if definitions.iter().all(|one| !asked(one, config)) {
        return format!("{name} is not asked for in this configuration: its default decides");
    }
    if definitions.iter().any(|one| one.choice.is_some()) {
        return format!("{name} is what is left of a choice: request another of its symbols");
    }
    format!("nothing selects {name}: a later file, or its default, sets it")
}

fn why_unset(tree: &Tree, config: &Config, name: &str, needed: Tristate) -> String {
    let mut sentences = Vec::new();
    let mut seen = BTreeSet::new();
    follow(tree, config, name, needed, 0, &mut seen, &mut sentences);
    if !sentences.is_empty() {
        return sentences.join("; ");
    }
    let definitions = tree.symbols.get(name).map_or(&[][..], Vec::as_slice);
    if let Some(chosen) = chosen_instead(tree, config, name, definitions) {
        return format!("{name} is one of a choice, and {chosen} is chosen");
    }
    let depends = definitions
        .first()
        .map(|one| conditions(&one.depends, config));
    match depends.filter(|conditions| !conditions.is_empty()) {
        Some(conditions) => format!(
            "{name} depends on {}, and all of that is set",
            list(&printed(&conditions))
        ),
        None => format!("{name} depends on nothing"),
    }
}

/// Adds a sentence for what this symbol lacks, and for what that lacks in turn.
fn follow<'t>(
    tree: &'t Tree,
    config: &Config,
    name: &'t str,
    needed: Tristate,
    depth: usize,
    seen: &mut BTreeSet<&'t str>,
    sentences: &mut Vec<String>,
) {
    let Some(definitions) = tree
        .symbols
        .get(name)
        .filter(|_| depth < DEPTH && seen.insert(name))
    else {
        return;
    };
    // Of several entries the one counts that is nearest to being met.
    let lacks = |one: &Definition| {
        conditions(&one.depends, config)
            .iter()
            .filter(|c| c.lacks(needed))
            .count()
    };
    let Some(definition) = definitions
        .iter()
        .min_by_key(|one| (one.prompt.is_none(), lacks(one)))
    else {
        return;
    };
    let conditions = conditions(&definition.depends, config);
    if conditions.iter().any(|condition| condition.lacks(needed)) {
        sentences.push(format!("{name} depends on {}", list(&printed(&conditions))));
        for condition in conditions
            .iter()
            .filter(|condition| condition.lacks(needed))
        {
            if let Some(next) = condition.expr.symbol() {
                follow(tree, config, next, needed, depth + 1, seen, sentences);
            }
        }
    } else if config.get(name).map_or(Tristate::No, Value::tristate) < needed {
        sentences.extend(not_askable(tree, config, name, definition));
    }
}

/// The sentence for a symbol that nobody is asked for.
fn not_askable(
    tree: &Tree,
    config: &Config,
    name: &str,
    definition: &Definition,
) -> Option<String> {
    let Some(prompt) = &definition.prompt else {
        let by = selectors(tree, config, name);
        let names: Vec<String> = by
            .iter()
            .map(|(by, value)| {
                format!(
                    "{by} [{}]",
                    value.map_or_else(|| "?".to_owned(), |v| v.to_string())
                )
            })
            .collect();
        return Some(match names.is_empty() {
            true => format!("{name} cannot be set by hand: only its default decides"),
            false => format!(
                "{name} cannot be set by hand: it is selected by {}",
                list(&names)
            ),
        });
    };
    let unmet: Vec<String> = conditions(prompt, config)
        .iter()
        .filter(|condition| condition.lacks(Tristate::Module))
        .map(ToString::to_string)
        .collect();
    (!unmet.is_empty()).then(|| format!("{name} is asked for only if {}", list(&unmet)))
}

fn chosen_instead<'t>(
    tree: &'t Tree,
    config: &Config,
    name: &str,
    definitions: &[Definition],
) -> Option<&'t str> {
    let choice = definitions.iter().find_map(|one| one.choice)?;
    let mut others = tree.alternatives(choice, name).into_iter();
    others.find(|other| config.tristate(other) == Tristate::Yes)
}

/// The symbols that select this one, with what they select it to now.
fn selectors<'t>(tree: &'t Tree, config: &Config, name: &str) -> Vec<(&'t str, Option<Tristate>)> {
    let by = tree.selected_by.get(name).into_iter().flatten();
    let mut selectors: Vec<_> = by
        .map(|(by, condition)| {
            let condition = condition
                .as_ref()
                .map_or(Some(Tristate::Yes), |c| c.value(config));
            let value = match (config.tristate(by), condition) {
                (Tristate::No, _) => Some(Tristate::No),
                (value, condition) => condition.map(|condition| condition.min(value)),
            };
            (&**by, value)
        })
        .collect();
    selectors.sort_unstable();
    selectors.dedup();
    selectors
}

fn asked(definition: &Definition, config: &Config) -> bool {
    let prompt = definition.prompt.as_ref();
    prompt.is_some_and(|conditions| {
        conditions
            .iter()
            .all(|c| c.value(config) != Some(Tristate::No))
    })
}

/// One of several conditions that all have to hold, and its value.
struct Condition<'e> {
    expr: &'e Expr,
    value: Option<Tristate>,
}

impl Condition<'_> {
    fn lacks(&self, needed: Tristate) -> bool {
        self.value.is_some_and(|value| value < needed)
    }
}

impl std::fmt::Display for Condition<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self
            .value
            .map_or_else(|| "?".to_owned(), |value| value.to_string());
        match self.expr {
            Expr::Or(..) => write!(f, "({}) [{value}]", self.expr),
            expr => write!(f, "{expr} [{value}]"),
        }
    }
}

/// The conditions one by one, each once, those that lack most first.
fn conditions<'e>(all: &'e [Expr], config: &Config) -> Vec<Condition<'e>> {
    let mut conditions: Vec<Condition<'e>> = Vec::new();
    for expr in all.iter().flat_map(Expr::conjuncts) {
        if conditions.iter().all(|known| known.expr != expr) {
            let value = expr.value(config);
            conditions.push(Condition { expr, value });
        }
    }
    conditions.sort_by_key(|condition| condition.value.unwrap_or(Tristate::Yes));
    conditions
}

fn printed(conditions: &[Condition<'_>]) -> Vec<String> {
    conditions.iter().map(ToString::to_string).collect()
}

fn list(names: &[String]) -> String {
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
#[path = "depends_tests.rs"]
mod tests;
