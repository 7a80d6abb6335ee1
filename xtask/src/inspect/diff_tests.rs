//! What differs is told by what it is, and what only moved is not told as two things.

use super::Image;
use super::diff::{Diff, diff};
use super::samples::{image, of_tree};
use crate::debian::installed::Versions;
use crate::image::tree::{Entry, FileTree, Node, Origin};

fn between(old: &[(&str, &str)], new: &[(&str, &str)]) -> Diff {
    diff(&image(old), &image(new), true).unwrap()
}

fn what(diff: &Diff) -> Vec<String> {
    let list = |sign: char, all: &[super::diff::There]| -> Vec<String> {
        all.iter()
            .map(|there| format!("{sign}{}", there.path))
            .collect()
    };
    let moved = diff.moved.iter().map(|m| format!("{}>{}", m.from, m.to));
    let changed = diff.changed.iter().map(|c| {
        let words: Vec<&str> = c.changes.iter().map(|change| change.what).collect();
        format!("{} {}", c.path, words.join(","))
    });
    let sides = [list('-', &diff.removed), list('+', &diff.added)].concat();
    sides.into_iter().chain(moved).chain(changed).collect()
}

#[test]
fn the_same_has_no_difference() {
    let files = [("a/b", "x"), ("l", "-> a")];
    assert!(between(&files, &files).is_empty());
}

#[test]
fn what_came_went_and_changed_is_told() {
    let old = [
        ("a", "one"),
        ("b", "two"),
        ("l", "-> a"),
        ("t", "file"),
        ("s", "same"),
    ];
    let new = [
        ("a", "one!"),
        ("c", "new"),
        ("l", "-> c"),
        ("t", "-> a"),
        ("s", "same"),
    ];
    let diff = between(&old, &new);
    let expected = ["-/b", "+/c", "/a size,content", "/l target", "/t type,mode"];
    assert_eq!(what(&diff), expected);
    assert_eq!(diff.contents, (15, 13));
}

#[test]
fn what_moved_is_told_once_and_keeps_its_name_if_it_can() {
    let old = [("x/a", "1"), ("x/b", "1"), ("x/empty", "")];
    let new = [("y/b", "1"), ("y/c", "1"), ("y/none", "")];
    let diff = between(&old, &new);
    let expected = [
        "-/x",
        "-/x/empty",
        "+/y",
        "+/y/none",
        "/x/a>/y/c",
        "/x/b>/y/b",
    ];
    assert_eq!(what(&diff), expected);
}

#[test]
fn lines_of_texts_are_compared_and_of_others_not() {
    let text = "one\ntwo\nthree\n";
    let diff = between(&[("t", text)], &[("t", "one\n2\nthree\n")]);
    let lines = diff.changed[0].text.as_deref().unwrap();
    assert_eq!(
        lines,
        "--- a/t\n+++ b/t\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
    );
    for other in ["\0binary", &"long ".repeat(20_000)] {
        assert_eq!(
            between(&[("t", text)], &[("t", other)]).changed[0].text,
            None
        );
    }
}

#[test]
fn modes_owners_and_devices_are_compared() {
    let of = |mode, uid, minor| {
        let node = Node::Device {
            device: crate::image::tree::DeviceKind::Character,
            major: 1,
            minor,
        };
        let origin = Origin::Built {
            from: String::new(),
        };
        let entry = Entry {
            uid,
            ..Entry::new(node, mode, origin)
        };
        let mut tree = FileTree::default();
        tree.add("n".parse().unwrap(), entry).unwrap();
        of_tree(&tree)
    };
    let diff = diff(&of(0o600, 0, 3), &of(0o660, 5, 5), false).unwrap();
    assert_eq!(what(&diff), ["/n mode,owner,device"]);
    assert_eq!(diff.changed[0].changes[2].new, "character 1, 5");
}

#[test]
fn packages_and_kernels_are_compared() {
    let of = |kernel: &str, packages: &[(&str, &str)]| Image {
        kernel: Some(kernel.to_owned()),
        packages: packages
            .iter()
            .map(|(name, version)| {
                let package = Versions {
                    version: (*version).to_owned(),
                    ..Versions::default()
                };
                ((*name).to_owned(), package)
            })
            .collect(),
        ..image(&[])
    };
    let old = of("6.1.0", &[("a", "1"), ("b", "1"), ("c", "1")]);
    let new = of("6.1.1", &[("b", "2"), ("c", "1"), ("d", "1")]);
    let diff = diff(&old, &new, false).unwrap();
    let names: Vec<&str> = diff.packages.iter().map(|p| &*p.name).collect();
    assert_eq!(names, ["a", "b", "d"]);
    assert_eq!(diff.kernel, Some(("6.1.0".to_owned(), "6.1.1".to_owned())));
    assert!(!diff.is_empty());
}
