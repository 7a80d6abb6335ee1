//! What a file tree takes and what it refuses.

use super::path::ImagePath;
use super::tree::{Entry, FileTree, Node, Origin};
use crate::failure::{Failure, Kind};

fn path(text: &str) -> ImagePath {
    text.parse().unwrap()
}

fn origin(name: &str) -> Origin {
    Origin::Generated {
        what: name.to_owned(),
    }
}

fn file(text: &str, name: &str) -> Entry {
    Entry::file(text, false, origin(name))
}

fn tree(paths: &[(&str, Entry)]) -> FileTree {
    let mut tree = FileTree::default();
    for (text, entry) in paths {
        tree.add(path(text), entry.clone()).unwrap();
    }
    tree
}

fn names_both(failure: &Failure) {
    assert_eq!(failure.kind, Kind::Recipe);
    let text = failure.to_string();
    assert!(text.contains("one") && text.contains("other"), "{text}");
    assert!(failure.hint.is_some());
}

#[test]
fn the_same_entry_twice_is_fine() {
    let mut tree = tree(&[("/etc/x", file("a", "one"))]);
    tree.add(path("etc/x"), file("a", "other")).unwrap();
    assert_eq!(tree.get(&path("/etc/x")).unwrap().origin, origin("one"));
}

#[test]
fn two_origins_that_disagree_are_named() {
    let mut executable = file("a", "other");
    executable.mode = 0o755;
    for other in [
        file("b", "other"),
        executable,
        Entry::directory(origin("other")),
    ] {
        let mut tree = tree(&[("/etc/x", file("a", "one"))]);
        let failure = tree.add(path("/etc/x"), other).unwrap_err();
        assert!(failure.what.contains("/etc/x"));
        names_both(&failure);
    }
}

#[test]
fn a_later_layer_wins() {
    let mut tree = tree(&[("/etc/x", file("a", "one"))]);
    tree.add_over(path("/etc/x"), Entry::symlink("y", origin("other")))
        .unwrap();
    assert_eq!(tree.get(&path("/etc/x")).unwrap().origin, origin("other"));
}

#[test]
fn a_layer_does_not_turn_links_into_directories() {
    let mut tree = tree(&[("/bin", Entry::symlink("usr/bin", origin("one")))]);
    let failure = tree
        .add_over(path("/bin"), Entry::directory(origin("other")))
        .unwrap_err();
    names_both(&failure);
}

#[test]
fn below_a_link_or_file_nothing_can_be() {
    let link = Entry::symlink("usr/bin", origin("one"));
    for above in [link, file("a", "one")] {
        let mut tree = tree(&[("/bin", above)]);
        for add in [FileTree::add, FileTree::add_over] {
            let failure = add(&mut tree, path("/bin/sub/sh"), file("b", "other")).unwrap_err();
            names_both(&failure);
        }
    }
}

#[test]
fn a_file_cannot_take_a_place_that_has_paths_below() {
    let mut tree = tree(&[("/bin/sh", file("a", "one")), ("/bin-x", file("a", "one"))]);
    let failure = tree.add_over(path("/bin"), file("b", "other")).unwrap_err();
    names_both(&failure);
}

#[test]
fn impossible_modes_and_targets_are_refused() {
    let mut entry = file("a", "one");
    entry.mode = 0o100_644;
    let mut tree = FileTree::default();
    assert!(tree.add(path("/x"), entry).is_err());
    assert!(
        tree.add(path("/x"), Entry::symlink("", origin("one")))
            .is_err()
    );
}

#[test]
fn parents_are_filled_in_and_yield_to_who_cares() {
    let mut tree = tree(&[("/a/b/c", file("", "one")), ("/a/d", file("", "one"))]);
    tree.fill_parents(0o755);
    let of = path("/a/b/c");
    assert_eq!(tree.get(&path("/a")).unwrap().origin, Origin::Parent { of });
    let private = Entry::new(Node::Directory, 0o700, origin("one"));
    tree.add(path("/a"), private.clone()).unwrap();
    assert_eq!(tree.get(&path("/a")), Some(&private));
    assert_eq!(tree.len(), 4);
}

#[test]
fn entries_are_printed_with_their_reason() {
    let tree = tree(&[("/x", file("abc", "one"))]);
    let json = serde_json::to_value(&tree).unwrap();
    assert_eq!(json["/x"]["type"], "file");
    assert_eq!(json["/x"]["size"], 3);
    assert_eq!(json["/x"]["origin"]["what"], "one");
}
