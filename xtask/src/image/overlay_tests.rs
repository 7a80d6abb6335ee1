//! What an overlay brings into a tree, and what it does not.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::content::Content;
use super::overlay::{ItemKind, lay, listing, snapshot, special};
use super::path::ImagePath;
use super::tree::{Entry, FileTree, Node, Origin};
use crate::failure::{Failure, Kind, Result};

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn overlay() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "etc/init.d/rcS", "#!/bin/sh\n");
    put(folder.path(), "etc/release.hbs", "{{name}}");
    put(folder.path(), "tmp/.gitkeep", "");
    let executable = fs::Permissions::from_mode(0o4711);
    fs::set_permissions(folder.path().join("etc/init.d/rcS"), executable).unwrap();
    symlink("/proc/mounts", folder.path().join("etc/mtab")).unwrap();
    folder
}

fn render(name: &str, text: &str) -> Result<String> {
    Ok(format!("{name}: {text}"))
}

fn laid(folder: &Path) -> Result<FileTree> {
    let mut tree = FileTree::default();
    lay(&mut tree, "base", folder, &render)?;
    Ok(tree)
}

fn path(text: &str) -> ImagePath {
    text.parse().unwrap()
}

#[test]
fn files_come_with_normal_modes_and_their_reason() {
    let folder = overlay();
    let tree = laid(folder.path()).unwrap();
    let rcs = tree.get(&path("/etc/init.d/rcS")).unwrap();
    assert_eq!((rcs.mode, rcs.uid, rcs.gid), (0o755, 0, 0));
    assert_eq!(rcs.node, Node::File(Content::from("#!/bin/sh\n")));
    assert_eq!(
        rcs.origin.to_string(),
        "overlay base (its file etc/init.d/rcS)"
    );
    assert_eq!(tree.get(&path("/tmp")).unwrap().node, Node::Directory);
    let target = "/proc/mounts".to_owned();
    assert_eq!(
        tree.get(&path("/etc/mtab")).unwrap().node,
        Node::Symlink { target }
    );
}

#[test]
fn templates_are_rendered_and_lose_their_suffix() {
    let folder = overlay();
    let tree = laid(folder.path()).unwrap();
    let release = tree.get(&path("/etc/release")).unwrap();
    assert_eq!(
        release.node,
        Node::File(Content::from("base/etc/release.hbs: {{name}}"))
    );
    assert!(tree.get(&path("/etc/release.hbs")).is_none());
}

#[test]
fn a_template_that_fails_fails_the_overlay() {
    let folder = overlay();
    let render = |_: &str, _: &str| Err(Failure::new(Kind::Recipe, "no such variable"));
    let failure = lay(&mut FileTree::default(), "base", folder.path(), &render).unwrap_err();
    assert_eq!(failure.what, "no such variable");
}

#[test]
fn a_template_beside_its_result_is_refused() {
    let folder = overlay();
    put(folder.path(), "etc/release", "plain");
    let failure = laid(folder.path()).unwrap_err().to_string();
    assert!(
        failure.contains("/etc/release") && failure.contains("release.hbs"),
        "{failure}"
    );
}

#[test]
fn what_tools_leave_behind_is_left_out() {
    let folder = overlay();
    let before = listing(folder.path()).unwrap();
    for junk in [
        ".git/HEAD",
        "etc/.svn/entries",
        ".hg/x",
        "etc/CVS/Root",
        ".gitignore",
        "a~",
        "#a#",
        ".#a",
        ".a.swp",
        "a.orig",
        "a.rej",
        "etc/b~",
    ] {
        put(folder.path(), junk, "junk");
    }
    assert_eq!(listing(folder.path()).unwrap(), before);
    put(folder.path(), "#a", "no junk");
    assert_eq!(listing(folder.path()).unwrap().len(), before.len() + 1);
}

#[test]
fn later_overlays_win_but_modes_of_directories_stay() {
    let folder = overlay();
    let origin = || Origin::Recipe {
        table: "image.directories".to_owned(),
    };
    let sticky = Entry::new(Node::Directory, 0o1777, origin());
    let mut tree = FileTree::default();
    tree.add(path("/tmp"), sticky.clone()).unwrap();
    tree.add(path("/etc/mtab"), Entry::file("", false, origin()))
        .unwrap();
    lay(&mut tree, "base", folder.path(), &render).unwrap();
    assert_eq!(tree.get(&path("/tmp")), Some(&sticky));
    assert!(matches!(
        tree.get(&path("/etc/mtab")).unwrap().node,
        Node::Symlink { .. }
    ));
}

#[test]
fn a_listing_changes_with_whatever_matters() {
    let folder = overlay();
    let rcs = folder.path().join("etc/init.d/rcS");
    let mut seen = vec![listing(folder.path()).unwrap()];
    fs::set_permissions(&rcs, fs::Permissions::from_mode(0o644)).unwrap();
    seen.push(listing(folder.path()).unwrap());
    fs::write(&rcs, "#!/bin/ash\n").unwrap();
    seen.push(listing(folder.path()).unwrap());
    fs::remove_file(&rcs).unwrap();
    seen.push(listing(folder.path()).unwrap());
    let number = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), number);
    assert!(seen[0].is_sorted_by(|one, other| one.path < other.path));
}

#[test]
fn a_snapshot_has_the_same_listing() {
    let folder = overlay();
    put(folder.path(), "etc/junk~", "");
    let around = tempfile::tempdir().unwrap();
    let copy = around.path().join("copy");
    let items = listing(folder.path()).unwrap();
    snapshot(folder.path(), &items, &copy).unwrap();
    assert_eq!(listing(&copy).unwrap(), items);
    assert!(!copy.join("etc/junk~").exists());
}

#[test]
fn a_file_edited_before_the_snapshot_is_noticed() {
    let folder = overlay();
    let items = listing(folder.path()).unwrap();
    put(folder.path(), "etc/init.d/rcS", "#!/bin/no");
    let around = tempfile::tempdir().unwrap();
    let failure = snapshot(folder.path(), &items, &around.path().join("copy")).unwrap_err();
    assert_eq!(failure.kind, Kind::Host);
}

#[test]
fn sockets_are_refused_and_missing_overlays_named() {
    let folder = overlay();
    let failure = listing(&folder.path().join("none")).unwrap_err();
    assert_eq!(failure.kind, Kind::Recipe);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
    assert_eq!(listing(folder.path()).unwrap_err().kind, Kind::Recipe);
}

#[test]
fn a_listing_is_plain_data() {
    let folder = overlay();
    let items = listing(folder.path()).unwrap();
    let json = serde_json::to_value(&items[0]).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "path": "etc", "kind": "directory" })
    );
    assert!(matches!(
        items[2].kind,
        ItemKind::File {
            executable: true,
            size: 10,
            ..
        }
    ));
}

#[test]
fn set_id_programs_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, mode) in [
        ("su", 0o4755),
        ("wall", 0o2755),
        ("ls", 0o755),
        ("data", 0o4644),
    ] {
        fs_err::write(folder.path().join(name), "").unwrap();
        let mode = fs::Permissions::from_mode(mode);
        fs_err::set_permissions(folder.path().join(name), mode).unwrap();
    }
    let special = special(folder.path()).unwrap();
    let names: Vec<_> = special
        .iter()
        .filter_map(|(path, _)| path.file_name())
        .collect();
    assert_eq!(names, ["su", "wall"]);
}
