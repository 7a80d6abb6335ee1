//! Surroundings that must not matter: umask, modes, locale, time zone, home, search path, folders with long or odd names.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{EXPECTED, published};
use crate::support::{Tiny, copy, fingerprint};

/// What the user's shell did before; `$xtask` is the program under test.
const BEFORE: &[&str] = &[
    "umask 077",
    "umask 000",
    "umask 077; chmod -R go= .",
    "chmod -R go+w .",
    "export TZ=Pacific/Chatham LANG=tr_TR.UTF-8 LC_ALL=de_DE.UTF-8 HOME=/nonexistent USER=nobody",
    "export PATH=/nonexistent SOURCE_DATE_EPOCH=1 KBUILD_BUILD_USER=me MAKEFLAGS=-k CFLAGS=-O0 CC=false ARCH=mips",
    "export GREP_OPTIONS=-v TERM=dumb LD_LIBRARY_PATH=/nonexistent KCONFIG_ALLCONFIG=1 KBUILD_OUTPUT=/nonexistent",
    "unset HOME PATH",
    "touch -d '1971-01-01' $(find . -type f)",
    "touch -d '2037-12-31' $(find . -type f)",
    "mkdir .git .svn; echo x > overlays/base/.gitignore; echo y > overlays/base/etc/inittab~",
    "exec 0<&- 3</dev/null 9</dev/null",
    "ulimit -c 0; ulimit -n 256; nice true",
    "trap '' INT TERM HUP PIPE CHLD",
];

#[test]
fn surroundings_do_not_change_a_byte() {
    for before in BEFORE {
        let tiny = Tiny::quick();
        let script = format!("{before}; exec $xtask build tiny");
        let mut command = tiny.other("sh", ["-c", script.as_str()]);
        let ran = tiny.finish(command.env("xtask", env!("CARGO_BIN_EXE_xtask")));
        assert_eq!(ran.code, Some(0), "{before}: {ran:#?}");
        published(&tiny);
        let bundle = tiny.path("out/tiny/2.0-1");
        assert_eq!(fingerprint(&bundle), *EXPECTED, "{before}");
        for entry in walkdir::WalkDir::new(&bundle) {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let readable = if entry.file_type().is_dir() {
                0o755
            } else {
                0o644
            };
            assert_eq!(mode, readable, "{before}: {}", entry.path().display());
        }
    }
}

/// Names of folders that a checkout and a cache may be in, and whether make takes the latter.
const FOLDERS: &[(&str, bool)] = &[
    ("ünïcödé-☃", true),
    ("-C", true),
    ("a=b,c+d@e", true),
    ("with space", false),
    ("$(touch pwned)`touch pwned`", false),
    ("quote'\"quote", false),
    ("a:b", false),
    ("100%", false),
];

#[test]
fn the_folders_a_checkout_and_its_cache_are_in_do_not_change_a_byte() {
    let long = "a".repeat(200);
    let long = [long.as_str(); 10].join("/");
    let folders = FOLDERS.iter().copied();
    for (folder, taken) in folders.chain([(long.as_str(), true)]) {
        let tiny = Tiny::quick();
        let (root, cache) = (tiny.path("..").join(folder), tiny.cache().join(folder));
        fs_err::create_dir_all(root.parent().unwrap()).unwrap();
        copy(&tiny.root(), &root);
        let build = |cache: &Path| {
            let mut command = tiny.command(["build", "tiny"]);
            tiny.finish(command.current_dir(&root).env("CORDWAINER_CACHE", cache))
        };
        let ran = build(&cache);
        assert_eq!(
            ran.code,
            Some(if taken { 0 } else { 10 }),
            "{folder}: {ran:#?}"
        );
        assert!(taken || ran.stderr.contains("make cannot take"), "{ran:#?}");
        let ran = build(&tiny.cache());
        assert_eq!(ran.code, Some(0), "{folder}: {ran:#?}");
        assert_eq!(
            fingerprint(&root.join("out/tiny/2.0-1")),
            *EXPECTED,
            "{folder}"
        );
        let mut everything = walkdir::WalkDir::new(tiny.path("..")).into_iter();
        assert!(!everything.any(|entry| entry.unwrap().file_name() == "pwned"));
    }
}
