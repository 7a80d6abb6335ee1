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

/// `GOOD` with these routes.
fn routed(routes: &str) -> String {
    GOOD.replace("[bundle]", &format!("[bundle]\nroutes = {routes}"))
}

#[test]
fn routes_have_to_fit_the_machine_the_kernel_and_the_scenarios() {
    let scenarios = "[[boot]]\nname = 'a'\nroute = 'ipxe'\n[[boot]]\nname = 'b'\n";
    let text =
        routed("['lpxelinux', 'u-boot', 'lpxelinux', 'efi-http', 'secure-grub']") + scenarios;
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has 9 mistakes
    recipes/demo.toml:17:1 «[bundle]» there is no source `grub`, which `bundle.grub` is by default; add [sources.grub] with kind = "debian-binary" and package = "grub-efi-amd64-signed", or name another one: there are `busybox`, `linux`, `pxelinux` and `syslinux`
    recipes/demo.toml:17:1 «[bundle]» there is no source `shim`, which `bundle.shim` is by default; add [sources.shim] with kind = "debian-binary" and package = "shim-signed", or name another one: there are `busybox`, `linux`, `pxelinux` and `syslinux`
    recipes/demo.toml:17:1 «[bundle]» there is no source `systemd-boot`, which `bundle.uki.stub` is by default; add [sources.systemd-boot] with kind = "debian-binary" and package = "systemd-boot-efi", or name another one: there are `busybox`, `linux`, `pxelinux` and `syslinux`
    recipes/demo.toml:18:24 «'u-boot'» amd64 has no route `u-boot`; it has `pxelinux`, `lpxelinux`, `ipxe`, `efi-syslinux`, `efi-grub`, `efi-ipxe`, `efi-uki`, `efi-http`, `secure-grub` and `secure-uki`
    recipes/demo.toml:18:34 «'lpxelinux'» `lpxelinux` is in this list twice
    recipes/demo.toml:18:47 «'efi-http'» `efi-http` needs a kernel that is an EFI program, and no fragment has CONFIG_EFI_STUB=y; add "x86_64/efi.config" to the kernel's `fragments`
    recipes/demo.toml:18:59 «'secure-grub'» `secure-grub` boots a kernel that Debian signed, and this one is built here; take a package, such as package = "linux-image-amd64" in [kernel]; or `secure-uki`, signed with a key of your own
    recipes/demo.toml:22:9 «'ipxe'» the bundle has no route `ipxe`; add it to `routes` in [bundle], or take another one: there are `lpxelinux`, `u-boot`, `lpxelinux`, `efi-http` and `secure-grub`
    recipes/demo.toml:23:1 «[[boot]]» the bundle has no route `pxelinux`, by which it boots unless something else is said; add it to `routes` in [bundle], or take another one: there are `lpxelinux`, `u-boot`, `lpxelinux`, `efi-http` and `secure-grub`
    "#);
}

#[test]
fn each_route_needs_its_packages_and_no_others() {
    insta::assert_snapshot!(about(&routed("['ipxe']")), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:17:1 «[bundle]» there is no source `ipxe`, which `bundle.ipxe` is by default; add [sources.ipxe] with kind = "debian-binary" and package = "ipxe", or name another one: there are `busybox`, `linux`, `pxelinux` and `syslinux`
    "#);
    let ipxe = "[sources]\nipxe = { kind = \"debian-binary\", package = \"ipxe\" }";
    let text = routed("['ipxe']").replace("[sources]", ipxe);
    insta::assert_snapshot!(about(&text), @"good");
    let renamed = text.replace("[sources]\nipxe", "[sources]\nmine");
    insta::assert_snapshot!(about(&renamed.replace("[bundle]", "[bundle]\nipxe = 'mine'")), @"good");
}

#[test]
fn a_kernel_that_is_an_efi_program_can_be_started_as_one() {
    let stub =
        "[sources]\nsystemd-boot = { kind = \"debian-binary\", package = \"systemd-boot-efi\" }";
    let text = routed("['efi-http']").replace("[sources]", stub);
    let with = |config: &str| {
        let files = [
            ("recipes/demo.toml", &*text),
            ("kernel-configs/x86_64/base.config", config),
        ];
        super::about_files(&files)
    };
    insta::assert_snapshot!(with("CONFIG_EFI=y\nCONFIG_EFI_STUB=y\n"), @"good");
    insta::assert_snapshot!(with("# CONFIG_EFI_STUB is not set\n"), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:19:11 «'efi-http'» `efi-http` needs a kernel that is an EFI program, and no fragment has CONFIG_EFI_STUB=y; add "x86_64/efi.config" to the kernel's `fragments`
    "#);
}

#[test]
fn what_no_reader_of_the_routes_shows_is_underlined() {
    let text = routed("['lpxelinux', 'efi-http']")
        .replace("append", "default = 'localboot'\nappend")
        + "[[node]]\nname = 'one'\nip = '192.0.2.1'\nmenu = 'localboot'\n";
    let good = text.replace("default = 'localboot'\n", "");
    let sources =
        "[sources]\nsystemd-boot = { kind = \"debian-binary\", package = \"systemd-boot-efi\" }";
    for (text, is_good) in [(good, true), (text, false)] {
        let text = text.replace("[sources]", sources);
        let files = [
            ("recipes/demo.toml", &*text),
            ("kernel-configs/x86_64/base.config", "CONFIG_EFI_STUB=y\n"),
        ];
        let said = super::about_files(&files);
        let why = "a unified image cannot do `localboot`: it cannot boot disks";
        assert_eq!(
            (said == "good", said.contains(why)),
            (is_good, !is_good),
            "{said}"
        );
    }
}
