//! Recipes that take packages as they are: from a lock and an archive in a folder to a bundle.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;

use crate::support::Tiny;
use xtask::digest::Digest;

/// A package: its name, and its files with their contents.
type Sample<'a> = (&'a str, &'a [(&'a str, &'a str)]);

const TOOL: Sample<'_> = (
    "tool",
    &[("./bin/tool", "a tool"), ("./usr/share/doc/tool", "v1")],
);
const KERNEL: Sample<'_> = (
    "linux-image-6.1-x",
    &[
        ("./boot/vmlinuz-6.1-x", "a kernel"),
        (
            "./boot/config-6.1-x",
            "CONFIG_64BIT=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_RD_GZIP=y\nCONFIG_BINFMT_ELF=y\nCONFIG_BINFMT_SCRIPT=y\nCONFIG_DEVTMPFS=y\nCONFIG_TMPFS=y\nCONFIG_PROC_FS=y\nCONFIG_SYSFS=y\nCONFIG_TTY=y\nCONFIG_PRINTK=y\n",
        ),
        ("./lib/modules/6.1-x/modules.builtin", ""),
        ("./lib/modules/6.1-x/modules.order", ""),
    ],
);

/// A recipe's table that takes the kernel from the package.
const PACKAGED: &str = "[kernel]\npackage = \"linux-image-6.1-x\"\nfragments = []\n";

fn member(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut all = format!(
        "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
        0,
        0,
        0,
        100_644,
        bytes.len()
    )
    .into_bytes();
    all.extend(bytes);
    all.resize(all.len().next_multiple_of(2), b'\n');
    all
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o755);
        archive
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

fn deb((name, files): Sample<'_>) -> Vec<u8> {
    let control = format!("Package: {name}\nVersion: 1\n");
    [
        b"!<arch>\n".to_vec(),
        member("debian-binary", b"2.0\n"),
        member("control.tar", &tar(&[("./control", &control)])),
        member("data.tar", &tar(files)),
    ]
    .concat()
}

/// A checkout whose recipe takes these packages, which the lock knows, from an archive in a folder beside its recipes.
fn tiny(packages: &[Sample<'_>], recipe: &str) -> Tiny {
    let tiny = Tiny::new();
    let mut solution = String::new();
    for (name, files) in packages {
        let bytes = deb((name, files));
        let path = format!("pool/{name}_1_all.deb");
        let place = tiny.path("archive").join(&path);
        fs_err::create_dir_all(place.parent().unwrap()).unwrap();
        fs_err::write(place, &bytes).unwrap();
        writeln!(
            solution,
            "    {{ package = \"{name}\", version = \"1\", arch = \"all\", source = \"src\", source-version = \"1\", path = \"{path}\", size = {}, sha256 = \"{}\" }},",
            bytes.len(),
            Digest::of(&bytes)
        )
        .unwrap();
    }
    let names: Vec<&str> = packages.iter().map(|(name, _)| *name).collect();
    tiny.write(
        "recipes/sources.lock",
        &format!("[[sysroot]]\nsuite = \"test-suite\"\narch = \"amd64\"\ncomponents = [\"main\"]\npolicy = \"pin\"\npackages = {names:?}\nwithout = []\nrecommends = false\nrecorded = \"2026-01-31\"\nsolution = [\n{solution}]\n"),
    );
    let site = format!(
        "[mirrors]\ndebian = [\"file://{}\"]\n",
        tiny.path("archive").display()
    );
    tiny.write("site.toml", &site);
    tiny.write(
        "recipes/ready.toml",
        &format!("description = \"x\"\nextends = [\"tiny\"]\n{recipe}[sysroot]\nsuite = \"test-suite\"\npolicy = \"pin\"\n"),
    );
    tiny
}

#[test]
fn packages_are_planned_from_the_lock_alone_and_unpacked() {
    let tiny = tiny(
        &[KERNEL, TOOL],
        "[kernel]\npackage = \"linux-image-6.1-x\"\nfragments = []\n",
    );
    tiny.replace(
        "recipes/ready.toml",
        "[sysroot]\n",
        "[sysroot]\npackages = [\"tool\"]\n",
    );
    let before = tiny.fingerprint();
    let plan = tiny.json("plan ready");
    let names: Vec<&str> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"sysroot") && !names.contains(&"source-linux"),
        "{names:?}"
    );
    assert_eq!(tiny.fingerprint(), before);
    tiny.ok("build ready");
    assert_eq!(
        tiny.read("out/ready/current/vmlinuz-ready-2.0-1"),
        "a kernel"
    );
    let manifest = tiny.read("out/ready/current/manifest.json");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let text = manifest.to_string();
    // Of a packaged kernel, only modules that are asked for are taken.
    assert!(!text.contains("lib/modules/"), "{text}");
    assert!(text.contains("\"source-version\":\"1\""), "{text}");
    assert_eq!(tiny.json("plan ready")["to_run"], 0);
}

#[test]
fn two_packages_with_the_same_file_fail_by_name() {
    let other: Sample<'_> = ("other", &[("./usr/bin/tool", "another tool")]);
    let tiny = tiny(&[KERNEL, other, TOOL], PACKAGED);
    tiny.replace(
        "recipes/ready.toml",
        "[sysroot]\n",
        "[sysroot]\npackages = [\"tool\", \"other\"]\n",
    );
    let said = tiny.fails(5, "build ready");
    assert!(
        said.contains("the packages other and tool have different files /usr/bin/tool"),
        "{said}"
    );
}

#[test]
fn a_list_that_the_lock_does_not_know_is_not_built_from() {
    let tiny = tiny(&[TOOL], "");
    tiny.replace(
        "recipes/ready.toml",
        "[sysroot]\n",
        "[sysroot]\npackages = [\"tool\", \"more\"]\n",
    );
    let said = tiny.fails(5, "plan ready");
    assert!(
        said.contains("nothing for the recipe's [sysroot] yet"),
        "{said}"
    );
    let said = tiny.fails(5, "build ready");
    assert!(
        said.contains("the recipe pins the sysroot of test-suite for amd64"),
        "{said}"
    );
}

#[test]
fn what_is_missing_and_in_the_sysroot_is_shown_at_the_recipes_line() {
    let tiny = tiny(
        &[KERNEL, TOOL],
        &format!(
            "{PACKAGED}[sources.mine]\nkind = \"directory\"\npath = \"mine\"\n[copy.own]\nfrom = [\"mine\"]\nfiles = [\n  \"/opt/script\",\n]\n"
        ),
    );
    tiny.replace(
        "recipes/ready.toml",
        "[sysroot]\n",
        "[sysroot]\npackages = [\"tool\"]\n",
    );
    tiny.write("mine/opt/script", "#!/bin/tool\n");
    let executable = std::fs::Permissions::from_mode(0o755);
    fs_err::set_permissions(tiny.path("mine/opt/script"), executable).unwrap();
    let said = tiny.fails(3, "build ready");
    for words in [
        "recipes/ready.toml:12:3",
        "/opt/script needs the interpreter `/bin/tool`",
        "which needs the interpreter `/bin/tool`; it is not there; `sysroot` has it",
        "hint: `sysroot` has it: take from there, too, by `from = [\"mine\", \"sysroot\"]` in [copy.own]",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    tiny.replace(
        "recipes/ready.toml",
        "[\"mine\"]",
        "[\"mine\", \"sysroot\"]",
    );
    tiny.ok("build ready");
}

#[test]
fn any_update_takes_out_what_no_recipe_asks_for_once_all_can_be_read() {
    let tiny = tiny(&[KERNEL, TOOL], PACKAGED);
    let recipe = tiny.read("recipes/ready.toml");
    let asks = recipe.replace("[sysroot]\n", "[sysroot]\npackages = [\"tool\"]\n");
    tiny.write("recipes/ready.toml", &asks);
    let lock = tiny.read("recipes/sources.lock");
    tiny.ok("update tiny");
    tiny.write("recipes/ready.toml", "description = 1\n");
    let ran = tiny.run("update tiny");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(
        ran.stderr.contains("the recipe ready has mistakes"),
        "{ran:#?}"
    );
    assert_eq!(tiny.read("recipes/sources.lock"), lock);
    tiny.write("recipes/ready.toml", &recipe);
    assert!(tiny.ok("update tiny").contains("which no recipe asks for"));
    assert!(!tiny.read("recipes/sources.lock").contains("[[sysroot]]"));
}
