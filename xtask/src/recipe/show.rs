//! The checked recipe as TOML, with every default filled in; and where each value came from.

use std::sync::Arc;

use crate::recipe::document::{Node, Value};
use crate::recipe::load::Loaded;
use crate::recipe::parse::parse;
use crate::recipe::path::Path;
use crate::recipe::schema::Recipe;
use crate::text::Text;

/// The recipe as TOML that parses to the same recipe, in the order of the schema.
///
/// # Panics
/// Never: a recipe is made of tables, lists, strings, booleans and numbers of at most 32 bits.
#[must_use]
pub fn show(recipe: &Recipe) -> String {
    toml::to_string_pretty(recipe).expect("a recipe can be written as TOML")
}

/// The same, with a comment behind each value: the file and line that it came from, or `default`.
#[must_use]
pub fn show_origins(loaded: &Loaded) -> String {
    let text = show(&loaded.recipe);
    let written = parse(&Arc::new(Text::new("show".as_ref(), &text))).root;
    let mut comments = Vec::new();
    collect(&written, &loaded.root, &Path::root(), &mut comments);
    comments.sort();
    annotate(&text, &comments)
}

/// For each value of the written text that is no table: where it ends, and where it came from.
fn collect(written: &Node, root: &Node, path: &Path, comments: &mut Vec<(usize, String)>) {
    match &written.value {
        Value::Table(entries) => {
            for (key, entry) in entries {
                collect(&entry.node, root, &path.key(key), comments);
            }
        }
        Value::Array(nodes)
            if !nodes.is_empty()
                && nodes
                    .iter()
                    .all(|node| matches!(node.value, Value::Table(_))) =>
        {
            for (index, node) in nodes.iter().enumerate() {
                collect(node, root, &path.index(index), comments);
            }
        }
        _ => {
            let origin = root
                .at(path)
                .map_or("default".to_owned(), |node| node.place.line());
            comments.push((written.place.span.end, origin));
        }
    }
}

/// Puts each comment at the end of its value's line; inline tables have several values in one line, and get the first.
fn annotate(text: &str, comments: &[(usize, String)]) -> String {
    let mut annotated = String::with_capacity(text.len() * 2);
    let mut comments = comments.iter().peekable();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        let mut here = None;
        while let Some((_, origin)) = comments.next_if(|(at, _)| *at < end) {
            here.get_or_insert(origin);
        }
        annotated.push_str(line.trim_end_matches('\n'));
        if let Some(origin) = here {
            annotated.push_str("  # ");
            annotated.push_str(origin);
        }
        annotated.push('\n');
        start = end;
    }
    annotated
}
