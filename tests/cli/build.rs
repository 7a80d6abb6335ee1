//! `plan`, `build`, `switch`: the same bytes every time, nothing done twice.

use crate::support::{Tiny, fingerprint};

#[test]
fn planning_writes_nothing() {
    let tiny = Tiny::new();
    let before = tiny.fingerprint();
    let plan = tiny.json("plan tiny");
    assert_eq!(plan["to_run"], 9);
    tiny.ok("explain tiny");
    tiny.ok("show tiny");
    tiny.ok("build tiny --dry-run");
    assert_eq!(tiny.fingerprint(), before);
}

#[test]
fn a_build_makes_a_bundle_and_the_next_one_nothing() {
    let tiny = Tiny::new();
    assert_eq!(tiny.ok("build tiny"), "tiny 2.0-1: built: out/tiny/2.0-1\n");
    for file in [
        "pxelinux.0",
        "ldlinux.c32",
        "chain.c32",
        "libutil.c32",
        "libcom32.c32",
        "vmlinuz-tiny-2.0-1",
        "initramfs-tiny-2.0-1.img",
        "pxelinux.cfg/default",
        "manifest.json",
        "SHA256SUMS",
    ] {
        assert!(
            tiny.path(&format!("out/tiny/current/{file}")).is_file(),
            "{file}"
        );
    }
    assert!(
        !tiny.path("out/tiny/current/menu.c32").exists(),
        "nobody needs menu.c32"
    );
    assert_eq!(tiny.json("plan tiny")["to_run"], 0);
    let before = tiny.fingerprint();
    assert_eq!(
        tiny.ok("build tiny"),
        "tiny 2.0-1: nothing to do: out/tiny/2.0-1\n"
    );
    assert_eq!(
        tiny.fingerprint(),
        before,
        "a build with nothing to do writes nothing"
    );
}

#[test]
fn a_changed_overlay_leaves_what_is_ready_made_alone() {
    let tiny = Tiny::new();
    let recipe = tiny.read("recipes/tiny.toml");
    let copy = "[copy.loader]\nfrom = [\"pxelinux\"]\nfiles = [\"/usr/lib/PXELINUX/*\"]\n";
    tiny.write("recipes/tiny.toml", &format!("{recipe}\n{copy}"));
    let first = tiny.json("build tiny");
    let ran = first[0]["ran"].as_array().unwrap();
    assert!(ran.contains(&"system".into()), "{first}");
    tiny.write("overlays/base/etc/motd", "hello\n");
    assert_eq!(
        tiny.json("build tiny")[0]["ran"],
        serde_json::json!(["initramfs", "bundle"])
    );
}

#[test]
fn two_checkouts_build_the_same_bytes() {
    let bundle = |tiny: &Tiny| {
        tiny.ok("build tiny");
        fingerprint(&tiny.path("out/tiny/2.0-1"))
    };
    let (one, other) = (Tiny::new(), Tiny::new());
    assert_eq!(bundle(&one), bundle(&other));
}

#[test]
fn the_stamps_are_the_changelogs() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    let manifest: serde_json::Value =
        serde_json::from_str(&tiny.read("out/tiny/current/manifest.json")).unwrap();
    assert_eq!(manifest["version"], "2.0-1");
    let made_from = &manifest["made_from"];
    assert!(
        made_from["files"]["recipes/tiny.toml"].is_string()
            && made_from["files"]["debian/changelog"].is_string()
    );
    assert_eq!(
        made_from["steps"]["kernel"]["definition"]["environment"]["KBUILD_BUILD_VERSION"],
        "1"
    );
    assert_eq!(manifest["date"], "2026-11-19T12:00:00Z");
    assert_eq!(manifest["kernel"], "6.1.0-tiny-2.0-1");
    let kernel = tiny.read("out/tiny/current/vmlinuz-tiny-2.0-1");
    assert!(
        kernel.contains("KBUILD_BUILD_TIMESTAMP=Thu Nov 19 12:00:00 UTC 2026"),
        "{kernel}"
    );
    assert!(kernel.contains("KBUILD_BUILD_HOST=cordwainer"), "{kernel}");
}

#[test]
fn going_back_is_one_command() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    tiny.replace("debian/changelog", "1:2.0-1", "1:2.1-1");
    tiny.ok("build tiny");
    assert_eq!(tiny.ok("switch tiny"), "  2.0-1\n* 2.1-1\n");
    assert_eq!(tiny.ok("switch tiny 2.0-1"), "* 2.0-1\n  2.1-1\n");
    assert!(tiny.path("out/tiny/current/vmlinuz-tiny-2.0-1").is_file());
    let said = tiny.ok("build tiny");
    assert!(
        said.contains("current is 2.0-1"),
        "going back holds until something is built: {said}"
    );
    let said = tiny.fails(2, "switch tiny 3.0");
    assert!(said.contains("there is no bundle of version 3.0"), "{said}");
}

#[test]
fn a_bundle_altered_by_hand_is_put_right() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    tiny.write("out/tiny/2.0-1/pxelinux.cfg/default", "altered");
    assert!(tiny.ok("build tiny").contains("put back"));
    assert_ne!(tiny.read("out/tiny/2.0-1/pxelinux.cfg/default"), "altered");
}

/// Path → reason, of everything in the initramfs.
fn listing(tiny: &Tiny) -> serde_json::Value {
    let manifest: serde_json::Value =
        serde_json::from_str(&tiny.read("out/tiny/current/manifest.json")).unwrap();
    manifest["initramfs"].clone()
}

#[test]
fn everything_in_the_image_has_a_reason() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    let listing = listing(&tiny);
    let reason = |path: &str| {
        listing[path]["origin"]["kind"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    };
    assert_eq!(reason("/etc/inittab"), "overlay");
    assert_eq!(
        reason("/etc/image-release"),
        "overlay",
        "templates lose their suffix"
    );
    assert_eq!(reason("/bin/busybox"), "built");
    assert_eq!(reason("/usr/bin/wget"), "applet");
    assert_eq!(reason("/dev/console"), "recipe");
    assert_eq!(reason("/usr"), "parent");
    assert_eq!(reason("/init"), "generated");
    assert_eq!(reason("/sbin/tiny-image-info"), "generated");
}

#[test]
fn modules_go_into_the_image_when_the_kernel_has_any() {
    let tiny = Tiny::new();
    tiny.write("kernel-configs/net.config", "CONFIG_NET=y\nCONFIG_INET=m\n");
    tiny.ok("build tiny");
    let listing = listing(&tiny);
    let folder = "/lib/modules/6.1.0-tiny-2.0-1";
    assert_eq!(
        listing[format!("{folder}/kernel/inet.ko")]["origin"]["kind"],
        "built"
    );
    assert!(
        listing[format!("{folder}/build")].is_null(),
        "a link to where it was built means nothing in an image"
    );
}

#[test]
fn tools_have_no_network_and_share_the_job_budget() {
    let tiny = Tiny::new();
    tiny.ok("build tiny --jobs 3");
    let kernel = tiny.read("out/tiny/current/vmlinuz-tiny-2.0-1");
    let mut lines = kernel.lines().skip(1);
    assert_eq!(
        lines.next(),
        Some("1"),
        "the loopback interface is the only one"
    );
    let flags = lines.next().unwrap();
    assert_eq!(flags, "--jobserver-auth=,");
}
