//! What files need, beyond what a loader lists: scripts, name services, unwinding; and what is said when it is not there.

use crate::closure::{Note, Settings, Watched};

use super::lab::{Lab, paths};
use super::oracle;
use super::table::{Table, files};

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
    let closure = files(&["program"])
        .closure(&lab, &Settings::default())
        .unwrap();
    let cached: Vec<&str> = closure.cached.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(cached, ["/opt/a/liba.so"]);
    let named = files(&["liba.so"])
        .closure(&lab, &Settings::default())
        .unwrap();
    assert_eq!(named.cached, closure.cached);
    // `ldconfig` takes nothing into its cache that has no name of a library.
    lab.program("usr/bin/program", &["-L@/opt/b", "-l:plugin.so"]);
    assert!(
        files(&["program"])
            .closure(&lab, &Settings::default())
            .is_err()
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
        "[copy.tools] names parted → /usr/sbin/parted, which needs interpreter /lib64/ld-linux-x86-64.so.2; it is not there".to_owned(),
        format!("[copy.tools] names parted → /usr/sbin/parted, which needs libgone.so.1; it is not in {folders}; and 1 more needs it"),
    ];
    assert_eq!(failure.notes, expected);
    assert_eq!(
        failure.what,
        "2 things that files of the image need are not there"
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
        let provided = vec![Watched::new(pattern).unwrap()];
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
            "[copy.tools] names shell → /usr/bin/shell, which needs the interpreter `/bin/sh`; it is not there"
        ]
    );
    // The image has a shell of its own: under another name of the same folder.
    let settings = Settings {
        present: ["/usr/bin/sh".parse().unwrap()].into(),
        ..Settings::default()
    };
    let shell = files(&["shell"]).closure(&lab, &settings).unwrap();
    assert_eq!(paths(&shell), ["usr/bin/shell"]);
    assert!(shell.relies);
    let other = files(&["deep"]).closure(&lab, &settings).unwrap();
    let alone = files(&["deep"]).closure(&lab, &Settings::default());
    assert!(!other.relies && other.tree == alone.unwrap().tree);
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
        failure.notes[0]
            .contains("/usr/bin/cancels, which needs libgcc_s.so.1 (for pthread_cancel)"),
        "{failure}"
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
            "[copy.tools] names program → /usr/bin/program, which needs a machine of amd64; the image is for arm64"
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

#[test]
fn what_has_no_effect_is_told() {
    let lab = Lab::new();
    lab.program("usr/bin/program", &[]);
    lab.file("usr/share/a/b", "");
    let table = Table {
        exclude: &["/nothing/at/all", "/usr/share/a/b"],
        ..files(&["program", "/usr/share/a"])
    };
    let provided = ["ld-linux*", "libgone.so.1"].map(|text| Watched::new(text).unwrap());
    let settings = Settings {
        provided: provided.into(),
        hwcaps: vec!["x86-64-v9".to_owned()],
        ..Settings::default()
    };
    let notes = table.closure(&lab, &settings).unwrap().notes;
    let idle = notes.into_iter().filter_map(|note| match note {
        Note::Idle { table, key, text } => Some(format!("[{table}] {key} {text}")),
        _ => None,
    });
    assert_eq!(
        idle.collect::<Vec<_>>(),
        [
            "[closure] hwcaps x86-64-v9",
            "[closure] provided libgone.so.1",
            "[copy.tools] exclude /nothing/at/all",
        ]
    );
}
