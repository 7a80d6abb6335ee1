//! What a root finds, and what it must never see.

use std::path::Path;

use fs_err::os::unix::fs::symlink;

use super::*;

/// A folder with these files (`path`), directories (`path/`) and links (`path -> target`).
fn folder(things: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for thing in things {
        let (path, target) = thing.split_once(" -> ").unwrap_or((thing, ""));
        let at = folder.path().join(path);
        fs_err::create_dir_all(at.parent().unwrap()).unwrap();
        match thing {
            _ if !target.is_empty() => symlink(target, &at).unwrap(),
            _ if path.ends_with('/') => fs_err::create_dir_all(&at).unwrap(),
            _ => fs_err::write(&at, path).unwrap(),
        }
    }
    folder
}

fn root(folders: &[&Path]) -> Root {
    let layers = folders.iter().enumerate().map(|(index, folder)| Layer {
        name: index.to_string(),
        folder: folder.to_path_buf(),
        owners: false,
    });
    Root::new(layers.collect()).unwrap()
}

/// Where a path leads: `link>link>end`, with `!` for nothing and `@` for a loop.
fn way(root: &Root, path: &str) -> String {
    let found = root.find(path).unwrap();
    let mut way: Vec<String> = found.links.iter().map(|l| l.place.path.clone()).collect();
    way.push(match &found.end {
        End::There(place) => place.path.clone(),
        End::Nothing(path) => format!("!{path}"),
        End::Loop => "@".to_owned(),
    });
    way.join(">")
}

#[test]
fn links_are_followed_inside_only() {
    let folder = folder(&[
        "etc/passwd",
        "absolute -> /etc/passwd",
        "up -> ../../../../../etc/passwd",
        "gone -> /etc/hostname",
        "bin -> usr/bin",
        "usr/bin/sh -> dash",
        "usr/bin/dash",
        "usr/bin/X11 -> .",
        "usr/bin/out -> ../../bin/sh",
    ]);
    let root = root(&[folder.path()]);
    for (path, expected) in [
        ("/absolute", "absolute>etc/passwd"),
        ("up", "up>etc/passwd"),
        ("/../../etc/passwd", "etc/passwd"),
        ("gone", "gone>!etc/hostname"),
        ("/bin/sh", "bin>usr/bin/sh>usr/bin/dash"),
        ("/bin/../etc", "bin>!usr/etc"),
        (
            "/bin/X11/X11/dash",
            "bin>usr/bin/X11>usr/bin/X11>usr/bin/dash",
        ),
        ("/bin/out", "bin>usr/bin/out>bin>usr/bin/sh>usr/bin/dash"),
        ("/etc/passwd/x", "!etc/passwd/x"),
        ("/", ""),
        ("nothing/at/all", "!nothing"),
    ] {
        assert_eq!(way(&root, path), expected, "{path}");
    }
    let found = root.find("/bin/sh").unwrap();
    let last: Vec<bool> = found.links.iter().map(|link| link.last).collect();
    assert_eq!(last, [false, true]);
}

#[test]
fn loops_end() {
    let folder = folder(&["a -> b", "b -> a", "deep -> deep/deep", "dots -> ./dots"]);
    let root = root(&[folder.path()]);
    for path in ["a", "deep", "dots", "deep/x"] {
        assert!(way(&root, path).ends_with('@'), "{path}");
    }
}

#[test]
fn forty_links_are_followed_and_one_more_is_not() {
    let mut things: Vec<String> = (0..41).map(|n| format!("{n} -> {}", n + 1)).collect();
    things.push("41".to_owned());
    let things: Vec<&str> = things.iter().map(String::as_str).collect();
    let folder = folder(&things);
    let root = root(&[folder.path()]);
    assert!(way(&root, "0").ends_with('@'));
    assert!(way(&root, "1").ends_with(">41"));
}

#[test]
fn impossible_names_are_not_there() {
    let folder = folder(&["a"]);
    let root = root(&[folder.path()]);
    for path in ["x\0y", &"x".repeat(300), &"x/".repeat(3000)] {
        assert!(way(&root, path).starts_with('!'));
    }
}

#[test]
fn the_first_layer_that_has_a_path_has_it() {
    let upper = folder(&["etc/a", "etc/b -> c", "opt"]);
    let lower = folder(&["etc/a", "etc/b", "etc/c", "opt/x"]);
    let root = root(&[upper.path(), lower.path()]);
    let layer = |path: &str| root.find(path).unwrap().place().map(|place| place.layer);
    assert_eq!(layer("etc/a"), Some(0));
    assert_eq!(layer("etc/c"), Some(1));
    // A link of one layer may lead into another.
    assert_eq!(way(&root, "etc/b"), "etc/b>etc/c");
    // What the upper layer has as a file is no directory.
    assert_eq!(layer("opt/x"), None);
    let names = &root.names("etc").unwrap().names;
    assert_eq!(names.iter().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn an_unmerged_layer_joins_a_merged_one() {
    let merged = folder(&["lib -> usr/lib", "usr/lib/libc.so.6"]);
    let agent = folder(&["lib/agent.so", "usr/lib/other.so"]);
    for folders in [[merged.path(), agent.path()], [agent.path(), merged.path()]] {
        let root = root(&folders);
        assert_eq!(way(&root, "/lib/libc.so.6"), "lib>usr/lib/libc.so.6");
        assert_eq!(way(&root, "/lib/agent.so"), "lib>usr/lib/agent.so");
        assert_eq!(way(&root, "/usr/lib/agent.so"), "usr/lib/agent.so");
        assert_eq!(root.names("usr/lib").unwrap().names.len(), 3);
    }
}

#[test]
fn a_layer_without_usr_joins_a_merged_one() {
    let merged = folder(&["bin -> usr/bin", "usr/bin/sh"]);
    let agent = folder(&["bin/agent", "share/agent -> ../bin/agent"]);
    for folders in [[merged.path(), agent.path()], [agent.path(), merged.path()]] {
        let root = root(&folders);
        assert_eq!(way(&root, "/bin/agent"), "bin>usr/bin/agent");
        assert_eq!(way(&root, "/share/agent"), "share/agent>bin>usr/bin/agent");
        assert_eq!(root.names("usr/bin").unwrap().names.len(), 2);
    }
}

#[test]
fn a_link_beside_a_directory_that_moved_does_not_lead_out() {
    let outside = folder(&["bin/secret"]);
    let merged = folder(&["bin -> usr/bin", "usr/bin/sh"]);
    let link = format!("usr -> {}", outside.path().display());
    let agent = folder(&["bin/agent", &link]);
    let root = root(&[merged.path(), agent.path()]);
    assert_eq!(way(&root, "/bin/agent"), "bin>usr/bin/agent");
    assert_eq!(way(&root, "/bin/secret"), "bin>!usr/bin/secret");
    assert_eq!(root.names("usr/bin").unwrap().names.len(), 2);
}

#[test]
fn a_link_in_a_lower_layer_does_not_lead_out() {
    let outside = folder(&["secret"]);
    let upper = folder(&["data/deep/x"]);
    let link = format!("data/deep -> {}", outside.path().display());
    let lower = folder(&[&link]);
    let root = root(&[upper.path(), lower.path()]);
    assert_eq!(way(&root, "data/deep/secret"), "!data/deep/secret");
    assert_eq!(root.names("data/deep").unwrap().names.len(), 1);
}

#[test]
fn names_that_are_not_utf8_are_told_apart() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder(&["a"]);
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff");
    fs_err::write(folder.path().join(odd), "").unwrap();
    let root = root(&[folder.path()]);
    let names = root.names("").unwrap();
    assert_eq!((names.names.len(), names.odd.len()), (1, 1));
}
