//! Tables: keys that are missing, unknown, or in the wrong table; tables of several kinds.

use serde_json::{Map, Value as Json};

use super::shape::{self, Shape, Table};
use super::stand_in::anything;
use super::{Walk, did_you_mean};
use crate::recipe::document::{Entry, Node, Value};
use crate::recipe::path::Path;
use crate::text::{listing, nearest, quoted};

impl<'s> Walk<'s> {
    pub(super) fn table(&mut self, table: &Table<'s>, node: &Node, path: &Path) -> Json {
        let Value::Table(entries) = &node.value else {
            return Json::Null;
        };
        let mut json = Map::new();
        let mut meant = Vec::new();
        for (key, entry) in entries {
            let path = path.key(key);
            let own = table.properties.and_then(|properties| properties.get(key));
            match own.or(table.rest) {
                Some(Json::Bool(false)) => {
                    meant.extend(self.unknown(table, key, entry, node, &path));
                }
                Some(schema) => {
                    json.insert(key.clone(), self.value(schema, &entry.node, &path));
                }
                None => {
                    json.insert(key.clone(), anything(&entry.node));
                }
            }
        }
        // A default in place of what was misspelt would only lead to further complaints.
        self.broken.extend(meant.iter().map(|key| path.key(*key)));
        let absent = table
            .required
            .iter()
            .filter(|key| !json.contains_key(**key));
        let absent: Vec<&str> = absent.copied().collect();
        for key in &absent {
            let schema = table.properties.and_then(|properties| properties.get(*key));
            let stand_in = self.stand_in(schema.unwrap_or(&Json::Null), 0);
            json.insert((*key).to_owned(), stand_in);
            self.broken.push(path.key(*key));
        }
        let missing: Vec<&str> = absent
            .into_iter()
            .filter(|key| !meant.contains(key))
            .collect();
        self.missing(table, &missing, node, path);
        Json::Object(json)
    }

    fn missing(&mut self, table: &Table<'_>, keys: &[&str], node: &Node, path: &Path) {
        if keys.is_empty() {
            return;
        }
        let describe = |key: &&str| {
            let schema = table.properties?.get(*key)?;
            let what = schema["description"].as_str()?;
            Some(format!("`{key}`: {}", what.replace('\n', " ")))
        };
        let help: Vec<String> = keys.iter().filter_map(describe).collect();
        let owner = path.header().unwrap_or_else(|| "the file".to_owned());
        let message = format!("{owner} lacks {}", listing(keys, "and"));
        let help = Some(help.join("\n")).filter(|help| !help.is_empty());
        self.complain(node, message, String::new(), help);
    }

    /// Complains about a key that is not known; the one that was probably meant.
    fn unknown(
        &mut self,
        table: &Table<'s>,
        key: &str,
        entry: &Entry,
        node: &Node,
        path: &Path,
    ) -> Option<&'s str> {
        let Value::Table(entries) = &node.value else {
            return None;
        };
        let elsewhere = self.owners_of(key);
        let free = table.keys().filter(|known| !entries.contains_key(*known));
        let meant = if elsewhere.is_empty() {
            nearest(key, free)
        } else {
            None
        };
        let help = if elsewhere.is_empty() {
            format!("known keys: {}", listing(table.keys(), "and"))
        } else {
            format!("it belongs to {}", elsewhere.join(" or "))
        };
        let around = path
            .parent()
            .header()
            .map_or_else(|| "at the top".to_owned(), |header| format!("in {header}"));
        self.problems.push(entry.key.wrong(
            format!("unknown key {} {around}", quoted(key)),
            did_you_mean(meant),
            Some(help),
        ));
        meant
    }

    /// The tables at the top that have a key of this name.
    fn owners_of(&self, key: &str) -> Vec<String> {
        let top = self.root["properties"].as_object();
        let mut owners: Vec<String> = Vec::new();
        if top.is_some_and(|top| top.contains_key(key)) {
            owners.push("the top, above the first [table]".to_owned());
        }
        for (name, schema) in top.into_iter().flatten() {
            match shape::of(self.root, schema) {
                Shape::Table(table) if table.keys().any(|known| known == key) => {
                    owners.push(format!("[{name}]"));
                }
                _ => {}
            }
        }
        owners
    }

    pub(super) fn tagged(
        &mut self,
        tag: &str,
        variants: &[(&str, &'s Json)],
        node: &Node,
        path: &Path,
    ) -> Option<Json> {
        let words: Vec<&str> = variants.iter().map(|(word, _)| *word).collect();
        let Some(entry) = node.entry(tag) else {
            if let Some(entry) = slip_of(tag, node) {
                let message = format!("unknown key {}", quoted(entry.key.text()));
                let label = did_you_mean(Some(tag));
                self.problems.push(entry.key.wrong(message, label, None));
                return None;
            }
            let owner = path.header().unwrap_or_else(|| "the file".to_owned());
            let help = format!("{tag} = {}", listing(words, "or").replace('`', "\""));
            return self.complain(
                node,
                format!("{owner} lacks `{tag}`"),
                String::new(),
                Some(help),
            );
        };
        let Value::String(word) = &entry.node.value else {
            return match entry.node.value {
                Value::Broken => None,
                _ => self.mismatch(&Shape::Words(words), &entry.node, &path.key(tag)),
            };
        };
        match variants.iter().find(|(known, _)| known == word) {
            Some((_, schema)) => match shape::of(self.root, schema) {
                Shape::Table(table) => Some(self.table(&table, node, path)),
                _ => Some(anything(node)),
            },
            None => {
                let shape = Shape::Words(words.clone());
                self.word(&shape, &words, word, &entry.node, &path.key(tag))
            }
        }
    }
}

/// The entry whose key is a slip of `key`.
fn slip_of<'n>(key: &str, node: &'n Node) -> Option<&'n Entry> {
    let Value::Table(entries) = &node.value else {
        return None;
    };
    entries
        .iter()
        .find(|(written, _)| nearest(written, [key]).is_some())
        .map(|(_, entry)| entry)
}
