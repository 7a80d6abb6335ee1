//! Hostile texts: strings in recipes, names on the command line, files that are not what they should be.

use super::{build, documented, published};
use crate::support::Tiny;

/// Strings that mean something to a shell, a parser, a terminal or a file system.
fn strings() -> Vec<String> {
    let plain = [
        "",
        " ",
        "$(touch pwned);`touch pwned`|touch pwned&touch pwned",
        "'\"\\",
        "a\nappend pwned",
        "\r\t",
        "a\0b",
        "\u{1b}[31m",
        "-",
        "--help",
        "..",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        "~*?",
        "{{name}}",
        "${PATH}%s",
        "ü☃\u{202e}abc",
        "#=",
    ];
    let long = ["x".repeat(300), "/y".repeat(30_000)];
    plain.map(str::to_owned).into_iter().chain(long).collect()
}

/// A piece of the fixture's recipe, and what stands in its place; `@` is the string.
const PLACES: &[(&str, &str)] = &[
    ("append = [\"quiet\"]", "append = [@]"),
    ("append = [\"quiet\"]", "message = @"),
    ("description = \"A stand-in for tests\"", "description = @"),
    ("\"net.config\"", "@"),
    ("overlays = [\"base\"]", "overlays = [@]"),
    ("\"sources/busybox\"", "@"),
    ("\"/proc\" = {}", "@ = {}"),
    ("[image.directories]", "[image.directories.@]"),
    ("[sources.pxelinux]", "[sources.@]"),
    ("devices.\"/dev/console\"", "devices.@"),
    ("\"gzip\"", "@"),
    ("[kernel]", "[kernel]\nbase = @"),
    (
        "[bundle]",
        "[[node]]\nname = @\nmac = \"00:11:22:33:44:55\"\n[bundle]",
    ),
    ("[bundle]", "[[node]]\nname = \"n\"\nmac = @\n[bundle]"),
    (
        "[bundle]",
        "[[node]]\nname = \"n\"\nip = \"192.0.2.1\"\nappend = [@]\n[bundle]",
    ),
    ("description", "changelog = @\ndescription"),
    ("description", "extends = [@]\ndescription"),
];

/// Whether a file was made that only a shell could have made.
fn pwned(tiny: &Tiny) -> bool {
    tiny.everything()
        .iter()
        .any(|(path, _)| path.ends_with("pwned"))
}

#[test]
fn hostile_strings_in_a_recipe_are_taken_literally_or_refused() {
    let tiny = Tiny::quick();
    tiny.ok("build tiny");
    let recipe = tiny.read("recipes/tiny.toml");
    for (old, new) in PLACES {
        assert!(recipe.contains(old), "{old}");
        for string in strings() {
            let quoted = toml_string(&string);
            let short: String = format!("{new}: {string:?}").chars().take(80).collect();
            tiny.write(
                "recipes/tiny.toml",
                &recipe.replacen(old, &new.replace('@', &quoted), 1),
            );
            let verb = if new.contains("append") || new.contains("message") {
                "build"
            } else {
                "plan"
            };
            let ran = tiny.run(&format!("{verb} tiny"));
            documented(&ran, &short);
            assert!(!ran.stderr.contains('\u{1b}'), "{short}: {ran:#?}");
            published(&tiny);
            for entry in walkdir::WalkDir::new(tiny.path("out/tiny/current/pxelinux.cfg")) {
                let entry = entry.unwrap();
                let text = fs_err::read_to_string(entry.path()).unwrap_or_default();
                assert!(!text.contains("\nappend pwned"), "{short}: {text}");
            }
        }
    }
    assert!(!pwned(&tiny));
    tiny.write("recipes/tiny.toml", &recipe);
    assert_eq!(build(&tiny), *super::EXPECTED);
}

fn toml_string(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

#[test]
fn hostile_names_on_the_command_line_name_nothing() {
    let tiny = Tiny::quick();
    for verb in ["build", "plan", "show", "explain", "switch", "new"] {
        for name in strings().iter().filter(|name| !name.contains('\0')) {
            let ran = tiny.finish(&mut tiny.command([verb, "--", name]));
            let short: String = format!("{verb} {name:?}").chars().take(80).collect();
            // A new recipe may have any name that a file can have.
            assert!(
                ran.code == Some(2) || verb == "new" || verb == "switch",
                "{short}: {ran:#?}"
            );
            documented(&ran, &short);
        }
    }
    assert!(!pwned(&tiny) && !tiny.path("out").exists());
}

/// Files that people write.
const FILES: &[&str] = &[
    "recipes/tiny.toml",
    "site.toml",
    "debian/changelog",
    "kernel-configs/net.config",
    "busybox-configs/base.config",
    "recipes/sources.lock",
    "overlays/base/etc/inittab",
    "overlays/base/etc/image-release.hbs",
    "sources/linux/Makefile",
];

/// What may be in their place.
const INSTEAD: &[&str] = &[
    "printf 'a\\377\\376b' > $file",
    ": > $file",
    "head -c 20000000 /dev/zero > $file",
    "head -c 3000000 /dev/zero | tr '\\0' '[' > $file",
    "mkdir $file",
    "ln -s nowhere $file",
    "ln -s ${file##*/} $file",
    "ln -s /dev/zero $file",
    "mkfifo $file",
];

#[test]
fn files_that_are_none_or_no_text_are_refused() {
    for file in FILES {
        for instead in INSTEAD {
            let tiny = Tiny::quick();
            let script = format!("rm -f $file; {instead}; exec timeout -k 1 20 $xtask plan tiny");
            let mut command = tiny.other("sh", ["-c", script.as_str()]);
            let command = command
                .env("file", file)
                .env("xtask", env!("CARGO_BIN_EXE_xtask"));
            let ran = tiny.finish(command);
            documented(&ran, &format!("{file}: {instead}"));
            published(&tiny);
        }
    }
}
