//! `explain`: why something would be built again.

use crate::support::Tiny;

fn explained(change: impl Fn(&Tiny), step: &str) -> String {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    change(&tiny);
    tiny.ok(&format!("explain tiny {step}"))
}

#[test]
fn nothing_changed() {
    assert_eq!(
        explained(|_| {}, "kernel"),
        "kernel: nothing changed, and its result is there\n"
    );
}

#[test]
fn a_changed_fragment_is_named() {
    let said = explained(
        |tiny| tiny.write("kernel-configs/net.config", "CONFIG_NET=y\n"),
        "kernel",
    );
    assert!(
        said.starts_with("kernel: changed\n  the content of kernel-configs/net.config: "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[test]
fn what_follows_from_a_change_names_the_step() {
    let said = explained(
        |tiny| tiny.write("kernel-configs/net.config", "CONFIG_NET=y\n"),
        "bundle",
    );
    assert_eq!(said, "bundle: changed, because of initramfs, kernel\n");
}

#[test]
fn changes_in_an_overlay_are_told_file_by_file() {
    let change = |tiny: &Tiny| {
        tiny.write("overlays/base/etc/motd", "hello\n");
        fs_err::remove_file(tiny.path("overlays/base/etc/image-release.hbs")).unwrap();
        let script = tiny.path("overlays/base/sbin/image-info.hbs");
        fs_err::set_permissions(script, std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .unwrap();
    };
    let said = explained(change, "initramfs");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "initramfs: changed");
    assert!(
        lines[1].starts_with("  overlays/base/etc/image-release.hbs: a file ("),
        "{said}"
    );
    assert!(lines[1].ends_with(") -> (nothing)"), "{said}");
    assert!(
        lines[2].starts_with("  overlays/base/etc/motd: (nothing) -> a file ("),
        "{said}"
    );
    assert!(
        lines[3].starts_with("  overlays/base/sbin/image-info.hbs: an executable ("),
        "{said}"
    );
    assert_eq!(lines.len(), 4, "{said}");
}

#[test]
fn a_changed_overlay_changes_the_image_alone() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    tiny.write("overlays/base/etc/motd", "hello\n");
    // What is no part of an overlay changes nothing.
    tiny.write("overlays/base/etc/motd~", "backup\n");
    let plan = tiny.json("plan tiny");
    let missing: Vec<&str> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["state"] == "miss")
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(missing, ["initramfs", "bundle"]);
}

#[test]
fn an_unknown_step_gets_a_suggestion() {
    let said = Tiny::new().fails(2, "explain tiny kernal");
    assert!(said.contains("did you mean `kernel`?"), "{said}");
}
