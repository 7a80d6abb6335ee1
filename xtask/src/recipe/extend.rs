//! How recipe files extend one another: the files are read, put in order, and merged into one tree.
//!
//! A file's bases come before it, each of them once however often it is named (so of two bases that share a third, neither
//! loses what it changed). Tables merge key by key, lists of tables that have a `name` by that name; every
//! other value replaces the one before it. What the values mean is left to `conform` and `check`.

use std::collections::BTreeSet;
use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::Arc;

use crate::checkout::Checkout;
use crate::failure::{Diagnostic, Failure, Kind, Result};
use crate::recipe::conform::conform;
use crate::recipe::document::{Node, Value};
use crate::recipe::parse::parse;
use crate::recipe::path::Path;
use crate::text::{Text, nearest, quoted};

/// No recipe that a person wrote is longer; what is, is some other file.
const LONGEST: u64 = 1 << 20;

/// A recipe with everything that it extends.
pub struct Extended {
    /// The merged tree, without `extends`.
    pub root: Node,
    /// The files that were read, relative to the checkout: bases first, the recipe itself last.
    pub files: Vec<PathBuf>,
    /// Mistakes in the TOML and in `extends`.
    pub problems: Vec<Diagnostic>,
    /// Whether the tree is what was meant, so that it makes sense to look further.
    pub sound: bool,
}

/// Reads the recipe file at `path` (absolute) and all that it extends.
///
/// # Errors
/// [`Kind::Recipe`] when a file is no text, [`Kind::Host`] when it cannot be read. Mistakes in the text are no error here but
/// [`Extended::problems`].
pub fn read(checkout: &Checkout, path: &FilePath) -> Result<Extended> {
    let mut reader = Reader {
        checkout,
        done: BTreeSet::new(),
        parts: Vec::new(),
        problems: Vec::new(),
        sound: true,
    };
    reader.visit(path, &mut Vec::new())?;
    let files = reader
        .parts
        .iter()
        .map(|part| part.place.file.file.clone())
        .collect();
    let root = reader.parts.into_iter().reduce(merge);
    Ok(Extended {
        root: root.ok_or_else(|| Failure::bug("a recipe without any file"))?,
        files,
        problems: reader.problems,
        sound: reader.sound,
    })
}

/// Reads a text file of reasonable size.
///
/// # Errors
/// [`Kind::Recipe`] when it is no file, no UTF-8 or too long; [`Kind::Host`] when it cannot be read.
pub fn read_text(checkout: &Checkout, path: &FilePath) -> Result<Arc<Text>> {
    let known_as = checkout.relative(path);
    let refuse = |why: String| {
        Err(Failure::new(
            Kind::Recipe,
            format!("{} {why}", known_as.display()),
        ))
    };
    let about = fs_err::metadata(path)?;
    if !about.is_file() {
        return refuse("is no regular file".to_owned());
    }
    if about.len() > LONGEST {
        return refuse(format!(
            "is longer than {LONGEST} bytes: it is hardly a text that a person wrote"
        ));
    }
    match String::from_utf8(fs_err::read(path)?) {
        Ok(text) => Ok(Arc::new(Text::new(known_as, &text))),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count()
                + 1;
            refuse(format!(
                "is no UTF-8 text: line {line} holds a byte that is none"
            ))
        }
    }
}

/// The names of everything that can be extended: each `.toml` below `recipes/`, without that ending.
#[must_use]
pub fn names(checkout: &Checkout) -> Vec<String> {
    let folder = checkout.recipes();
    let files = walkdir::WalkDir::new(&folder)
        .max_depth(8)
        .sort_by_file_name();
    files
        .into_iter()
        .filter_map(std::result::Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| {
            let inner = entry.path().strip_prefix(&folder).ok()?;
            Some(inner.to_str()?.strip_suffix(".toml")?.to_owned())
        })
        .collect()
}

struct Reader<'c> {
    checkout: &'c Checkout,
    done: BTreeSet<PathBuf>,
    parts: Vec<Node>,
    problems: Vec<Diagnostic>,
    sound: bool,
}

impl Reader<'_> {
    /// Adds a file's bases and then the file. `stack` holds those that are being visited around it.
    fn visit(&mut self, path: &FilePath, stack: &mut Vec<PathBuf>) -> Result<()> {
        if !self.done.insert(path.to_owned()) {
            return Ok(());
        }
        stack.push(path.to_owned());
        let mut parsed = parse(&read_text(self.checkout, path)?);
        self.problems.append(&mut parsed.problems);
        self.sound &= parsed.sound;
        for (name, node) in self.bases(&mut parsed.root) {
            match self.base(&name, stack) {
                Ok(base) => self.visit(&base, stack)?,
                Err((message, label, help)) => {
                    self.problems.push(node.place.wrong(message, label, help));
                }
            }
        }
        stack.pop();
        self.parts.push(parsed.root);
        Ok(())
    }

    /// Takes `extends` out of a file.
    fn bases(&mut self, root: &mut Node) -> Vec<(String, Node)> {
        let Value::Table(entries) = &mut root.value else {
            return Vec::new();
        };
        let Some(entry) = entries.remove("extends") else {
            return Vec::new();
        };
        let conformed = conform::<Vec<String>>(&entry.node, &Path::of(&["extends"]));
        self.problems.extend(conformed.problems);
        let Value::Array(nodes) = entry.node.value else {
            return Vec::new();
        };
        let name = |node: Node| match &node.value {
            Value::String(name) => Some((name.clone(), node)),
            _ => None,
        };
        nodes.into_iter().filter_map(name).collect()
    }

    /// The file of a base; or what is wrong with the name, a label and what would be right.
    fn base(
        &self,
        name: &str,
        stack: &[PathBuf],
    ) -> Result<PathBuf, (String, String, Option<String>)> {
        let shown = quoted(name);
        let names = names(self.checkout);
        let bare = name.strip_suffix(".toml").unwrap_or(name);
        let plain = FilePath::new(bare)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !names.iter().any(|known| known == name) || !plain {
            let meant = nearest(bare, names.iter().map(String::as_str));
            return Err((
                format!("there is no recipe {shown} to extend"),
                meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`?")),
                Some(format!(
                    "the name of a file below {}/, without `.toml`",
                    self.checkout.relative(&self.checkout.recipes()).display()
                )),
            ));
        }
        let path = self.checkout.recipes().join(format!("{name}.toml"));
        match stack.iter().position(|around| *around == path) {
            None => Ok(path),
            Some(start) => {
                let circle: Vec<String> = stack[start..]
                    .iter()
                    .chain([&path])
                    .map(|path| self.checkout.relative(path).display().to_string())
                    .collect();
                Err((
                    format!("{shown} extends itself"),
                    String::new(),
                    Some(format!("the circle is {}", circle.join(" → "))),
                ))
            }
        }
    }
}

/// What `over` says, and what `base` says where `over` says nothing.
#[must_use]
pub fn merge(base: Node, over: Node) -> Node {
    let value = match (base.value, over.value) {
        (Value::Table(mut merged), Value::Table(entries)) => {
            for (key, mut entry) in entries {
                if let Some(below) = merged.remove(&key) {
                    entry.node = merge(below.node, entry.node);
                }
                merged.insert(key, entry);
            }
            Value::Table(merged)
        }
        (Value::Array(below), Value::Array(above)) if are_named(&below) && are_named(&above) => {
            Value::Array(merge_by_name(below, above))
        }
        (_, above) => above,
    };
    Node {
        value,
        place: over.place,
    }
}

/// Whether these are the tables of a `[[list]]` whose elements are told apart by `name`.
fn are_named(nodes: &[Node]) -> bool {
    !nodes.is_empty() && nodes.iter().all(|node| name_of(node).is_some())
}

fn name_of(node: &Node) -> Option<&str> {
    match &node.entry("name")?.node.value {
        Value::String(name) => Some(name),
        _ => None,
    }
}

/// The elements of `below` in their order, each merged with the first of its name in `above`; then the others of `above`.
/// A second one of the same name stays by itself, for `check` to complain about.
fn merge_by_name(below: Vec<Node>, mut above: Vec<Node>) -> Vec<Node> {
    let mut merged: Vec<Node> = Vec::with_capacity(below.len() + above.len());
    for node in below {
        let same = above
            .iter()
            .position(|over| name_of(over) == name_of(&node));
        merged.push(match same {
            Some(position) => merge(node, above.remove(position)),
            None => node,
        });
    }
    merged.append(&mut above);
    merged
}
