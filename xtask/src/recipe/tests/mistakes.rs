//! Mistakes in one file.

use super::{GOOD, about, checkout, said};
use crate::recipe::load;

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
    recipes/demo.toml:1:1 «descripton» unknown key `descripton` at the top; did you mean `description`?; known keys: `arch`, `boot`, `bundle`, `busybox`, `changelog`, `closure`, `copy`, `description`, `extends`, `image`, `kernel`, `lint`, `modules`, `node`, `package`, `segment`, `settings`, `sources`, `sysroot` and `u-boot`
    recipes/demo.toml:4:11 «"Linux Source"» `Linux Source` is no name of a Debian package; lower-case letters, digits, `+`, `-` and `.`; at least two of them, the first a letter or digit
    recipes/demo.toml:6:8 «"debian-sorce"» `kind` cannot be `debian-sorce`; did you mean `debian-source`?; it has to be `debian-source`, `debian-binary`, `url` or `directory`
    recipes/demo.toml:12:7 «"ftp://example.org/x"» `ftp://example.org/x` is no address of a download; `http://` or `https://`, a host, a path; without user, password and `#`
    recipes/demo.toml:13:10 «"123"» `sha256` does not have the form that is needed here; `sha256` is: SHA-256, 64 hexadecimal digits
    recipes/demo.toml:14:12 «"http://user:secret@example.org/x"» `http://user:secret@example.org/x` is no address of a download; `http://` or `https://`, a host, a path; without user, password and `#`
    recipes/demo.toml:15:1 «[kernel]» the source `linux`, which `kernel.source` is by default, is a binary package as a whole, not a source tree; name the tarball inside the package: member = "usr/src/linux-source-6.1.tar.xz"
    recipes/demo.toml:16:8 «"tinyconfg"» there is no kernel configuration `tinyconfg` to start from; did you mean `tinyconfig`?; it has to be `allnoconfig`, `tinyconfig` or `defconfig`, or a file in kernel-configs/
    recipes/demo.toml:17:14 «"base.config"» there is no file kernel-configs/base.config; did you mean `x86_64/base.config`?; kernel-configs/ has `x86_64/base.config`, `x86_64/efi.config`, `x86_64/initramfs.config`, `x86_64/kvm-guest.config`, `x86_64/net.config`, `x86_64/pc.config` and `x86_64/virtio.config`
    recipes/demo.toml:17:29 «"/etc/passwd"» `/etc/passwd` is no path inside the checkout; it does not begin with `/` and holds no `..`
    recipes/demo.toml:17:44 «"x86_64/nit.config"» there is no file kernel-configs/x86_64/nit.config; did you mean `x86_64/net.config`?; kernel-configs/ has `x86_64/base.config`, `x86_64/efi.config`, `x86_64/initramfs.config`, `x86_64/kvm-guest.config`, `x86_64/net.config`, `x86_64/pc.config` and `x86_64/virtio.config`
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
    recipes/demo.toml:31:11 «"sylinux"» there is no source `sylinux`; did you mean `linux`?; add [sources.sylinux] with kind = "debian-binary" and package = "syslinux-common", or name another one: there are `blob`, `busybox`, `linux` and `pxelinux`
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
    recipes/demo.toml:49:8 «"a b"» `name`: `a b` does not have the right form
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
    recipes/demo.toml:16:1 «overlay» unknown key `overlay` in [image]; did you mean `overlays`?; known keys: `compression`, `compression-level`, `console`, `devices`, `directories`, `microcode`, `ntp` and `overlays`
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

#[test]
fn scenarios_are_checked_where_they_are_wrong() {
    let text = format!(
        "{GOOD}[[boot]]\nname = 'a b'\nmemory = 1\nexpect = ['ok', '(']\nclock = {{ power-on = '2001' }}\n\
        [[boot]]\nname = 'x'\nclock = {{ power-on = 2001-01-01T00:00:00Z }}\nend = 'pannic'\n\
        answer = [{{ when = '[', type = \"a\\r\" }}]\n[[boot]]\nname = 'x'\n"
    );
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has 8 mistakes
    recipes/demo.toml:20:8 «'a b'» `name`: `a b` does not have the right form
    recipes/demo.toml:21:10 «1» `memory`: 1 is not within 32 and 1048576
    recipes/demo.toml:22:17 «'('» this is no regular expression; unclosed group; backslashes survive in single quotes: '\d+'
    recipes/demo.toml:23:22 «'2001'» `clock.power-on`: `2001` is not like 2001-01-01T00:00:00Z
    recipes/demo.toml:26:22 «2001-01-01T00:00:00Z» `power-on` has to be a string; this is a date or time; write it in quotes: "2001-01-01T00:00:00Z"
    recipes/demo.toml:27:7 «'pannic'» `end` cannot be `pannic`; did you mean `panic`?; it has to be `ready`, `local-boot`, `panic`, `menu`, `no-dhcp`, `load-failed`, `nothing-to-boot` or `expected`, or `{ failed = … }`, or a list of values
    recipes/demo.toml:28:20 «'['» this is no regular expression; unclosed character class; backslashes survive in single quotes: '\d+'
    recipes/demo.toml:30:8 «'x'» two of [[boot]] have this `name`; the other one is at recipes/demo.toml:25
    "#);
}

/// What is said of one scenario with these fields.
fn of_scenario(fields: &str) -> String {
    about(&format!("{GOOD}[[boot]]\nname = 'x'\n{fields}\n"))
}

#[test]
fn states_may_be_written_in_every_way() {
    let good = [
        "end = 'menu'",
        "end = ['ready']",
        "end = ['ready', 'local-boot', { failed = 'clock' }]",
        "end = { failed = { step = 'clock', code = 50 } }",
        "end = [{ failed = {} }]",
        "retry = {}",
        "retry = { virtual = 3, on = ['panic', 'timed-out'] }\nreport = true",
    ];
    for fields in good {
        let said = of_scenario(fields);
        assert_eq!(said, "good", "{fields}");
    }
}

#[test]
fn what_is_wrong_with_states_is_said_at_its_place() {
    let wrong = [
        (
            "end = ['ready', 'redy']",
            "«'redy'»",
            "did you mean `ready`?",
        ),
        ("end = []", "«[]»", "needs at least 1"),
        ("end = 7", "«7»", "`end` has to be `ready`"),
        ("end = ['ready', 7]", "«7»", "has to be"),
        (
            "end = { failed = { stop = 'x' } }",
            "«stop»",
            "did you mean `step`?",
        ),
        ("end = { faild = 'x' }", "«faild»", "did you mean `failed`?"),
        (
            "end = ['expected']",
            "«['expected']»",
            "needs something in `expect`",
        ),
        (
            "retry = { virtual = 99 }",
            "«99»",
            "99 is not within 0 and 10",
        ),
        (
            "retry = { on = ['passed'] }",
            "«'passed'»",
            "cannot be `passed`",
        ),
    ];
    for (fields, place, message) in wrong {
        let said = of_scenario(fields);
        assert_eq!(said.lines().count(), 2, "{fields}: {said}");
        assert!(
            said.contains(place) && said.contains(message),
            "{fields}: {said}"
        );
    }
}
