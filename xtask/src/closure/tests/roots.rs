//! Roots that nothing runs in: links, names, scripts, name services, and what is said when something is missing.

use crate::closure::pattern::Pattern;
use crate::closure::{Closure, Note, Settings, Wanted, closure};
use crate::failure::Result;
use crate::image::tree::{Node, Origin};

use super::lab::{Lab, paths};
use super::oracle;

/// One table.
struct Table<'t> {
    files: &'t [&'t str],
    exclude: &'t [&'t str],
    to: Option<&'t str>,
}

impl Table<'_> {
    fn closure(&self, lab: &Lab, settings: &Settings) -> Result<Closure> {
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|&text| text.to_owned())
                .collect::<Vec<_>>()
        };
        let (files, exclude) = (owned(self.files), owned(self.exclude));
        let wanted = Wanted {
            table: "copy.tools".to_owned(),
            files: &files,
            exclude: &exclude,
            to: self.to,
        };
        closure(&lab.root(), &[wanted], settings)
    }

    fn paths(&self, lab: &Lab) -> Vec<String> {
        paths(&self.closure(lab, &Settings::default()).unwrap())
    }
}

fn files<'t>(files: &'t [&'t str]) -> Table<'t> {
    Table {
        files,
        exclude: &[],
        to: None,
    }
}

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
fn ld_so_conf_and_what_it_includes_is_read_inside_the_root() {
    let lab = Lab::new();
    lab.system();
    lab.file(
        "etc/ld.so.conf",
        "# more\ninclude ld.so.conf.d/*.conf\ninclude /etc/ld.so.conf\nhwcap 0 x\n",
    );
    lab.file("etc/ld.so.conf.d/b.conf", "/opt/b # the second\n");
    lab.link("etc/ld.so.conf.d/a.conf", "/opt/a/conf");
    lab.file("opt/a/conf", "/opt/a/\nrelative/folder\n");
    lab.library("opt/a/liba.so", &[]);
    lab.library("opt/b/liba.so", &[]);
    lab.library("opt/b/plugin.so", &[]);
    lab.program("usr/bin/program", &["-L@/opt/a", "-l:liba.so"]);
    assert!(
        files(&["program"])
            .paths(&lab)
            .contains(&"opt/a/liba.so".to_owned())
    );
    // `ldconfig` takes nothing into its cache that has no name of a library.
    lab.program("usr/bin/program", &["-L@/opt/b", "-l:plugin.so"]);
    assert!(
        files(&["program"])
            .closure(&lab, &Settings::default())
            .is_err()
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
    ];
    let failure = files(&wrong)
        .closure(&lab, &Settings::default())
        .unwrap_err();
    let expected = [
        "[copy.tools]: there is no program `partde`; did you mean `parted`?",
        "[copy.tools]: `/etc/hots` is not there; did you mean `/etc/hosts`?",
        "[copy.tools]: `/etc/*.conf` fits nothing",
        "[copy.tools]: there is no library `libnss_dns.so.2`",
        "[copy.tools]: `/usr/sbinn/x` is not there; did you mean `/usr/sbin`?",
        "[copy.tools]: `mkfs.*` fits no program and no library there",
    ];
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
        failure.what.contains("2 files cannot all be at `/x`"),
        "{failure}"
    );
}

#[test]
fn a_missing_library_is_told_with_the_way_to_it() {
    let lab = Lab::new();
    lab.system();
    let folder = "usr/lib/x86_64-linux-gnu";
    lab.library("gone/libgone.so.1", &[]);
    lab.library(
        &format!("{folder}/libmid.so.1"),
        &["-L@/gone", "-l:libgone.so.1"],
    );
    let arguments = [
        "-L@/usr/lib/x86_64-linux-gnu",
        "-l:libmid.so.1",
        "-L@/gone",
        "-l:libgone.so.1",
    ];
    lab.program("usr/sbin/parted", &arguments);
    fs_err::remove_file(lab.at("usr/lib64/ld-linux-x86-64.so.2")).unwrap();
    let failure = files(&["parted"])
        .closure(&lab, &Settings::default())
        .unwrap_err();
    let folders = "/lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib";
    let expected = [
        "[copy.tools] names parted → /usr/sbin/parted needs interpreter /lib64/ld-linux-x86-64.so.2, which is not there".to_owned(),
        format!("[copy.tools] names parted → /usr/sbin/parted needs libgone.so.1, which is not in {folders}"),
        format!("[copy.tools] names parted → /usr/sbin/parted → /{folder}/libmid.so.1 needs libgone.so.1, which is not in {folders}"),
    ];
    assert_eq!(failure.notes, expected);
    assert_eq!(
        failure.what,
        "3 things that files of the image need are not there"
    );
}

#[test]
fn what_is_excluded_or_provided_is_not_looked_for() {
    let lab = Lab::new();
    lab.system();
    let folder = "usr/lib/x86_64-linux-gnu";
    lab.library("gone/libgone.so.1", &[]);
    lab.library(
        &format!("{folder}/libcuda.so.1"),
        &["-L@/gone", "-l:libgone.so.1"],
    );
    lab.program(
        "usr/bin/program",
        &["-L@/usr/lib/x86_64-linux-gnu", "-l:libcuda.so.1"],
    );
    for pattern in [
        "libcuda.so.*",
        "/usr/lib/**/libcuda*",
        "/lib/x86_64-linux-gnu/libcuda.so.1",
    ] {
        let table = Table {
            exclude: &[pattern],
            ..files(&["program"])
        };
        let closure = table.closure(&lab, &Settings::default()).unwrap();
        assert!(
            !paths(&closure).iter().any(|path| path.contains("cuda")),
            "{pattern}"
        );
        let left_out = Note::LeftOut {
            by: "/usr/bin/program".parse().unwrap(),
            what: format!("/{folder}/libcuda.so.1"),
            why: "`exclude` says so".to_owned(),
        };
        assert_eq!(closure.notes, [left_out]);
        let provided = vec![Pattern::new(pattern).unwrap()];
        let settings = Settings {
            provided,
            ..Settings::default()
        };
        let closure = files(&["program"]).closure(&lab, &settings).unwrap();
        assert!(
            !paths(&closure).iter().any(|path| path.contains("cuda")),
            "{pattern}"
        );
    }
    let inside = Table {
        exclude: &["/usr/bin/program", "/usr/lib"],
        ..files(&["/usr"])
    };
    // A link to what is kept out would lead nowhere.
    assert_eq!(inside.paths(&lab), ["usr", "usr/bin", "usr/lib64"]);
}

#[test]
fn scripts_bring_their_interpreters() {
    let lab = Lab::new();
    lab.system();
    lab.link("bin", "usr/bin");
    lab.program("usr/bin/env", &[]);
    lab.program("usr/bin/python3.11", &[]);
    lab.link("usr/bin/python3", "python3.11");
    lab.file("usr/bin/second", "#!/bin/python3 -u\n");
    lab.file("usr/bin/first", "#!/usr/bin/second\n");
    lab.file("usr/bin/by-env", "#!/usr/bin/env -S python3 -u\n");
    lab.file("usr/bin/shell", "#!/bin/sh\n");
    lab.file("usr/bin/deep", "#!/bin/deeper -x\n");
    lab.link("usr/bin/deeper", "deep");
    let named = files(&["first"]).paths(&lab);
    for path in [
        "usr/bin/second",
        "bin",
        "usr/bin/python3",
        "usr/bin/python3.11",
        "lib64",
    ] {
        assert!(named.contains(&path.to_owned()), "{path}");
    }
    let named = files(&["by-env"]).paths(&lab);
    assert!(
        named.contains(&"usr/bin/env".to_owned())
            && named.contains(&"usr/bin/python3.11".to_owned())
    );
    let failure = files(&["shell"])
        .closure(&lab, &Settings::default())
        .unwrap_err();
    assert_eq!(
        failure.notes,
        [
            "[copy.tools] names shell → /usr/bin/shell needs the interpreter `/bin/sh`, which is not there"
        ]
    );
    // The image has a shell of its own: under another name of the same folder.
    let settings = Settings {
        present: ["usr/bin/sh".to_owned()].into(),
        ..Settings::default()
    };
    assert_eq!(
        paths(&files(&["shell"]).closure(&lab, &settings).unwrap()),
        ["usr/bin/shell"]
    );
    // A script that runs itself is taken once; the kernel is the one to complain.
    assert!(files(&["deep"]).closure(&lab, &Settings::default()).is_ok());
}

#[test]
fn the_kernel_runs_five_interpreters_and_no_more() {
    let lab = Lab::new();
    lab.system();
    lab.program("usr/bin/p0", &[]);
    for number in 1..=6 {
        lab.file(
            &format!("usr/bin/p{number}"),
            &format!("#!/usr/bin/p{}\n", number - 1),
        );
    }
    assert!(files(&["p5"]).closure(&lab, &Settings::default()).is_ok());
    let failure = files(&["p6"])
        .closure(&lab, &Settings::default())
        .unwrap_err();
    assert!(
        failure.notes[0].contains("the sixth interpreter"),
        "{failure}"
    );
}

/// A root with a C library of this age, whose `program` looks up users and hosts.
fn with_names(is_new: bool) -> Lab {
    let lab = Lab::new();
    lab.system();
    let folder = "usr/lib/x86_64-linux-gnu";
    lab.file("versions", "GLIBC_2.2.5 { *; };\nGLIBC_2.34 { new; };\n");
    let versions: &[&str] = if is_new {
        &["-Wl,--version-script=@/versions"]
    } else {
        &[]
    };
    lab.library_of(
        &format!("{folder}/libc.so.6"),
        "void getpwnam(void){} void getaddrinfo(void){} void pthread_cancel(void){} void new(void){}",
        versions,
    );
    for service in ["files", "dns", "systemd"] {
        lab.library(&format!("{folder}/libnss_{service}.so.2"), &[]);
    }
    lab.library(&format!("{folder}/libgcc_s.so.1"), &[]);
    let source = "void getpwnam(void); void getaddrinfo(void); void use(void) { getpwnam(); getaddrinfo(); }";
    lab.program_of(
        "usr/bin/program",
        source,
        &["-L@/usr/lib/x86_64-linux-gnu", "-l:libc.so.6"],
    );
    lab
}

fn modules(lab: &Lab, names: &[&str], nsswitch: Option<&str>) -> Vec<String> {
    let nsswitch = nsswitch.map(str::to_owned);
    let settings = Settings {
        nsswitch,
        ..Settings::default()
    };
    let closure = files(names).closure(lab, &settings).unwrap();
    let paths = paths(&closure).into_iter();
    paths
        .filter_map(|path| Some(path.split_once("libnss_")?.1.to_owned()))
        .collect()
}

#[test]
fn name_services_are_those_that_the_image_will_use() {
    let (new, old) = (with_names(true), with_names(false));
    // Without nsswitch.conf glibc has defaults, and from 2.34 on it does them itself.
    assert!(modules(&new, &["program"], None).is_empty());
    assert_eq!(
        modules(&old, &["program"], None),
        ["dns.so.2", "files.so.2"]
    );
    let text = "passwd: files systemd\nhosts: files [NOTFOUND=return] nowhere";
    assert_eq!(modules(&new, &["program"], Some(text)), ["systemd.so.2"]);
    assert_eq!(
        modules(&old, &["program"], Some(text)),
        ["files.so.2", "systemd.so.2"]
    );
    // That of the root counts when it comes along.
    new.file("etc/nsswitch.conf", text);
    assert!(modules(&new, &["program"], None).is_empty());
    assert_eq!(
        modules(&new, &["program", "/etc/nsswitch.conf"], None),
        ["systemd.so.2"]
    );
    let settings = Settings {
        nsswitch: Some(text.to_owned()),
        ..Settings::default()
    };
    let closure = files(&["program"]).closure(&new, &settings).unwrap();
    assert_eq!(
        closure.notes[0].to_string(),
        "/usr/bin/program would use library libnss_nowhere.so.2, for getaddrinfo, which is left out: it is not there"
    );
}

#[test]
fn who_cancels_threads_gets_the_unwinder() {
    let lab = with_names(true);
    let source = "void pthread_cancel(void); void use(void) { pthread_cancel(); }";
    lab.program_of(
        "usr/bin/cancels",
        source,
        &["-L@/usr/lib/x86_64-linux-gnu", "-l:libc.so.6"],
    );
    let unwinder = "usr/lib/x86_64-linux-gnu/libgcc_s.so.1";
    assert!(
        files(&["cancels"])
            .paths(&lab)
            .contains(&unwinder.to_owned())
    );
    assert!(
        !files(&["program"])
            .paths(&lab)
            .contains(&unwinder.to_owned())
    );
    fs_err::remove_file(lab.at(unwinder)).unwrap();
    let failure = files(&["cancels"])
        .closure(&lab, &Settings::default())
        .unwrap_err();
    assert!(
        failure.notes[0].contains("/usr/bin/cancels needs libgcc_s.so.1 (for pthread_cancel)"),
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

#[test]
fn programs_for_another_machine_are_mistakes_where_they_are_named() {
    let lab = Lab::new();
    lab.system();
    lab.program("usr/bin/program", &[]);
    let settings = Settings {
        arch: crate::arch::Arch::Arm64,
        ..Settings::default()
    };
    let failure = files(&["program"]).closure(&lab, &settings).unwrap_err();
    assert_eq!(
        failure.notes,
        [
            "[copy.tools] names program → /usr/bin/program needs a machine of amd64; the image is for arm64"
        ]
    );
    let closure = files(&["/usr/bin"]).closure(&lab, &settings).unwrap();
    assert_eq!(
        closure.notes[0].to_string(),
        "/usr/bin/program is for amd64"
    );
}

#[test]
fn musl_has_one_path_and_is_its_own_c_library() {
    let lab = Lab::new();
    lab.library("usr/lib/x86_64-linux-musl/libc.so", &[]);
    lab.link(
        "lib/ld-musl-x86_64.so.1",
        "/usr/lib/x86_64-linux-musl/libc.so",
    );
    lab.library("stub/libc.so", &[]);
    lab.library("stub/libm.so.6", &[]);
    lab.library("usr/lib/libz.so.1", &["-L@/stub", "-l:libc.so"]);
    lab.library("own/libb.so", &[]);
    lab.library("own/liba.so", &["-L@/own", "-l:libb.so"]);
    let arguments = [
        "-L@/stub",
        "-l:libm.so.6",
        "-l:libc.so",
        "-L@/usr/lib",
        "-l:libz.so.1",
        "-L@/own",
        "-l:liba.so",
        // Inherited by musl, whichever of both it is.
        "-Wl,--enable-new-dtags,-rpath,/own",
        "-Wl,--allow-shlib-undefined",
        "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1",
    ];
    lab.program("usr/bin/program", &arguments);
    let mut expected = vec![
        "lib/ld-musl-x86_64.so.1",
        "own/liba.so",
        "own/libb.so",
        "usr/bin/program",
        "usr/lib/libz.so.1",
        "usr/lib/x86_64-linux-musl/libc.so",
    ];
    assert_eq!(files(&["program"]).paths(&lab), expected);
    // The path file takes the place of the folders that are built in.
    lab.file("etc/ld-musl-x86_64.path", "/elsewhere\n/other:/third");
    assert!(
        files(&["program"])
            .closure(&lab, &Settings::default())
            .is_err()
    );
    lab.library("third/libz.so.1", &[]);
    expected.retain(|path| !path.contains("libz"));
    expected.insert(3, "third/libz.so.1");
    assert_eq!(files(&["program"]).paths(&lab), expected);
}

#[test]
fn the_same_names_give_the_same_entries() {
    let lab = with_names(true);
    let once = files(&["/usr/**"])
        .closure(&lab, &Settings::default())
        .unwrap();
    let again = oracle::of(&lab.root(), &["/usr/**"], &Settings::default()).unwrap();
    assert_eq!(paths(&once), paths(&again));
    assert!(once.tree.is_sorted_by(|one, other| one.0 < other.0));
}
