//! The rules of dynamic loading that no program of a usual host needs, each held against glibc's own loader.

use crate::closure::{Note, Root, Settings};
use crate::tool::Tool;

use super::lab::{LOADER, Lab};
use super::oracle::{self, Loader, libraries};

/// The flags of an old and a new list of folders.
const RPATH: &str = "-Wl,--disable-new-dtags,-rpath,";
const RUNPATH: &str = "-Wl,--enable-new-dtags,-rpath,";

/// `program` needs `liba.so`, which needs `libb.so`; both are in `lib`, and whoever searches has these lists.
fn chain(program: &str, liba: &[&str]) -> Lab {
    let lab = Lab::new();
    lab.library("lib/libb.so", &[]);
    let mut arguments = vec!["-L@/lib", "-l:libb.so"];
    arguments.extend(liba);
    lab.library("lib/liba.so", &arguments);
    lab.program(
        "program",
        &[
            "-L@/lib",
            "-l:liba.so",
            "-Wl,--allow-shlib-undefined",
            program,
        ],
    );
    lab
}

fn agreed(lab: &Lab) -> Vec<String> {
    lab.agreed("program").into_iter().collect()
}

#[test]
fn rpath_is_inherited_and_runpath_is_not() {
    let rpath = chain(&format!("{RPATH}@/lib"), &[]);
    assert_eq!(agreed(&rpath), ["lib/liba.so", "lib/libb.so"]);
    let runpath = chain(&format!("{RUNPATH}@/lib"), &[]);
    assert_eq!(agreed(&runpath), ["libb.so"]);
}

#[test]
fn an_inherited_rpath_does_not_count_for_what_has_a_runpath() {
    let none = format!("{RUNPATH}@/nowhere");
    assert_eq!(
        agreed(&chain(&format!("{RPATH}@/lib"), &[&none])),
        ["libb.so"]
    );
    let own = format!("{RUNPATH}@/lib");
    let lab = chain(&format!("{RPATH}@/lib"), &[&own]);
    assert_eq!(agreed(&lab), ["lib/liba.so", "lib/libb.so"]);
}

#[test]
fn the_nearest_rpath_is_searched_first() {
    let lab = chain(&format!("{RPATH}@/lib"), &[&format!("{RPATH}@/own")]);
    lab.library("own/libb.so", &[]);
    assert_eq!(agreed(&lab), ["lib/liba.so", "own/libb.so"]);
}

#[test]
fn tokens_stand_for_folders() {
    for list in [
        "$ORIGIN/lib",
        "${ORIGIN}/lib/",
        "/nowhere:$ORIGIN/./lib",
        "$UNKNOWN:$ORIGIN/lib",
    ] {
        let lab = chain(&format!("{RPATH}{list}"), &[]);
        assert_eq!(agreed(&lab), ["lib/liba.so", "lib/libb.so"], "{list}");
    }
    for list in ["@/$LIB", "@/${LIB}", "$ORIGIN/$LIB"] {
        let lab = Lab::new();
        lab.library("lib/x86_64-linux-gnu/liba.so", &[]);
        let arguments = [
            "-L@/lib/x86_64-linux-gnu",
            "-l:liba.so",
            &format!("{RUNPATH}{list}"),
        ];
        lab.program("program", &arguments);
        assert_eq!(agreed(&lab), ["lib/x86_64-linux-gnu/liba.so"], "{list}");
    }
}

#[test]
fn origin_of_a_library_is_where_it_was_opened() {
    // `lib/liba.so` is a link to `store/liba.so`; what it needs is beside the link, not beside the file.
    for (beside, found) in [("lib", true), ("store", false)] {
        let lab = Lab::new();
        lab.library(&format!("{beside}/libb.so"), &[]);
        let search = format!("-L@/{beside}");
        lab.library(
            "store/liba.so",
            &[&search, "-l:libb.so", &format!("{RUNPATH}$ORIGIN")],
        );
        lab.link("lib/liba.so", "../store/liba.so");
        lab.program(
            "program",
            &[
                "-L@/lib",
                "-l:liba.so",
                &format!("{RUNPATH}@/lib"),
                "-Wl,--allow-shlib-undefined",
            ],
        );
        let expected = if found {
            vec!["lib/libb.so", "store/liba.so"]
        } else {
            vec!["libb.so"]
        };
        assert_eq!(agreed(&lab), expected);
    }
}

#[test]
fn origin_of_a_program_is_where_it_really_is() {
    let lab = Lab::new();
    lab.library("real/lib/liba.so", &[]);
    lab.program(
        "real/program",
        &[
            "-L@/real/lib",
            "-l:liba.so",
            &format!("{RUNPATH}$ORIGIN/lib"),
        ],
    );
    lab.link("bin/program", "../real/program");
    let root = Root::of("host", "/").unwrap();
    let link = lab.at("bin/program");
    let closure = oracle::of(&root, &[link.to_str().unwrap()], &Settings::default()).unwrap();
    // `--list` takes the link's folder; the kernel, which starts programs in earnest, tells the file's.
    let traced = Tool::new(link.to_str().unwrap());
    let traced = traced.env("LD_TRACE_LOADED_OBJECTS", "1").read().unwrap();
    let liba = lab.at("real/lib/liba.so");
    assert!(
        traced.contains("/bin/../real/lib/liba.so") || traced.contains(liba.to_str().unwrap()),
        "{traced}"
    );
    assert!(libraries(&closure).contains(liba.to_str().unwrap().trim_start_matches('/')));
}

#[test]
fn nodeflib_keeps_default_folders_out() {
    let lab = Lab::new();
    lab.program("with", &["-l:libc.so.6"]);
    assert!(lab.agreed("with").is_empty());
    lab.program("program", &["-l:libc.so.6", "-Wl,-z,nodefaultlib"]);
    assert_eq!(agreed(&lab), ["libc.so.6"]);
}

#[test]
fn what_is_loaded_satisfies_by_its_soname() {
    let lab = Lab::new();
    lab.library("x/first.so", &["-Wl,-soname,libfirst.so.1"]);
    lab.library("stub/libfirst.so.1", &[]);
    lab.library("lib/libsecond.so", &["-L@/stub", "-l:libfirst.so.1"]);
    // Its soname is a path here, so that the program needs it by that.
    lab.library("x/path.so", &["-Wl,-soname,@/x/path.so"]);
    let all = [
        "@/x/path.so",
        "-L@/lib",
        "-l:libsecond.so",
        &format!("{RUNPATH}@/lib"),
        "-Wl,--allow-shlib-undefined",
    ];
    lab.program("without", &all);
    assert_eq!(
        lab.agreed("without").into_iter().collect::<Vec<_>>(),
        ["libfirst.so.1"]
    );
    // Found by a path, and known by its soname from then on.
    fs_err::remove_file(lab.at("x/path.so")).unwrap();
    lab.link("x/path.so", "first.so");
    assert_eq!(
        lab.agreed("without").into_iter().collect::<Vec<_>>(),
        ["lib/libsecond.so", "x/first.so"]
    );
}

#[test]
fn files_of_another_class_are_passed_by() {
    let lab = Lab::new();
    lab.library("narrow/liba.so", &["-m32"]);
    lab.library("lib/liba.so", &[]);
    let lists = format!("{RUNPATH}@/narrow:@/lib");
    lab.program("program", &["-L@/lib", "-l:liba.so", &lists]);
    assert_eq!(agreed(&lab), ["lib/liba.so"]);
    fs_err::remove_file(lab.at("lib/liba.so")).unwrap();
    assert_eq!(agreed(&lab), ["liba.so"]);
    let root = Root::of("host", "/").unwrap();
    let failure = oracle::of(
        &root,
        &[lab.at("program").to_str().unwrap()],
        &Settings::default(),
    )
    .unwrap_err();
    assert!(
        failure.notes[0].ends_with("narrow/liba.so is for i386"),
        "{failure}"
    );
}

#[test]
fn a_file_that_is_no_library_ends_the_search() {
    let lab = Lab::new();
    lab.library("lib/liba.so", &[]);
    lab.file("text/liba.so", "INPUT(liba.so.1)");
    let lists = format!("{RUNPATH}@/text:@/lib");
    lab.program("program", &["-L@/lib", "-l:liba.so", &lists]);
    let root = Root::of("host", "/").unwrap();
    let program = lab.at("program");
    let program = program.to_str().unwrap();
    assert!(
        Loader::new(&[LOADER, "--list"])
            .list(&root, program)
            .unwrap()
            .iter()
            .any(|name| name.ends_with("text/liba.so"))
    );
    let failure = oracle::of(&root, &[program], &Settings::default()).unwrap_err();
    assert!(
        failure.notes[0].ends_with("text/liba.so is no shared library"),
        "{failure}"
    );
}

#[test]
fn filters_are_needed_and_auxiliary_filters_are_not() {
    let lab = Lab::new();
    lab.library("lib/libb.so", &[]);
    let own = format!("{RUNPATH}@/lib");
    for (flag, present, absent) in [
        (
            "-Wl,-F,libb.so",
            vec!["lib/liba.so", "lib/libb.so"],
            vec!["libb.so"],
        ),
        (
            "-Wl,-f,libb.so",
            vec!["lib/liba.so", "lib/libb.so"],
            vec!["lib/liba.so"],
        ),
    ] {
        lab.library("lib/libb.so", &[]);
        lab.library("lib/liba.so", &[flag, &own]);
        lab.program("program", &["-L@/lib", "-l:liba.so", &own]);
        assert_eq!(agreed(&lab), present, "{flag}");
        fs_err::remove_file(lab.at("lib/libb.so")).unwrap();
        assert_eq!(agreed(&lab), absent, "{flag}");
    }
}

#[test]
fn variants_for_processors_come_along_by_choice() {
    let lab = Lab::new();
    lab.library("lib/liba.so", &[]);
    lab.library("lib/glibc-hwcaps/x86-64-v2/liba.so", &[]);
    lab.library("lib/glibc-hwcaps/x86-64-v4/liba.so", &[]);
    lab.program(
        "program",
        &["-L@/lib", "-l:liba.so", &format!("{RUNPATH}@/lib")],
    );
    let root = Root::of("host", "/").unwrap();
    let of = |hwcaps: &[&str]| {
        let hwcaps = hwcaps.iter().map(|&one| one.to_owned()).collect();
        let settings = Settings {
            hwcaps,
            ..Settings::default()
        };
        let closure = oracle::of(&root, &[lab.at("program").to_str().unwrap()], &settings).unwrap();
        let files = libraries(&closure);
        files
            .into_iter()
            .filter(|path| path.ends_with("liba.so"))
            .count()
    };
    assert_eq!(
        [
            of(&[]),
            of(&["x86-64-v2"]),
            of(&["x86-64-v2", "x86-64-v4", "x86-64-v9"])
        ],
        [1, 2, 3]
    );
}

#[test]
fn every_platform_that_is_there_comes_along() {
    let lab = Lab::new();
    lab.library("x86_64/liba.so", &[]);
    lab.library("haswell/liba.so", &[]);
    lab.program(
        "program",
        &["-L@/x86_64", "-l:liba.so", &format!("{RUNPATH}@/$PLATFORM")],
    );
    let root = Root::of("host", "/").unwrap();
    let program = lab.at("program");
    let program = program.to_str().unwrap();
    let ours = libraries(&oracle::of(&root, &[program], &Settings::default()).unwrap());
    assert_eq!(
        ours.iter().filter(|path| path.ends_with("liba.so")).count(),
        2
    );
    // Which of them is used depends on this machine's processor.
    let theirs = Loader::new(&[LOADER, "--list"])
        .list(&root, program)
        .unwrap();
    assert!(theirs.is_subset(&ours), "{ours:?} {theirs:?}");
}

#[test]
fn musl_inherits_both_lists_and_is_its_own_c_library() {
    const MUSL: &str = "/lib/ld-musl-x86_64.so.1";
    let interpreter = format!("-Wl,--dynamic-linker={MUSL}");
    let expected = |lists: &[&str]| {
        let lab = Lab::new();
        lab.library("stub/libm.so.6", &[]);
        lab.library("lib/libb.so", &["-L@/stub", "-l:libm.so.6"]);
        lab.library("lib/liba.so", &["-L@/lib", "-l:libb.so"]);
        let mut arguments = vec![
            "-L@/lib",
            "-l:liba.so",
            "-Wl,--allow-shlib-undefined",
            &interpreter,
        ];
        arguments.extend(lists);
        lab.program("program", &arguments);
        lab.agreed_with(MUSL, "program")
            .into_iter()
            .collect::<Vec<_>>()
    };
    let found = ["lib/liba.so", "lib/libb.so"];
    assert_eq!(expected(&[&format!("{RPATH}@/lib")]), found);
    assert_eq!(expected(&[&format!("{RUNPATH}@/lib")]), found);
    assert_eq!(
        expected(&[&format!("{RUNPATH}$ORIGIN/lib:/nowhere")]),
        found
    );
    // What it does not know makes it ignore the list.
    assert_eq!(expected(&[&format!("{RUNPATH}@/lib:$LIB")]), ["liba.so"]);
}

/// A note of what is loaded while a program runs, as C source.
fn note(json: &str) -> String {
    let text = json.replace('"', "\\\"");
    let size = json.len() + 1;
    format!(
        "struct note {{ int namesz, descsz, type; char name[4]; char text[{size}]; }};
         __attribute__((used, section(\".note.dlopen\"), aligned(4)))
         static const struct note said = {{ 4, {size}, 0x407c0c0a, \"FDO\", \"{text}\" }};"
    )
}

#[test]
fn libraries_that_are_loaded_later_come_along_by_priority() {
    use crate::closure::Dlopen;
    let lab = Lab::new();
    lab.system();
    for name in ["needed", "second", "nice", "maybe"] {
        lab.library(&format!("usr/lib/x86_64-linux-gnu/lib{name}.so.1"), &[]);
    }
    let said = r#"[{"soname":["libneeded.so.1"],"priority":"required"},
        {"soname":["libabsent.so.1","libsecond.so.1"],"priority":"required"},
        {"soname":["libnice.so.1"],"feature":"nice"},
        {"soname":["libmaybe.so.1","libother.so.1"],"priority":"suggested"},
        {"soname":["libgone.so.1"],"priority":"recommended"}]"#;
    lab.program_of("usr/bin/program", &note(&said.replace('\n', "")), &[]);
    let of = |dlopen| {
        let settings = Settings {
            dlopen,
            ..Settings::default()
        };
        let closure = oracle::of(&lab.root(), &["program"], &settings).unwrap();
        let files = libraries(&closure).into_iter();
        let names = files.filter_map(|path| Some(path.rsplit_once("/lib")?.1.to_owned()));
        let names: Vec<String> = names.filter(|name| name.ends_with(".so.1")).collect();
        let left_out = closure
            .notes
            .iter()
            .filter(|note| matches!(note, Note::LeftOut { .. }));
        (names.join(" "), left_out.count())
    };
    assert_eq!(of(Dlopen::None), (String::new(), 5));
    assert_eq!(of(Dlopen::Required), ("needed.so.1 second.so.1".into(), 3));
    assert_eq!(
        of(Dlopen::Recommended),
        ("needed.so.1 nice.so.1 second.so.1".into(), 2)
    );
    assert_eq!(
        of(Dlopen::Suggested),
        ("maybe.so.1 needed.so.1 nice.so.1 second.so.1".into(), 1)
    );
    // What is required has to be there.
    fs_err::remove_file(lab.at("usr/lib/x86_64-linux-gnu/libsecond.so.1")).unwrap();
    let failure = lab.closure(&["program"]).unwrap_err();
    assert!(
        failure.notes[0].contains("needs libabsent.so.1 or libsecond.so.1"),
        "{failure}"
    );
}
