//! Which line of which file asks for something in an image, or asks for it in vain.

use crate::failure::Failure;
use crate::image::tree::Origin;
use crate::recipe::document::{Node, Value};
use crate::recipe::path::Path;

/// The line, as `recipes/demo.toml:12`, that an origin goes back to; none for what no line asks for. `root` is what was written.
#[must_use]
pub fn line_of(root: &Node, origin: &Origin) -> Option<String> {
    if let Origin::Overlay { overlay, .. } = origin {
        return overlay_line(root, overlay);
    }
    let (path, text) = match origin {
        Origin::Copied { table, name } => (dotted(table), name.as_str()),
        Origin::Recipe { table } => (dotted(table), ""),
        Origin::Built { from } => (Path::of(&[from]), ""),
        _ => return None,
    };
    Some(node_of(root, &path, text)?.place.line())
}

/// The failure with the places in the recipe of what it asks for in vain, instead of notes about it. `root` is what was written.
#[must_use]
pub fn placed(root: &Node, mut failure: Failure) -> Failure {
    for asked in std::mem::take(&mut failure.asked) {
        let Some(node) = node_of(root, &dotted(&asked.table), &asked.name) else {
            continue;
        };
        let note = asked.note();
        failure.notes.retain(|one| *one != note);
        let diagnostic = node.place.wrong(asked.wrong, "", asked.help);
        failure.diagnostics.push(diagnostic);
    }
    failure
}

/// The string with this text at a path, or else what is there.
fn node_of<'n>(root: &'n Node, path: &Path, text: &str) -> Option<&'n Node> {
    let node = root.at(path)?;
    Some(find(node, text).unwrap_or(node))
}

/// The line that names an overlay: in the image, or else in a segment. Of segments, those that every machine gets come first, and of
/// these the last, which wins.
fn overlay_line(root: &Node, overlay: &str) -> Option<String> {
    let everyones = root.at(&Path::of(&["bundle", "segments"]));
    let everyones = match everyones.map(|node| &node.value) {
        Some(Value::Array(nodes)) => &nodes[..],
        _ => &[],
    };
    let everyones = everyones.iter().rev().filter_map(|node| match &node.value {
        Value::String(name) => Some(name.as_str()),
        _ => None,
    });
    let all = match root.entry("segment").map(|entry| &entry.node.value) {
        Some(Value::Table(entries)) => Some(entries.keys().map(String::as_str)),
        _ => None,
    };
    let segments = everyones.chain(all.into_iter().flatten());
    let segments = segments.map(|name| Path::of(&["segment", name, "overlays"]));
    let lists: Vec<Path> = [Path::of(&["image", "overlays"])]
        .into_iter()
        .chain(segments)
        .collect();
    let mut lists = lists.iter().filter_map(|path| root.at(path));
    lists.find_map(|list| Some(find(list, overlay)?.place.line()))
}

fn dotted(table: &str) -> Path {
    Path::of(&table.split('.').collect::<Vec<_>>())
}

/// The string with this text, below a node.
fn find<'n>(node: &'n Node, text: &str) -> Option<&'n Node> {
    match &node.value {
        Value::String(here) => (here == text).then_some(node),
        Value::Array(nodes) => nodes.iter().find_map(|inner| find(inner, text)),
        Value::Table(entries) => entries.values().find_map(|entry| find(&entry.node, text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::failure::{Asked, Kind};
    use crate::recipe::parse::parse;
    use crate::text::Text;

    #[test]
    fn the_line_that_names_it_is_found() {
        let text = "[image]\noverlays = [\n\"base\",\n\"lab\"]\n[copy.tools]\nfiles = [\"tar\",\n\"parted\"]\n";
        let root = parse(&Arc::new(Text::new("recipes/x.toml".as_ref(), text))).root;
        let line = |origin| line_of(&root, &origin).unwrap_or_default();
        let copied = Origin::Copied {
            table: "copy.tools".to_owned(),
            name: "parted".to_owned(),
        };
        assert_eq!(line(copied), "recipes/x.toml:7");
        let overlay = Origin::Overlay {
            overlay: "lab".to_owned(),
            file: "etc/x".to_owned(),
        };
        assert_eq!(line(overlay), "recipes/x.toml:4");
        let generated = Origin::Generated {
            what: "stamp".to_owned(),
        };
        assert_eq!(line(generated), "");
    }

    #[test]
    fn overlays_of_segments_are_found_that_every_machine_gets_first() {
        let text = "[segment.a]\noverlays = [\"x\"]\n[segment.b]\noverlays = [\"x\"]\n[segment.c]\noverlays = [\"y\"]\n[bundle]\nsegments = [\"b\"]\n";
        let root = parse(&Arc::new(Text::new("r.toml".as_ref(), text))).root;
        let line = |overlay: &str| {
            let file = "etc/x".to_owned();
            let overlay = overlay.to_owned();
            line_of(&root, &Origin::Overlay { overlay, file })
        };
        assert_eq!(line("x").as_deref(), Some("r.toml:4"));
        assert_eq!(line("y").as_deref(), Some("r.toml:6"));
        assert_eq!(line("z"), None);
    }

    #[test]
    fn what_is_asked_for_in_vain_is_shown_where_it_is_written() {
        let text = "[copy.tools]\nfiles = [\"tar\",\n\"pong\"]\n";
        let root = parse(&Arc::new(Text::new("recipes/x.toml".as_ref(), text))).root;
        let asked = |table: &str| Asked {
            table: table.to_owned(),
            name: "pong".to_owned(),
            wrong: "no program `pong`".to_owned(),
            help: Some("did you mean `ping`?".to_owned()),
        };
        let failure = Failure::new(Kind::Recipe, "2 mistakes")
            .asked(asked("copy.tools"))
            .asked(asked("copy.gone"))
            .while_doing("the step system failed");
        let failure = placed(&root, failure);
        let place = &failure.diagnostics[0];
        assert_eq!((place.line_column(), place.span.len()), ((3, 1), 6));
        assert_eq!(place.help.as_deref(), Some("did you mean `ping`?"));
        let left = "[copy.gone]: no program `pong`; did you mean `ping`?";
        assert_eq!(failure.notes, ["2 mistakes", left]);
    }
}
