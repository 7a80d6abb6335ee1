//! Recipes as text in, everything that is said about them out.

use std::path::Path as FilePath;

use super::load::{list, load};
use super::show::show;
use super::site::Site;
use crate::checkout::Checkout;
use crate::failure::{Failure, Kind};

/// A recipe that is as it should be.
pub(crate) const GOOD: &str = r#"
description = "a test"
[sources.linux]
kind = "debian-binary"
package = "linux-source-6.1"
member = "usr/src/linux-source-6.1.tar.xz"
[sources]
busybox = { kind = "debian-source", package = "busybox" }
pxelinux = { kind = "debian-binary", package = "pxelinux" }
syslinux = { kind = "debian-binary", package = "syslinux-common" }
[kernel]
fragments = ["x86_64/base.config"]
[busybox]
fragments = ["demo.config"]
[image]
overlays = ["base"]
[bundle]
append = ["quiet"]
"#;

/// A checkout with these files beside what `GOOD` names.
pub(crate) fn checkout(files: &[(&str, &str)]) -> (tempfile::TempDir, Checkout) {
    let folder = tempfile::tempdir().unwrap();
    let usual = [
        ("kernel-configs/x86_64/base.config", ""),
        ("kernel-configs/x86_64/net.config", ""),
        ("busybox-configs/demo.config", ""),
        ("overlays/base/etc/rc", ""),
        ("debian/changelog", ""),
        ("recipes/sources.lock", ""),
    ];
    for (path, text) in usual.iter().chain(files) {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let checkout = Checkout::find(Some(folder.path())).unwrap();
    (folder, checkout)
}

/// Everything that a failure says, a diagnostic a line: `file:line:column «text» message; label; help`.
fn said(failure: &Failure) -> String {
    let mut lines = vec![format!("{}: {failure}", failure.kind.name())];
    for d in &failure.diagnostics {
        let (line, column) = d.line_column();
        let help = d.help.clone().unwrap_or_default();
        let parts = [d.message.clone(), d.label.clone(), help];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let text = &d.text[d.span.clone()];
        lines.push(format!(
            "{}:{line}:{column} «{text}» {}",
            d.file.display(),
            parts.join("; ")
        ));
    }
    lines.join("\n")
}

/// What is said about a recipe `demo` of this text.
fn about(text: &str) -> String {
    about_files(&[("recipes/demo.toml", text)])
}

fn about_files(files: &[(&str, &str)]) -> String {
    let (_folder, checkout) = checkout(files);
    load(&checkout, "demo").map_or_else(|failure| said(&failure), |_| "good".to_owned())
}

#[test]
fn a_good_recipe_gets_its_defaults() {
    let (_folder, checkout) = checkout(&[("recipes/demo.toml", GOOD)]);
    for name in ["demo", "recipes/demo.toml", "./recipes/demo.toml"] {
        let loaded = load(&checkout, name).unwrap();
        assert_eq!(loaded.name, "demo");
        assert_eq!(loaded.recipe.kernel.base, "tinyconfig");
        assert_eq!(loaded.files, [FilePath::new("recipes/demo.toml")]);
    }
}

#[test]
fn everything_is_said_at_once() {
    let text = r#"descripton = "x"
[sources.linux]
kind = "debian-binary"
package = "Linux Source"
[sources.busybox]
kind = "debian-sorce"
[sources.pxelinux]
kind = "debian-source"
package = "syslinux"
[sources.blob]
kind = "url"
url = "ftp://example.org/x"
sha256 = "123"
mirrors = ["http://user:secret@example.org/x"]
[kernel]
base = "tinyconfg"
fragments = ["base.config", "/etc/passwd", "x86_64/nit.config", 5, "x86_64/net.config", "x86_64/net.config"]
[busybox]
libc = "mussl"
fragments = "demo.config"
[image]
compression = "bzip2"
overlays = ["bse"]
ntp = ["a b"]
directories."/proc/" = { mode = "0999" }
directories."/dev/null" = {}
devices."/dev/null" = { kind = "char", major = 1, minor = 3000000 }
[image.console]
baud = 115201
[bundle]
modules = "sylinux"
append = ["quiet splash", "a=\"b\"", "initrd=x"]
message = "a\u0007"
[[node]]
name = "one"
[[node]]
name = "one"
mac = "52:54:00:12:34:5g"
ip = "10.0.0.300"
[[node]]
name = "three"
menu = "chain"
mac = "52:54:00:12:34:56"
append = ["x"]
[[node]]
name = "four"
mac = "52-54-00-12-34-56"
[[boot]]
name = "a b"
"#;
    insta::assert_snapshot!(about(text), @r#"
    recipe: the recipe demo has 38 mistakes
    recipes/demo.toml:1:1 «descripton» unknown key `descripton` at the top; did you mean `description`?; known keys: `arch`, `boot`, `bundle`, `busybox`, `changelog`, `description`, `extends`, `image`, `kernel`, `node` and `sources`
    recipes/demo.toml:4:11 «"Linux Source"» `Linux Source` is no name of a Debian package; lower-case letters, digits, `+`, `-` and `.`; at least two of them, the first a letter or digit
    recipes/demo.toml:6:8 «"debian-sorce"» `kind` cannot be `debian-sorce`; did you mean `debian-source`?; it has to be `debian-source`, `debian-binary`, `url` or `directory`
    recipes/demo.toml:12:7 «"ftp://example.org/x"» `ftp://example.org/x` is no address of a download; `http://` or `https://`, a host, a path; without user, password and `#`
    recipes/demo.toml:13:10 «"123"» `sha256` does not have the form that is needed here; `sha256` is: SHA-256, 64 hexadecimal digits
    recipes/demo.toml:14:12 «"http://user:secret@example.org/x"» `http://user:secret@example.org/x` is no address of a download; `http://` or `https://`, a host, a path; without user, password and `#`
    recipes/demo.toml:15:1 «[kernel]» the source `linux`, which `kernel.source` is by default, is a binary package as a whole, not a source tree; name the tarball inside the package: member = "usr/src/linux-source-6.1.tar.xz"
    recipes/demo.toml:16:8 «"tinyconfg"» there is no kernel configuration `tinyconfg` to start from; did you mean `tinyconfig`?; it has to be `tinyconfig` or `defconfig`, or a file in kernel-configs/
    recipes/demo.toml:17:14 «"base.config"» there is no file kernel-configs/base.config; did you mean `x86_64/base.config`?; kernel-configs/ has `x86_64/base.config` and `x86_64/net.config`
    recipes/demo.toml:17:29 «"/etc/passwd"» `/etc/passwd` is no path inside the checkout; it does not begin with `/` and holds no `..`
    recipes/demo.toml:17:44 «"x86_64/nit.config"» there is no file kernel-configs/x86_64/nit.config; did you mean `x86_64/net.config`?; kernel-configs/ has `x86_64/base.config` and `x86_64/net.config`
    recipes/demo.toml:17:65 «5» `fragments[3]` has to be a string; this is a whole number; write it in quotes: "5"
    recipes/demo.toml:17:89 «"x86_64/net.config"» `x86_64/net.config` is in this list twice
    recipes/demo.toml:19:8 «"mussl"» `libc` cannot be `mussl`; did you mean `musl`?; it has to be `musl` or `glibc`
    recipes/demo.toml:20:13 «"demo.config"» `fragments` has to be a list of strings; this is a string; put it in brackets: ["demo.config"]
    recipes/demo.toml:22:15 «"bzip2"» `compression` cannot be `bzip2`; it has to be `none`, `gzip`, `xz`, `zstd` or `lz4`
    recipes/demo.toml:23:13 «"bse"» there is no folder overlays/bse; did you mean `base`?; overlays/ has `base`
    recipes/demo.toml:24:8 «"a b"» `a b` is no host name or address; a name such as `ntp.example.org`, or an address
    recipes/demo.toml:25:13 «"/proc/"» `/proc/` is no path in the image; it begins with `/`, holds neither `.` nor `..` nor `//`, and does not end in `/`
    recipes/demo.toml:25:33 «"0999"» `0999` is no octal mode; three or four octal digits in quotes, such as "0755"
    recipes/demo.toml:27:9 «"/dev/null"» `/dev/null` is a folder already; leave it out of [image.directories], or here
    recipes/demo.toml:27:32 «"char"» `kind` cannot be `char`; it has to be `character` or `block`
    recipes/demo.toml:27:59 «3000000» `minor` is out of range; it can be from 0 to 1048575
    recipes/demo.toml:29:8 «115201» 115201 is no speed of a serial line; it has to be `4800`, `9600`, `19200`, `38400`, `57600`, `115200`, `230400` or `460800`
    recipes/demo.toml:30:1 «[bundle]» the source `pxelinux`, which `bundle.pxelinux` is by default, is a source package, and would have to be compiled first; take the binary package: kind = "debian-binary"
    recipes/demo.toml:31:11 «"sylinux"» there is no source `sylinux`; did you mean `linux`?; describe it in [sources.sylinux], or name another one: there are `blob`, `busybox`, `linux` and `pxelinux`
    recipes/demo.toml:32:11 «"quiet splash"» these are several kernel arguments; write one argument each: "quiet", "splash"
    recipes/demo.toml:32:27 «"a=\"b\""» `a="b"` is no kernel argument; one argument each, of visible ASCII characters, without blanks and quotes
    recipes/demo.toml:32:38 «"initrd=x"» `initrd=` is set by the bundle itself; leave it out
    recipes/demo.toml:33:11 «"a\u0007"» `message` holds the control character '\u{7}'; leave it out
    recipes/demo.toml:34:1 «[[node]]» the node `one` has neither `mac` nor `ip`; one of them tells which machine it is
    recipes/demo.toml:37:8 «"one"» two of [[node]] have this `name`; the other one is at recipes/demo.toml:35
    recipes/demo.toml:38:7 «"52:54:00:12:34:5g"» `52:54:00:12:34:5g` is no MAC address of a machine; six pairs of hexadecimal digits, such as `52:54:00:12:34:56`; the first pair is even, or it is the address of a group
    recipes/demo.toml:39:1 «ip» the node `one` has both `mac` and `ip`; pxelinux looks for the MAC address first: leave out one of them
    recipes/demo.toml:39:6 «"10.0.0.300"» `10.0.0.300` is no IPv4 address of a machine; four numbers from 0 to 255, such as `192.0.2.7`
    recipes/demo.toml:44:1 «append» kernel arguments for a machine that boots its local disk; leave them out, or let the machine boot the image: menu = "image"
    recipes/demo.toml:47:7 «"52-54-00-12-34-56"» two of [[node]] have this `mac`; the other one is at recipes/demo.toml:43
    recipes/demo.toml:49:8 «"a b"» `a b` is no name; letters, digits, `-`, `_` and `.`, at most 64 of them, the first a letter or digit
    "#);
}

#[test]
fn broken_values_do_not_hide_other_mistakes() {
    let text = GOOD
        .replace("\"a test\"", "test")
        .replace("quiet", "a b")
        .replace("overlays", "overlay");
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has 3 mistakes
    recipes/demo.toml:2:15 «test» text needs quotes; "test"
    recipes/demo.toml:16:1 «overlay» unknown key `overlay` in [image]; did you mean `overlays`?; known keys: `compression`, `console`, `devices`, `directories`, `ntp` and `overlays`
    recipes/demo.toml:18:11 «"a b"» these are several kernel arguments; write one argument each: "a", "b"
    "#);
}

#[test]
fn open_brackets_are_said_alone() {
    let text = GOOD.replace("[kernel]", "[kernel").replace("quiet", "a b");
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:11:8 «» this is no TOML: unclosed table, expected `]`
    "#);
}

#[test]
fn sources_have_to_be_there_and_to_fit() {
    let text = GOOD
        .replace("member = ", "#")
        .replace("[kernel]", "[kernel]\nsource = 'linus'")
        .replace("\"pxelinux\"", "\"p\"");
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has 2 mistakes
    recipes/demo.toml:9:48 «"p"» `p` is no name of a Debian package; lower-case letters, digits, `+`, `-` and `.`; at least two of them, the first a letter or digit
    recipes/demo.toml:12:10 «'linus'» there is no source `linus`; did you mean `linux`?; describe it in [sources.linus], or name another one: there are `busybox`, `linux`, `pxelinux` and `syslinux`
    "#);
    let text = GOOD
        .replace("[sources.linux]", "[sources.kernel]")
        .replace("member = ", "#");
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:11:1 «[kernel]» there is no source `linux`, which `kernel.source` is by default; describe it in [sources.linux], or name another one: there are `busybox`, `kernel`, `pxelinux` and `syslinux`
    "#);
    let text = GOOD.replace("member = ", "#").replace(
        "\"debian-binary\", package = \"pxe",
        "\"debian-source\", package = \"pxe",
    );
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has 2 mistakes
    recipes/demo.toml:11:1 «[kernel]» the source `linux`, which `kernel.source` is by default, is a binary package as a whole, not a source tree; name the tarball inside the package: member = "usr/src/linux-source-6.1.tar.xz"
    recipes/demo.toml:17:1 «[bundle]» the source `pxelinux`, which `bundle.pxelinux` is by default, is a source package, and would have to be compiled first; take the binary package: kind = "debian-binary"
    "#);
}

#[test]
fn bases_are_merged_by_key_and_name() {
    let pc = "extends = ['base/common']\n[kernel]\nfragments = ['x86_64/net.config']\n[[node]]\nname = 'a'\nip = '192.0.2.1'\n\
        append = ['one']\n[[node]]\nname = 'b'\nip = '192.0.2.2'\n";
    let common = GOOD.replace(
        "append = [\"quiet\"]",
        "append = [\"loud\"]\nmessage = \"hi\"",
    );
    let serial = "extends = ['base/common']\n[image.console]\ndevice = 'ttyS1'\n";
    let demo = "description = 'mine'\nextends = ['base/pc', 'base/serial']\n[bundle]\nappend = []\n[[node]]\nname = 'c'\nip = '192.0.2.3'\n\
        [[node]]\nname = 'a'\nip = '192.0.2.9'\n";
    let (_folder, checkout) = checkout(&[
        ("recipes/base/common.toml", &common),
        ("recipes/base/pc.toml", pc),
        ("recipes/base/serial.toml", serial),
        ("recipes/demo.toml", demo),
    ]);
    let loaded = load(&checkout, "demo").unwrap();
    let recipe = &loaded.recipe;
    assert_eq!(recipe.description, "mine");
    assert_eq!(
        recipe.kernel.fragments,
        ["x86_64/net.config"],
        "common, named twice, does not undo pc"
    );
    assert_eq!(recipe.image.console.device, "ttyS1");
    assert_eq!(
        (recipe.bundle.append.len(), recipe.bundle.message.as_str()),
        (0, "hi")
    );
    let nodes: Vec<_> = recipe
        .node
        .iter()
        .map(|node| {
            (
                node.name.as_str(),
                node.ip.as_deref().unwrap(),
                node.append.len(),
            )
        })
        .collect();
    assert_eq!(
        nodes,
        [
            ("a", "192.0.2.9", 1),
            ("b", "192.0.2.2", 0),
            ("c", "192.0.2.3", 0)
        ]
    );
    let files: Vec<_> = loaded
        .files
        .iter()
        .map(|file| file.to_str().unwrap())
        .collect();
    assert_eq!(
        files,
        [
            "recipes/base/common.toml",
            "recipes/base/pc.toml",
            "recipes/base/serial.toml",
            "recipes/demo.toml"
        ]
    );
    let shown = show(&loaded, true).unwrap();
    for line in [
        "description = \"mine\"  # recipes/demo.toml:1",
        "device = \"ttyS1\"  # recipes/base/serial.toml:3",
        "baud = 115200  # default",
        "message = \"hi\"  # recipes/base/common.toml:19",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in\n{shown}"
        );
    }
}

#[test]
fn mistakes_in_a_base_are_found_in_the_base() {
    let base = GOOD.replace("quiet", "a b").replace("overlays", "overlay");
    let demo = "extends = ['base/pc']\n[kernel]\nbase = 'x'\n";
    insta::assert_snapshot!(about_files(&[("recipes/base/pc.toml", &base), ("recipes/demo.toml", demo)]), @r#"
    recipe: the recipe demo has 3 mistakes
    recipes/base/pc.toml:16:1 «overlay» unknown key `overlay` in [image]; did you mean `overlays`?; known keys: `compression`, `console`, `devices`, `directories`, `ntp` and `overlays`
    recipes/base/pc.toml:18:11 «"a b"» these are several kernel arguments; write one argument each: "a", "b"
    recipes/demo.toml:3:8 «'x'» there is no file kernel-configs/x; kernel-configs/ has `x86_64/base.config` and `x86_64/net.config`
    "#);
}

#[test]
fn bases_that_are_missing_or_go_round_are_told() {
    let demo = format!("extends = ['base/ps', 'base/pc.toml', '../x', 3, 'demo', 'base/pc']{GOOD}");
    let pc = "extends = ['base/two']\n";
    let two = "extends = ['base/pc', \"a\\u0000\"]\n";
    let files = [
        ("recipes/base/pc.toml", pc),
        ("recipes/base/two.toml", two),
        ("recipes/demo.toml", &demo),
    ];
    insta::assert_snapshot!(about_files(&files), @r#"
    recipe: the recipe demo has 7 mistakes
    recipes/base/two.toml:1:12 «'base/pc'» `base/pc` extends itself; the circle is recipes/base/pc.toml → recipes/base/two.toml → recipes/base/pc.toml
    recipes/base/two.toml:1:23 «"a\u0000"» there is no recipe `a\0` to extend; the name of a file below recipes/, without `.toml`
    recipes/demo.toml:1:12 «'base/ps'» there is no recipe `base/ps` to extend; did you mean `base/pc`?; the name of a file below recipes/, without `.toml`
    recipes/demo.toml:1:23 «'base/pc.toml'» there is no recipe `base/pc.toml` to extend; did you mean `base/pc`?; the name of a file below recipes/, without `.toml`
    recipes/demo.toml:1:39 «'../x'» there is no recipe `../x` to extend; the name of a file below recipes/, without `.toml`
    recipes/demo.toml:1:47 «3» `extends[3]` has to be a string; this is a whole number; write it in quotes: "3"
    recipes/demo.toml:1:50 «'demo'» `demo` extends itself; the circle is recipes/demo.toml → recipes/demo.toml
    "#);
    insta::assert_snapshot!(about(&format!("extends = 'base/pc'{GOOD}")), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:1:11 «'base/pc'» `extends` has to be a list of strings; this is a string; put it in brackets: ['base/pc']
    "#);
}

#[test]
fn unknown_names_get_suggestions() {
    let (_folder, checkout) = checkout(&[
        ("recipes/demo.toml", GOOD),
        ("recipes/arm.toml", GOOD),
        ("recipes/base/x.toml", ""),
    ]);
    for (name, hint) in [
        ("dmeo", "did you mean `demo`?"),
        (
            "../demo",
            "`cargo xtask new NAME` begins one that builds as it is",
        ),
        ("recipes/dmeo.toml", "`cargo xtask list` names all recipes"),
        (
            "a\0b",
            "`cargo xtask new NAME` begins one that builds as it is",
        ),
    ] {
        let failure = load(&checkout, name).unwrap_err();
        assert_eq!(
            (failure.kind, failure.hint.as_deref()),
            (Kind::Usage, Some(hint)),
            "{name}"
        );
    }
    let failure = load(&checkout, "dmeo").unwrap_err();
    assert_eq!(
        failure.to_string(),
        "there is no recipe `dmeo`; there are `arm` and `demo`"
    );
}

#[test]
fn a_recipe_outside_the_checkout_is_refused() {
    let (folder, _) = checkout(&[("recipes/demo.toml", GOOD)]);
    let (_other, checkout) = checkout(&[]);
    let path = folder.path().join("recipes/demo.toml");
    assert_eq!(
        load(&checkout, path.to_str().unwrap()).unwrap_err().kind,
        Kind::Usage
    );
}

#[test]
fn listing_survives_broken_recipes() {
    let (folder, checkout) = checkout(&[
        ("recipes/b.toml", "x"),
        ("recipes/demo.toml", GOOD),
        ("recipes/Bad.toml", GOOD),
        ("recipes/base/part.toml", ""),
    ]);
    fs_err::write(
        folder.path().join("recipes/latin1.toml"),
        b"description = '\xe9'",
    )
    .unwrap();
    fs_err::write(
        folder.path().join("recipes/long.toml"),
        vec![b'#'; (1 << 20) + 1],
    )
    .unwrap();
    let listed: Vec<String> = list(&checkout)
        .into_iter()
        .map(|listed| {
            format!(
                "{} {}",
                listed.name,
                listed
                    .description
                    .unwrap_or_else(|failure| failure.to_string())
            )
        })
        .collect();
    insta::assert_snapshot!(listed.join("\n"), @r#"
    Bad the recipe Bad has a mistake
    b the recipe b has a mistake
    demo a test
    latin1 recipes/latin1.toml is no UTF-8 text: line 1 holds a byte that is none
    long recipes/long.toml is longer than 1048576 bytes: it is hardly a text that a person wrote
    "#);
}

#[test]
fn links_out_of_the_checkout_are_refused() {
    let (folder, checkout) = checkout(&[("recipes/demo.toml", GOOD)]);
    let link = folder.path().join("kernel-configs/x86_64/base.config");
    fs_err::remove_file(&link).unwrap();
    fs_err::os::unix::fs::symlink("/etc/hostname", link).unwrap();
    let failure = load(&checkout, "demo").unwrap_err();
    insta::assert_snapshot!(said(&failure), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:12:14 «"x86_64/base.config"» kernel-configs/x86_64/base.config is outside the checkout; a link leads out; copy what is needed into the checkout
    "#);
}

#[test]
fn what_is_shown_is_the_same_recipe() {
    let more = "\n[[node]]\nname = 'a'\nmac = '52:54:00:12:34:56'\n[[boot]]\nname = 'plain'\n";
    let more = format!("{GOOD}message = \"two\\nlines \\\"quoted\\\"\"{more}");
    let (folder, checkout) = checkout(&[("recipes/demo.toml", &more)]);
    let loaded = load(&checkout, "demo").unwrap();
    for origins in [false, true] {
        let shown = show(&loaded, origins).unwrap();
        fs_err::write(folder.path().join("recipes/again.toml"), &shown).unwrap();
        let again = load(&checkout, "again")
            .unwrap_or_else(|failure| panic!("{}\n{shown}", said(&failure)));
        assert_eq!(again.recipe, loaded.recipe);
    }
}

#[test]
fn a_site_has_defaults_and_is_checked_too() {
    let (folder, checkout) = checkout(&[]);
    assert_eq!(Site::load(&checkout).unwrap(), Site::default());
    let good = "cache = '/srv/cache'\nfollow-after = 0\n[mirrors]\ndebian = ['http://deb.example/debian']\n[ntp]\nservers = ['ntp.example']\n[console]\ndevice = 'ttyS1'\n";
    fs_err::write(folder.path().join("site.toml"), good).unwrap();
    let site = Site::load(&checkout).unwrap();
    assert_eq!((site.follow_after, site.cache()), (0, "/srv/cache".into()));
    let bad = "cache = '~/cache'\nfollow_after = 3\n[mirrors]\ndebain = []\ndebian-security = ['deb.example']\n[ntp]\nservers = ['$(reboot)']\n[console]\nbaud = 5\n";
    fs_err::write(folder.path().join("site.toml"), bad).unwrap();
    insta::assert_snapshot!(said(&Site::load(&checkout).unwrap_err()), @r#"
    recipe: site.toml has 6 mistakes
    site.toml:1:9 «'~/cache'» `~/cache` is no absolute path; it begins with `/`; `~` and variables are not expanded
    site.toml:2:1 «follow_after» unknown key `follow_after` at the top; did you mean `follow-after`?; known keys: `cache`, `console`, `follow-after`, `mirrors` and `ntp`
    site.toml:4:1 «debain» unknown key `debain` in [mirrors]; did you mean `debian`?; known keys: `debian` and `debian-security`
    site.toml:5:20 «'deb.example'» `deb.example` is no address of a Debian mirror; `http://`, `https://` or `file:///`, a host, a path; without user and password
    site.toml:7:12 «'$(reboot)'» `$(reboot)` is no host name or address; a name such as `ntp.example.org`, or an address
    site.toml:9:8 «5» 5 is no speed of a serial line; it has to be `4800`, `9600`, `19200`, `38400`, `57600`, `115200`, `230400` or `460800`
    "#);
}

#[test]
fn the_site_wins_over_the_recipe() {
    let (_folder, checkout) = checkout(&[("recipes/demo.toml", GOOD)]);
    let recipe = load(&checkout, "demo").unwrap().recipe;
    let mut site = Site::default();
    assert_eq!(site.settle(recipe.clone()), recipe);
    site.ntp.servers = vec!["ntp.example".to_owned()];
    assert_eq!(site.settle(recipe).image.ntp, ["ntp.example"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn a_hostile_recipe_never_panics(at in 0..GOOD.len(), length in 0..12usize, junk in "[\\[\\]{}\"'=.,a-c/0-9\u{0}\n é-]{0,8}") {
        let end = (at + length).min(GOOD.len());
        let text = format!("{}{junk}{}", &GOOD[..at], &GOOD[end..]);
        let said = about(&text);
        proptest::prop_assert!(!said.contains("bug"), "{said}");
    }
}
