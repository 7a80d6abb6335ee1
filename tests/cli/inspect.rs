//! `ls`, `diff`, `size`, `extract`: looking into images.

use std::os::unix::fs::PermissionsExt;

use crate::support::Tiny;

/// What `ls` says of the stand-in, as it is in every form of it.
const ETC: &str = "drwxr-xr-x  0/0           0  /etc\n\
    -rw-r--r--  0/0          52  /etc/image-release\n\
    -rw-r--r--  0/0          20  /etc/inittab\n";

#[test]
fn a_recipe_a_bundle_a_folder_and_a_file_are_looked_into_alike() {
    let tiny = Tiny::new();
    // Nothing is built yet: the image is made, and no bundle.
    assert_eq!(tiny.ok("ls tiny /etc"), ETC);
    assert!(!tiny.path("out").exists());
    tiny.ok("build tiny");
    let folder = "out/tiny/2.0-1";
    let file = format!("{folder}/initramfs-tiny-2.0-1.img");
    for subject in ["tiny@2.0-1", "tiny@current", folder, &file] {
        assert_eq!(tiny.ok(&format!("ls {subject} /etc")), ETC, "{subject}");
    }
}

#[test]
fn a_recipe_with_dots_in_its_name_wins_over_a_file_of_the_same_name() {
    let tiny = Tiny::new();
    tiny.write(
        "recipes/tiny.2.img.toml",
        "description = \"x\"\nextends = [\"tiny\"]\n",
    );
    tiny.write("tiny.2.img", "no image");
    assert_eq!(tiny.ok("ls tiny.2.img /etc"), ETC.replace("52", "58"));
    let said = tiny.fails(5, "ls ./tiny.2.img");
    assert!(said.contains("is no initramfs"), "{said}");
    // Where there is no such recipe it is the file.
    tiny.ok("build tiny.2.img");
    let initramfs = tiny.path("out/tiny.2.img/2.0-1/initramfs-tiny.2.img-2.0-1.img");
    fs_err::copy(initramfs, tiny.path("other.img")).unwrap();
    assert_eq!(
        tiny.ok("ls other.img /etc"),
        tiny.ok("ls tiny.2.img@2.0-1 /etc")
    );
}

#[test]
fn everything_is_listed_with_its_reason() {
    insta::assert_snapshot!(Tiny::new().ok("ls tiny --origins"));
}

#[test]
fn reasons_come_from_the_manifest_where_there_is_one() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    let origin = |subject: &str| {
        let answer = tiny.json(&format!("ls {subject} /bin/busybox"));
        answer["entries"][0]["origin"]["kind"].clone()
    };
    assert_eq!(origin("tiny@2.0-1"), "built");
    assert_eq!(origin("out/tiny/2.0-1/initramfs-tiny-2.0-1.img"), "archive");
}

#[test]
fn segments_are_shown_with_what_is_wrong_between_them() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    let mut bytes = fs_err::read(tiny.path("out/tiny/2.0-1/initramfs-tiny-2.0-1.img")).unwrap();
    let length = bytes.len() as u64;
    bytes.extend(b"\0\0\0\0junk");
    fs_err::write(tiny.path("damaged.img"), bytes).unwrap();
    let ran = tiny.run("ls damaged.img --segments");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let stops = format!(
        "the 4 bytes from byte {} on are no archive: the kernel stops there, and so they are left out here",
        length + 4
    );
    assert!(
        ran.stdout.ends_with(&format!("{stops}\n")),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains(&stops), "{}", ran.stderr);
    let told = tiny.json("ls damaged.img --segments");
    assert_eq!(told["segments"][0]["compression"], "gzip");
    assert_eq!(told["problems"][0]["problem"]["problem"], "garbage");
}

#[test]
fn what_is_unknown_gets_a_suggestion() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    for (subject, hint) in [
        ("tinny", "did you mean `tiny`?"),
        ("tiny@2.0-2", "did you mean `tiny@2.0-1`?"),
        ("tiny@curent", "did you mean `tiny@current`?"),
        ("tinny@2.0-1", "did you mean `tiny@2.0-1`?"),
        ("recipes/tiny.toml", "`tiny`"),
        ("./nothing", "RECIPE@VERSION"),
        ("out/tiny", "out/RECIPE/VERSION"),
        ("tiny /etc/initab", "did you mean `/etc/inittab`?"),
    ] {
        let said = tiny.fails(2, &format!("ls {subject}"));
        assert!(said.contains(hint), "{subject}: {said}");
    }
    let said = tiny.fails(5, "ls debian/changelog");
    assert!(said.contains("is no initramfs"), "{said}");
}

#[test]
fn what_changed_since_the_last_bundle_is_told() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    assert!(
        tiny.ok("diff tiny@current tiny --exit-code")
            .ends_with("nothing differs\n")
    );
    tiny.write("overlays/base/etc/motd", "hello\n");
    tiny.replace("overlays/base/etc/inittab", "true", "false");
    let said = tiny.ok("diff tiny@current tiny --text");
    assert!(said.contains("\n+ /etc/motd (6 B)\n"), "{said}");
    let lines = "~ /etc/inittab  size 20 -> 21, content\n    --- a/etc/inittab\n    +++ b/etc/inittab\n    \
        @@ -1 +1 @@\n    -::sysinit:/bin/true\n    +::sysinit:/bin/false\n";
    assert!(said.contains(lines), "{said}");
    let ran = tiny.run("diff tiny@current tiny --stat --exit-code");
    assert_eq!(ran.code, Some(11), "{ran:#?}");
    assert!(
        ran.stdout
            .contains("1 added, 0 removed, 0 moved, 2 changed"),
        "{ran:#?}"
    );
    let diff = &tiny.json("diff tiny@current tiny")["diff"];
    assert_eq!(diff["added"][0]["path"], "/etc/motd");
    for name in ["a", "b"] {
        tiny.write(&format!("overlays/base/opt/new/{name}"), "12345");
    }
    let said = tiny.ok("diff tiny@current tiny");
    assert!(
        said.contains("\n+ /opt/ and 3 paths below (10 B)\n"),
        "{said}"
    );
    assert!(!said.contains("/opt/new"), "{said}");
    assert!(
        tiny.ok("diff tiny@current tiny --all")
            .contains("\n+ /opt/new/a (5 B)\n")
    );
    let diff = &tiny.json("diff tiny@current tiny")["diff"];
    assert_eq!(diff["added"].as_array().unwrap().len(), 5);
}

#[test]
fn sizes_are_put_together_by_what_they_go_back_to() {
    let tiny = Tiny::new();
    let sizes = tiny.json("size tiny --by reason --by directory --top 2");
    assert_eq!(sizes["reason"][0]["name"], "overlay base");
    assert_eq!(sizes["directory"].as_array().unwrap().len(), 2);
    assert!(sizes["package"].is_null());
    let said = tiny.ok("size tiny --top 1");
    assert!(said.contains("\nand "), "{said}");
    let headings = said
        .lines()
        .filter(|line| line.trim_start().starts_with("in memory"));
    let last: Vec<_> = headings
        .filter_map(|line| line.split_whitespace().next_back())
        .collect();
    assert_eq!(last, ["reason", "package", "directory", "file"]);
    tiny.ok("size tiny --html size.html");
    assert!(tiny.read("size.html").contains("<svg"));
}

#[test]
fn a_single_file_is_written_to_standard_output_as_it_is() {
    let tiny = Tiny::new();
    // Without an end of its last line, which is not added.
    tiny.write("overlays/base/etc/word", "word");
    for name in ["/etc/word", "word", "/etc/wor*"] {
        assert_eq!(tiny.ok(&format!("extract tiny {name} --to -")), "word");
    }
    assert_eq!(
        tiny.ok("extract tiny /bin/sh --to -"),
        tiny.ok("extract tiny /bin/busybox --to -"),
    );
    for (what, said) in [
        ("", "standard output takes one file"),
        ("/etc", "/etc is no file"),
        ("/etc/*", "standard output takes one file, and 3 are meant"),
        ("/etc/wort", "did you mean `/etc/word`?"),
        ("/dev/console", "/dev/console is no file"),
        ("/etc/word --format json", ""),
    ] {
        let answer = tiny.fails(2, &format!("extract tiny {what} --to -").replace("  ", " "));
        assert!(answer.contains(said), "{what}: {answer}");
    }
}

#[test]
fn files_are_written_below_the_folder_and_nothing_is_replaced_unasked() {
    let tiny = Tiny::new();
    let ran = tiny.run("extract tiny --to new/tree");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stderr.contains("/dev/console"), "{}", ran.stderr);
    assert_eq!(
        tiny.read("new/tree/etc/inittab"),
        tiny.read("overlays/base/etc/inittab")
    );
    let busybox = fs_err::metadata(tiny.path("new/tree/bin/busybox")).unwrap();
    assert_eq!(busybox.permissions().mode() & 0o7777, 0o755);
    tiny.write("new/tree/etc/inittab", "mine");
    let said = tiny.fails(2, "extract tiny /etc/inittab --to new/tree");
    assert!(said.contains("--force"), "{said}");
    assert_eq!(tiny.read("new/tree/etc/inittab"), "mine");
    tiny.ok("extract tiny /etc/inittab --to new/tree --force");
    assert_ne!(tiny.read("new/tree/etc/inittab"), "mine");
    let said = tiny.fails(2, "extract tiny /nothing --to other");
    assert!(said.contains("nothing in tiny"), "{said}");
    assert!(!tiny.path("other").exists());
}
