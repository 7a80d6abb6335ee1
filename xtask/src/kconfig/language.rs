//! Kconfig files: which symbols there are, and under which conditions. Prompts, defaults and ranges are read only as
//! far as it takes to say why a symbol has not the value that was asked for.
//!
//! Source: Documentation/kbuild/kconfig-language.rst and kconfig-macro-language.rst of the kernel; busybox' Config.in
//! is an older dialect of it. The reader is lenient: `make` has already accepted the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::expr::Expr;

/// All symbols of a source tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub(super) symbols: BTreeMap<String, Vec<Definition>>,
    /// By what a symbol is selected, and on which condition.
    pub(super) selected_by: BTreeMap<String, Vec<(String, Option<Expr>)>>,
    /// What is set unless somebody says no, because something else is.
    implied: BTreeSet<String>,
}

/// One `config` entry; a symbol may have several.
#[derive(Clone, Debug, Default)]
pub(super) struct Definition {
    /// Nothing where another entry of the symbol says it.
    pub(super) kind: Option<Kind>,
    /// The conditions under which it is asked for; nothing when it is never.
    pub(super) prompt: Option<Vec<Expr>>,
    /// What it depends on, enclosing blocks included.
    pub(super) depends: Vec<Expr>,
    /// Whether it has a default other than `n`.
    pub(super) default: bool,
    /// The number of the choice that it belongs to.
    pub(super) choice: Option<usize>,
}

/// The type of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Tristate,
    Int,
    Hex,
    Text,
}

const KINDS: [(&str, Kind); 7] = [
    ("bool", Kind::Bool),
    ("def_bool", Kind::Bool),
    ("tristate", Kind::Tristate),
    ("def_tristate", Kind::Tristate),
    ("int", Kind::Int),
    ("hex", Kind::Hex),
    ("string", Kind::Text),
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "a bool: y or n",
            Self::Tristate => "a tristate: y, m or n",
            Self::Int => "a number",
            Self::Hex => "a hexadecimal number (0x…)",
            Self::Text => "a string: put it in double quotes",
        })
    }
}

impl Tree {
    /// Reads a tree from the file `root` on. `read` yields the text of a file by its path inside the tree, nothing where there is
    /// none; `variables` are those of the macro language that paths hang on (`SRCARCH`).
    #[must_use]
    pub fn parse(
        root: &str,
        variables: &BTreeMap<&str, &str>,
        read: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Self {
        let mut reader = Reader {
            tree: Self::default(),
            variables,
            read,
            files: Vec::new(),
            blocks: Vec::new(),
            open: Open::Nothing,
            choices: 0,
        };
        reader.file(root);
        reader.close();
        reader.tree
    }

    /// Whether there is such a symbol.
    #[must_use]
    pub fn has(&self, symbol: &str) -> bool {
        self.symbols.contains_key(symbol)
    }

    /// Whether a person can set it: whether it has a prompt, under some condition or none.
    #[must_use]
    pub fn askable(&self, symbol: &str) -> bool {
        let mut definitions = self.symbols.get(symbol).into_iter().flatten();
        definitions.any(|definition| definition.prompt.is_some())
    }

    /// Whether it may be set without anybody asking for it, and saying no makes a difference.
    #[must_use]
    pub fn set_by_default(&self, symbol: &str) -> bool {
        let mut definitions = self.symbols.get(symbol).into_iter().flatten();
        definitions.any(|one| one.default || one.choice.is_some()) || self.implied.contains(symbol)
    }

    /// All symbols, by name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.symbols.keys().map(String::as_str)
    }

    /// The other symbols of the choice that one belongs to.
    pub(super) fn alternatives(&self, choice: usize, symbol: &str) -> BTreeSet<&str> {
        let members = self.symbols.iter().filter(|(name, definitions)| {
            *name != symbol && definitions.iter().any(|one| one.choice == Some(choice))
        });
        members.map(|(name, _)| &**name).collect()
    }
}

/// A block that lends its conditions to what is inside.
#[derive(Default)]
struct Block {
    depends: Vec<Expr>,
    visible: Vec<Expr>,
    choice: Option<usize>,
}

/// What attributes belong to.
enum Open {
    /// A comment, or nothing at all.
    Nothing,
    /// The innermost block.
    Block,
    /// A symbol.
    Symbol(String, Definition),
}

struct Reader<'a> {
    tree: Tree,
    variables: &'a BTreeMap<&'a str, &'a str>,
    read: &'a mut dyn FnMut(&str) -> Option<String>,
    /// The files we are inside of: one that sources itself is read once.
    files: Vec<String>,
    blocks: Vec<Block>,
    open: Open,
    choices: usize,
}

impl Reader<'_> {
    fn file(&mut self, path: &str) {
        if self.files.iter().any(|file| file == path) {
            return;
        }
        let Some(text) = (self.read)(path) else {
            return;
        };
        self.files.push(path.to_owned());
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let mut line = line.to_owned();
            while line.ends_with('\\') {
                line.pop();
                line.push_str(lines.next().unwrap_or(""));
            }
            let line = uncommented(&line);
            let (word, rest) = split_word(line);
            if matches!(word, "help" | "---help---") {
                skip_help(&mut lines);
            } else {
                self.line(word, rest);
            }
        }
        self.files.pop();
    }

    fn line(&mut self, word: &str, rest: &str) {
        match word {
            "config" | "menuconfig" => {
                self.close();
                let definition = Definition {
                    choice: self.blocks.iter().rev().find_map(|block| block.choice),
                    ..Definition::default()
                };
                self.open = Open::Symbol(rest.to_owned(), definition);
            }
            "menu" => self.enter(Block::default()),
            "choice" => {
                self.choices += 1;
                let choice = Some(self.choices);
                self.enter(Block {
                    choice,
                    ..Block::default()
                });
            }
            "if" => {
                let depends = vec![Expr::parse(rest)];
                self.enter(Block {
                    depends,
                    ..Block::default()
                });
                self.open = Open::Nothing;
            }
            "endmenu" | "endchoice" | "endif" => {
                self.close();
                self.blocks.pop();
            }
            "comment" | "mainmenu" => self.close(),
            "source" | "rsource" | "osource" | "orsource" => {
                self.close();
                let path = self.path(word, rest);
                self.file(&path);
            }
            _ => self.attribute(word, rest),
        }
    }

    /// The path inside the tree of what a `source` line names.
    fn path(&self, word: &str, rest: &str) -> String {
        let mut path = rest.trim_matches(['"', '\'']).to_owned();
        for (name, value) in self.variables {
            path = path.replace(&format!("$({name})"), value);
        }
        let here = self.files.last().and_then(|file| file.rsplit_once('/'));
        match here {
            Some((folder, _)) if word.contains("rsource") => format!("{folder}/{path}"),
            _ => path,
        }
    }

    fn enter(&mut self, block: Block) {
        self.close();
        self.blocks.push(block);
        self.open = Open::Block;
    }

    fn attribute(&mut self, word: &str, rest: &str) {
        let condition = |rest: &str| Expr::parse(rest.strip_prefix("on ").unwrap_or(rest));
        match (&mut self.open, word) {
            (Open::Symbol(_, definition), "depends") => definition.depends.push(condition(rest)),
            (Open::Block, "depends") => {
                if let Some(block) = self.blocks.last_mut() {
                    block.depends.push(condition(rest));
                }
            }
            (Open::Block, "visible") => {
                if let Some(block) = self.blocks.last_mut() {
                    block
                        .visible
                        .push(Expr::parse(rest.strip_prefix("if ").unwrap_or(rest)));
                }
            }
            (Open::Symbol(_, definition), "prompt") => definition.prompt = prompt(rest),
            (Open::Symbol(_, definition), "default") => {
                definition.default |= split_if(rest).0 != "n";
            }
            (Open::Symbol(..), "imply") => {
                self.tree.implied.insert(split_if(rest).0.to_owned());
            }
            (Open::Symbol(name, _), "select") => {
                let (selected, condition) = split_if(rest);
                let by = (name.clone(), condition.map(Expr::parse));
                self.tree
                    .selected_by
                    .entry(selected.to_owned())
                    .or_default()
                    .push(by);
            }
            (Open::Symbol(_, definition), _) => {
                if let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == word) {
                    definition.kind = Some(*kind);
                    if word.starts_with("def_") {
                        definition.default |= split_if(rest).0 != "n";
                    } else if !rest.is_empty() {
                        definition.prompt = prompt(rest);
                    }
                }
            }
            _ => {}
        }
    }

    /// What was open is complete.
    fn close(&mut self) {
        let Open::Symbol(name, mut definition) = std::mem::replace(&mut self.open, Open::Nothing)
        else {
            return;
        };
        let around = self
            .blocks
            .iter()
            .flat_map(|block| block.depends.iter().cloned());
        definition.depends = around.chain(definition.depends).collect();
        let visible = self
            .blocks
            .iter()
            .flat_map(|block| block.visible.iter().cloned());
        if let Some(prompt) = &mut definition.prompt {
            prompt.extend(visible);
        }
        self.tree.symbols.entry(name).or_default().push(definition);
    }
}

fn prompt(rest: &str) -> Option<Vec<Expr>> {
    let (_, condition) = split_if(rest);
    Some(condition.map(Expr::parse).into_iter().collect())
}

/// Splits `what if condition`; `what` may be a text in quotes.
fn split_if(rest: &str) -> (&str, Option<&str>) {
    let quote = rest.chars().next().filter(|c| "\"'".contains(*c));
    let end = match quote {
        Some(quote) => rest[1..].find(quote).map_or(rest.len(), |end| end + 2),
        None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
    };
    let (what, after) = rest.split_at(end);
    (
        what,
        after
            .trim_start()
            .strip_prefix("if")
            .filter(|c| !c.starts_with(char::is_alphanumeric)),
    )
}

fn split_word(line: &str) -> (&str, &str) {
    let line = line.trim();
    let end = line
        .find(|c: char| c.is_whitespace() || "\"'(".contains(c))
        .unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    (word, rest.trim())
}

/// The line without a comment at its end.
fn uncommented(line: &str) -> &str {
    let mut quote = None;
    let comment = line.char_indices().find(|&(_, c)| {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ => {}
        }
        quote.is_none() && c == '#'
    });
    comment.map_or(line, |(at, _)| &line[..at])
}

/// A help text ends before the first line that is indented less than its first line.
fn skip_help<'a>(lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) {
    let indent = |line: &str| {
        let blank = line.chars().take_while(|c| c.is_whitespace());
        blank.fold(0, |column, c| {
            if c == '\t' {
                column / 8 * 8 + 8
            } else {
                column + 1
            }
        })
    };
    let mut first = None;
    while let Some(line) = lines.peek() {
        let blank = line.trim().is_empty();
        let limit = *first.get_or_insert_with(|| if blank { 0 } else { indent(line) });
        if !blank && (indent(line) < limit || indent(line) == 0) {
            return;
        }
        if limit == 0 {
            first = None;
        }
        lines.next();
    }
}

#[cfg(test)]
#[path = "language_tests.rs"]
mod tests;
