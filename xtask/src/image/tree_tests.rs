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
fn links_to_directories_are_followed() {
    let mut tree = tree(&[
        ("/bin", Entry::symlink("usr/bin", origin("one"))),
        ("/usr/sbin", Entry::symlink("/bin", origin("one"))),
    ]);
    tree.add(path("/bin"), Entry::directory(origin("other")))
        .unwrap();
    tree.add(path("/usr/sbin/sub/sh"), file("b", "other"))
        .unwrap();
    tree.fill_parents(0o755);
    assert_eq!(tree.resolve(&path("/bin")).unwrap(), path("/usr/bin"));
    assert!(tree.get(&path("/usr/bin/sub/sh")).is_some());
    assert_eq!(
        tree.get(&path("/bin")).unwrap().node.name(),
        "symbolic link"
    );
    assert_eq!(
        tree.resolve(&path("/bin/none")).unwrap(),
        path("/usr/bin/none")
    );
}

#[test]
fn links_in_a_circle_end() {
    let mut tree = tree(&[
        ("/a", Entry::symlink("b", origin("one"))),
        ("/b", Entry::symlink("../../a", origin("one"))),
    ]);
    let failure = tree.add(path("/a/x"), file("", "other")).unwrap_err();
    assert!(failure.what.contains("circle"), "{failure}");
}

#[test]
fn below_a_file_nothing_can_be() {
    for add in [FileTree::add, FileTree::add_over] {
        let mut tree = tree(&[("/bin", file("a", "one"))]);
        let failure = add(&mut tree, path("/bin/sub/sh"), file("b", "other")).unwrap_err();
        names_both(&failure);
    }
}

#[test]
fn what_is_beyond_another_tree_goes_on_top_of_it() {
    let mut below = tree(&[
        ("/usr/bin/tar", file("a", "one")),
        ("/bin", Entry::symlink("usr/bin", origin("one"))),
    ]);
    below.fill_parents(0o755);
    let mut whole = below.clone();
    whole.add(path("/bin/sh"), file("b", "other")).unwrap();
    whole.add(path("/etc/x"), file("c", "other")).unwrap();
    whole.fill_parents(0o755);
    let beyond = whole.beyond(&below);
    let paths: Vec<_> = beyond.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["etc", "etc/x", "usr", "usr/bin", "usr/bin/sh"]);
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
