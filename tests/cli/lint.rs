//! `lint`: on a recipe, on its bundle, on a file.

use serde_json::Value;

use crate::support::Tiny;

/// The ids of all findings of a kind (`findings`, `allowed`) in an answer.
fn ids<'a>(answer: &'a Value, kind: &str) -> Vec<&'a str> {
    let subjects = answer.as_array().unwrap().iter();
    let found = subjects.flat_map(|subject| subject[kind].as_array().unwrap());
    found
        .map(|finding| finding["id"].as_str().unwrap())
        .collect()
}

/// What it answers, whether it fails or not.
fn answer(tiny: &Tiny, words: &str) -> (Option<i32>, Value) {
    let ran = tiny.run(&format!("lint --format json {words}"));
    let value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
    // A failure has what there was to say beside it.
    let answer: &Value = if ran.code == Some(0) {
        &value
    } else {
        &value["answer"]
    };
    (ran.code, answer.clone())
}

const OPEN: &str = "::sysinit:/bin/busybox\n::respawn:/bin/sh\n";

/// The stand-in's image, where init and the shell are there.
fn sound() -> Tiny {
    let tiny = Tiny::new();
    tiny.write("overlays/base/etc/inittab", "::sysinit:/bin/busybox\n");
    // The stand-in for a kernel has no driver for a serial console.
    let recipe = tiny.read("recipes/tiny.toml");
    let console = "[image.console]\ndevice = \"tty0\"\n";
    tiny.write("recipes/tiny.toml", &format!("{recipe}\n{console}"));
    tiny
}

#[test]
fn what_is_wrong_fails_with_its_sentence() {
    let tiny = sound();
    tiny.write("overlays/base/etc/passwd", "root::0:0:root:/root:\n");
    let ran = tiny.run("lint tiny");
    assert_eq!(ran.code, Some(11), "{ran:#?}");
    let said = "error: /etc/passwd: root logs in without a password [empty-password]\n  put `*` or a hash into the second field\n";
    assert!(ran.stdout.contains(said), "{ran:#?}");
    assert!(ran.stderr.contains("lint found 1 error"), "{ran:#?}");
}

#[test]
fn warnings_fail_only_when_asked_to() {
    let tiny = sound();
    tiny.write("overlays/base/etc/inittab", OPEN);
    let (code, found) = answer(&tiny, "tiny");
    assert_eq!(
        (code, ids(&found, "findings")),
        (Some(0), vec!["open-console"])
    );
    assert_eq!(answer(&tiny, "--strict tiny").0, Some(11));
}

#[test]
fn what_the_recipe_allows_is_listed_until_nothing_needs_it() {
    let tiny = sound();
    let recipe = tiny.read("recipes/tiny.toml");
    let allow = "\n[[lint.allow]]\nid = \"open-console\"\npath = \"/etc/*\"\nreason = \"a lab\"\n";
    tiny.write("recipes/tiny.toml", &format!("{recipe}{allow}"));
    tiny.write("overlays/base/etc/inittab", OPEN);
    let (code, found) = answer(&tiny, "--strict tiny");
    assert_eq!(
        (code, ids(&found, "allowed")),
        (Some(0), vec!["open-console"])
    );
    assert_eq!(found[0]["allowed"][0]["reason"], "a lab");
    assert!(tiny.ok("lint tiny").contains("because: a lab\n"));

    tiny.write("overlays/base/etc/inittab", "::sysinit:/bin/busybox\n");
    let (code, found) = answer(&tiny, "--strict tiny");
    assert_eq!(
        (code, ids(&found, "findings")),
        (Some(11), vec!["unused-allowance"])
    );
}

#[test]
fn an_id_that_is_none_is_a_mistake_of_the_recipe() {
    let tiny = Tiny::new();
    let recipe = tiny.read("recipes/tiny.toml");
    let allow = "\n[[lint.allow]]\nid = \"open-consol\"\nreason = \"a lab\"\n";
    tiny.write("recipes/tiny.toml", &format!("{recipe}{allow}"));
    let said = tiny.fails(3, "lint tiny");
    assert!(said.contains("did you mean `open-console`?"), "{said}");
}

#[test]
fn a_budget_is_kept() {
    let tiny = sound();
    let recipe = tiny.read("recipes/tiny.toml");
    tiny.write(
        "recipes/tiny.toml",
        &format!("{recipe}\n[lint]\nsize = 10\n"),
    );
    assert_eq!(ids(&answer(&tiny, "tiny").1, "findings"), ["size"]);
}

#[test]
fn bundles_and_files_are_looked_at_as_well() {
    let tiny = sound();
    tiny.write("overlays/base/etc/inittab", OPEN);
    tiny.ok("build tiny");
    let bundle = fs_err::canonicalize(tiny.path("out/tiny/current")).unwrap();
    let image = fs_err::read_dir(&bundle).unwrap().map(Result::unwrap);
    let image = image.map(|entry| entry.file_name().into_string().unwrap());
    let image = image
        .into_iter()
        .find(|name| name.starts_with("initramfs"))
        .unwrap();
    let (_, found) = answer(&tiny, &format!("tiny@current out/tiny/current/{image}"));
    assert_eq!(ids(&found, "findings"), ["open-console", "open-console"]);

    fs_err::remove_file(bundle.join("ldlinux.c32")).unwrap();
    fs_err::write(bundle.join("message.txt"), "altered").unwrap();
    let (code, found) = answer(&tiny, "./out/tiny/current");
    assert_eq!(code, Some(11));
    let mut found = ids(&found, "findings");
    found.dedup();
    assert_eq!(found, ["checksum", "loader-file", "open-console"]);
}

#[test]
fn what_is_nothing_is_refused() {
    let tiny = Tiny::new();
    assert!(tiny.fails(2, "lint tinny").contains("`tiny`"));
    tiny.write("empty/x", "x");
    assert!(tiny.fails(2, "lint empty").contains("boots an initramfs"));
    tiny.fails(5, "lint empty/x");
}

#[test]
fn the_rules_are_a_list() {
    let tiny = Tiny::new();
    assert!(tiny.ok("lint --list").starts_with("set-id"));
    let rules = tiny.json("lint --list");
    assert_eq!(rules.as_array().unwrap().len(), xtask::lint::RULES.len());
}
