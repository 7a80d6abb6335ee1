//! The checked recipe as TOML, with every default filled in; and where each value came from.

use std::sync::Arc;

use crate::failure::{Failure, Result};
use crate::recipe::document::{Node, TextFile, Value};
use crate::recipe::load::Loaded;
use crate::recipe::parse::parse;
use crate::recipe::path::Path;

/// The recipe as TOML that parses to the same recipe, in the order of the schema. With `origins`, each line ends in a
/// comment: the file and line that its value came from, or `default`.
///
/// # Errors
/// A bug, if it cannot be written.
pub fn show(loaded: &Loaded, origins: bool) -> Result<String> {
    let text = toml::to_string_pretty(&loaded.recipe)
        .map_err(|error| Failure::bug(format!("the recipe cannot be written: {error}")))?;
    if !origins {
        return Ok(text);
    }
    let file = TextFile {
        path: "show".into(),
        text: text.as_str().into(),
    };
    let mut comments = Vec::new();
    collect(
        &parse(&Arc::new(file)).root,
        &loaded.root,
        &Path::root(),
        &mut comments,
    );
    comments.sort();
    Ok(annotate(&text, &comments))
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
