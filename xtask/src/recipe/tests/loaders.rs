//! What boot loaders can do.

use super::{GOOD, about};

/// `GOOD` without a boot loader's sources, for machines that have their own.
fn arm() -> String {
    let sources = GOOD
        .lines()
        .filter(|line| !line.contains("linux\", ") && !line.contains("syslinux"));
    let lines: Vec<&str> = sources
        .filter(|line| !line.starts_with("pxelinux"))
        .collect();
    lines
        .join("\n")
        .replace("description", "arch = \"arm64\"\ndescription")
        .replace("[busybox]", "[busybox]\nlibc = \"glibc\"")
        + "\n"
}

#[test]
fn machines_with_a_boot_loader_of_their_own_need_no_pxelinux() {
    let menu = "[bundle.menu]\ntitle = 'LAVA Master Image'\ntimeout = 2\nontimeout = 'image'\n";
    insta::assert_snapshot!(about(&(arm() + menu)), @"good");
}

#[test]
fn what_boot_loaders_cannot_do_is_underlined() {
    let text = arm()
        + r#"message = "hello"
default = "chain"
segments = ["sitte", "site", "site"]
[bundle.menu]
title = "\u00e9"
timeout = 3600
ontimeout = "chain"
[segment.site]
overlays = ["base"]
[segment."a b"]
[[node]]
name = "one"
ip = "192.0.2.1"
menu = "chain"
append = ["a=$b"]
segments = ["site"]
"#;
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has 11 mistakes
    recipes/demo.toml:19:11 «"hello"» U-Boot shows no message before booting; leave it out
    recipes/demo.toml:20:11 «"chain"» U-Boot cannot do `chain`: that is a module of pxelinux's, for PCs; take `localboot`
    recipes/demo.toml:21:13 «"sitte"» there is no segment `sitte`; did you mean `site`?; describe it in [segment.sitte]; there are `a b` and `site`
    recipes/demo.toml:21:30 «"site"» `site` is in this list twice
    recipes/demo.toml:23:9 «"\u00e9"» "é" is no title of a menu: up to 56 printable ASCII characters, without spaces around, the first not `#`
    recipes/demo.toml:24:11 «3600» a menu cannot wait 3600 seconds: at most 3599, or 0 for ever
    recipes/demo.toml:25:13 «"chain"» U-Boot cannot do `chain`: that is a module of pxelinux's, for PCs; take `localboot`
    recipes/demo.toml:28:10 «"a b"» `a b` is no name; letters, digits, `-`, `_` and `.`, at most 64 of them, the first a letter or digit
    recipes/demo.toml:32:8 «"chain"» U-Boot cannot do `chain`: that is a module of pxelinux's, for PCs; take `localboot`
    recipes/demo.toml:33:11 «"a=$b"» U-Boot would alter the kernel argument `a=$b`: it takes $, \ and ' for its own; leave it out
    recipes/demo.toml:34:13 «"site"» `site` is on top of every machine's image already; leave it out here
    "#);
}

#[test]
fn nothing_on_top_of_an_image_that_is_not_booted() {
    let text = GOOD.to_owned()
        + "[segment.site]\n[[node]]\nname = 'one'\nip = '192.0.2.1'\nmenu = 'localboot'\nsegments = ['site']\n";
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:24:1 «segments» archives for a machine that boots its local disk; leave them out, or let the machine boot the image: menu = "image"
    "#);
    let menu = text.replace("[segment", "[bundle.menu]\ntitle = 'x'\n[segment");
    insta::assert_snapshot!(about(&menu), @"good");
}
