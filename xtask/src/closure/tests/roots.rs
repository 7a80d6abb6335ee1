//! Roots that nothing runs in: links, names, places, and what is told of files.

use crate::closure::{Closure, Note, Settings};
use crate::image::tree::{Node, Origin};

use super::lab::{Lab, paths};
use super::table::{Table, files};

fn origin(closure: &Closure, path: &str) -> String {
    let entry = closure.tree.iter().find(|(one, _)| one.as_str() == path);
    entry.unwrap().1.origin.to_string()
}

#[test]
fn links_stay_links_and_each_has_its_reason() {
    let lab = Lab::new();
    lab.system();
    lab.link("bin", "usr/bin");
    lab.link("usr/bin/vi", "/etc/alternatives/vi");
    lab.link("etc/alternatives/vi", "/bin/vim.basic");
    lab.program("usr/bin/vim.basic", &[]);
    let closure = files(&["/bin/vi"])
        .closure(&lab, &Settings::default())
        .unwrap();
    for (path, reason) in [
        ("bin", "needed by /usr/bin/vi (directory on the way)"),
        ("usr/bin/vi", "the recipe's [copy.tools] names /bin/vi"),
        ("etc/alternatives/vi", "needed by /usr/bin/vi (link target)"),
        (
            "usr/bin/vim.basic",
            "needed by /etc/alternatives/vi (link target)",
        ),
        (
            "lib64",
            "needed by /usr/lib64/ld-linux-x86-64.so.2 (directory on the way)",
        ),
        (
            "usr/lib64/ld-linux-x86-64.so.2",
            "needed by /usr/bin/vim.basic (interpreter)",
        ),
        (
            "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            "needed by /usr/lib64/ld-linux-x86-64.so.2 (link target)",
        ),
    ] {
        assert_eq!(origin(&closure, path), reason);
    }
    assert_eq!(closure.tree.len(), 7);
    let (_, vi) = &closure
        .tree
        .iter()
        .find(|(path, _)| path.as_str() == "usr/bin/vi")
        .unwrap();
    let target = "/etc/alternatives/vi".to_owned();
    assert_eq!(vi.node, Node::Symlink { target });
    assert_eq!(vi.taken.as_ref().unwrap().root, "lab");
}

#[test]
fn an_unmerged_root_stays_unmerged() {
    let lab = Lab::new();
    lab.library("lib64/ld-linux-x86-64.so.2", &[]);
    lab.library("lib64/libc.so.6", &[]);
    lab.program("bin/program", &["-L@/lib64", "-l:libc.so.6"]);
    assert_eq!(
        files(&["program"]).paths(&lab),
        [
            "bin/program",
            "lib64/ld-linux-x86-64.so.2",
            "lib64/libc.so.6"
        ]
    );
}

#[test]
fn all_names_that_mean_nothing_are_told_together() {
    let lab = Lab::new();
    lab.system();
    lab.program("usr/sbin/parted", &[]);
    lab.file("etc/hosts", "");
    let wrong = [
        "partde",
        "/etc/hots",
        "/etc/*.conf",
        "libnss_dns.so.2",
        "/usr/sbinn/x",
        "mkfs.*",
        "part",
    ];
    let failure = files(&wrong)
        .closure(&lab, &Settings::default())
        .unwrap_err();
    let programs = "(/usr/sbin, /usr/bin, /sbin, /bin, /usr/local/sbin, /usr/local/bin)";
    let libraries = "(/lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib)";
    let path = "is it in this source? `from` in the table says where else to look";
    let bare = "is it in this source? its full path, or `from` in the table, says where else it is";
    let expected = [
        format!("there is no program `partde` in lab {programs}; did you mean `parted`? {bare}"),
        format!("`/etc/hots` is not there in lab; did you mean `/etc/hosts`? {path}"),
        format!("`/etc/*.conf` fits nothing in lab; {path}"),
        format!("there is no library `libnss_dns.so.2` in lab {libraries}; {bare}"),
        format!("`/usr/sbinn/x` is not there in lab; did you mean `/usr/sbin`? {path}"),
        format!(
            "`mkfs.*` fits no program and no library in lab {}, {}; {bare}",
            programs.trim_end_matches(')'),
            libraries.trim_start_matches('(')
        ),
        format!("there is no program `part` in lab {programs}; did you mean `parted`? {bare}"),
    ]
    .map(|wrong| format!("[copy.tools]: {wrong}"));
    assert_eq!(failure.what, "7 mistakes in [copy]");
    assert_eq!(failure.notes, expected);
}

#[test]
fn names_mean_programs_libraries_patterns_and_folders() {
    let lab = Lab::new();
    lab.system();
    lab.program("usr/sbin/mkfs.ext4", &[]);
    lab.program("usr/sbin/mkfs.xfs", &[]);
    lab.program("usr/bin/[", &[]);
    lab.library("usr/lib/x86_64-linux-gnu/libnss_dns.so.2", &[]);
    lab.file("usr/share/a/b/c", "");
    lab.file("usr/share/a/.d", "");
    for (name, expected) in [
        ("mkfs.*", vec!["usr/sbin/mkfs.ext4", "usr/sbin/mkfs.xfs"]),
        ("mkfs.[!e]*", vec!["usr/sbin/mkfs.xfs"]),
        ("[", vec!["usr/bin/["]),
        ("/usr/bin/[", vec!["usr/bin/["]),
        (
            "/usr/share/a",
            vec![
                "usr/share/a",
                "usr/share/a/.d",
                "usr/share/a/b",
                "usr/share/a/b/c",
            ],
        ),
        ("/usr/share/**/c", vec!["usr/share/a/b/c"]),
        ("/usr/share/*/?", vec!["usr/share/a/b", "usr/share/a/b/c"]),
        (
            "libnss_dns.so.2",
            vec!["usr/lib/x86_64-linux-gnu/libnss_dns.so.2"],
        ),
        (
            "libnss_*.so.2",
            vec!["usr/lib/x86_64-linux-gnu/libnss_dns.so.2"],
        ),
    ] {
        let named = files(&[name]).closure(&lab, &Settings::default()).unwrap();
        let copied = named
            .tree
            .iter()
            .filter(|(_, entry)| matches!(entry.origin, Origin::Copied { .. }));
        let found: Vec<&str> = copied
            .map(|(path, _)| path.as_str())
            .filter(|path| *path != "lib")
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn files_go_where_the_recipe_says_and_their_needs_stay() {
    let lab = Lab::new();
    lab.system();
    lab.program("usr/sbin/parted", &["-Wl,-rpath,$ORIGIN/../lib"]);
    lab.file("opt/agent/a/b", "");
    lab.link("opt/agent/inner", "a/b");
    lab.link("opt/agent/outer", "../../usr/sbin/parted");
    let put = |names: &[&str], to| {
        let table = Table {
            to: Some(to),
            ..files(names)
        };
        let paths = table
            .paths(&lab)
            .into_iter()
            .filter(|path| !path.contains("lib"));
        paths.collect::<Vec<String>>()
    };
    assert_eq!(put(&["parted"], "/sbin/p"), ["sbin/p"]);
    assert_eq!(
        put(&["parted", "/opt/agent/a/b"], "/x/"),
        ["x/b", "x/parted"]
    );
    assert_eq!(put(&["/opt/agent/**/b"], "/x/"), ["x/a/b"]);
    let whole = ["x", "x/a", "x/a/b", "x/inner", "x/outer"];
    assert_eq!(put(&["/opt/agent"], "/x"), whole);
    let table = Table {
        to: Some("/x"),
        ..files(&["/opt/agent"])
    };
    let closure = table.closure(&lab, &Settings::default()).unwrap();
    let is_link = |path: &str| {
        let entry = closure.tree.iter().find(|(one, _)| one.as_str() == path);
        matches!(entry.unwrap().1.node, Node::Symlink { .. })
    };
    assert!(is_link("x/inner") && !is_link("x/outer"));
    assert!(
        closure
            .notes
            .iter()
            .any(|note| matches!(note, Note::Moved { .. }))
    );
    let two = Table {
        to: Some("/x"),
        ..files(&["parted", "/opt/agent/a/b"])
    };
    let failure = two.closure(&lab, &Settings::default()).unwrap_err();
    assert!(
        failure.notes[0].contains("2 files cannot all be at `/x`"),
        "{failure}"
    );
}

#[test]
fn set_id_bits_and_hard_links_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    lab.file("bin/su", "x");
    fs_err::hard_link(lab.at("bin/su"), lab.at("bin/second")).unwrap();
    fs_err::set_permissions(lab.at("bin/su"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    let closure = files(&["/bin/*"])
        .closure(&lab, &Settings::default())
        .unwrap();
    let (_, su) = &closure.tree[1];
    assert_eq!((su.mode, su.uid), (0o4755, 0));
    let notes: Vec<String> = closure.notes.iter().map(ToString::to_string).collect();
    assert!(
        notes
            .iter()
            .any(|note| note.starts_with("/bin/su has mode 4755")),
        "{notes:?}"
    );
    assert!(
        notes
            .iter()
            .any(|note| note
                == "/bin/su is a hard link of /bin/second, and another file in the image"),
        "{notes:?}"
    );
}

#[test]
fn links_to_nothing_are_kept_and_told() {
    let lab = Lab::new();
    lab.link("etc/mtab", "/proc/self/mounts");
    lab.file("usr/doc/x", "");
    lab.link("etc/doc", "../usr/doc");
    let closure = files(&["/etc"])
        .closure(&lab, &Settings::default())
        .unwrap();
    assert_eq!(paths(&closure), ["etc", "etc/doc", "etc/mtab"]);
    let notes: Vec<String> = closure.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "/etc/doc is a link to ../usr/doc, which was not taken along",
            "/etc/mtab is a link to /proc/self/mounts, which was not taken along"
        ]
    );
    // Named itself, it brings the folder along.
    assert!(
        files(&["/etc/doc"])
            .paths(&lab)
            .contains(&"usr/doc/x".to_owned())
    );
}
