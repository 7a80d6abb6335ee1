//! `deb`: packages of the stand-in's bundle, as dpkg sees them.

use std::path::{Path, PathBuf};

use xtask::tool::Tool;

use crate::support::{Tiny, copy, project};

/// The stand-in, with the templates of this project.
pub(crate) fn tiny() -> Tiny {
    let tiny = Tiny::new();
    for folder in ["image", "server", "netboot-images"].map(|name| format!("debian/{name}")) {
        copy(&project().join(&folder), &tiny.root().join(&folder));
    }
    let copyright = fs_err::read_to_string(project().join("debian/copyright")).unwrap();
    tiny.write("debian/copyright", &copyright);
    tiny
}

/// What `deb` leaves, sorted by name.
pub(crate) fn packages(tiny: &Tiny) -> Vec<PathBuf> {
    let value = tiny.json("deb tiny");
    let files = value[0]["files"].as_array().unwrap().iter();
    let name = |file: &serde_json::Value| {
        let path = file["file"].as_str().unwrap();
        path.rsplit('/').next().unwrap().to_owned()
    };
    let folder = tiny.root().join("out/tiny/packages/2.0-1");
    files.map(|file| folder.join(name(file))).collect()
}

/// Unpacks the package of the image, and returns the folder of its version.
fn installed(tiny: &Tiny, to: &Path) -> PathBuf {
    let image = &packages(tiny)[0];
    Tool::new("dpkg-deb")
        .arg("--extract")
        .args([image.as_path(), to])
        .run()
        .unwrap();
    to.join("usr/lib/netboot-images/tiny/2.0-1")
}

fn field(package: &Path, name: &str) -> String {
    let tool = Tool::new("dpkg-deb").arg("--field").arg(package).arg(name);
    tool.read().unwrap().trim().to_owned()
}

#[test]
fn three_packages_are_written_where_they_are_looked_for() {
    let tiny = tiny();
    let first = tiny.ok("deb tiny");
    let lines: Vec<&str> = first.lines().collect();
    assert_eq!(lines[0], "tiny 2.0-1: written: out/tiny/packages/2.0-1");
    let words = lines[1..]
        .iter()
        .map(|line| line.trim().split_once('_').unwrap());
    let names: Vec<&str> = words.map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "netboot-image-tiny-2.0-1",
            "netboot-images",
            "tiny-pxe-server"
        ]
    );
    assert!(tiny.ok("deb tiny").starts_with("tiny 2.0-1: nothing to do"));
    fs_err::remove_file(&packages(&tiny)[1]).unwrap();
    assert!(tiny.ok("deb tiny").contains("written, in place of"));
}

#[test]
fn the_helper_is_the_same_whoever_answers_for_the_image() {
    let tiny = tiny();
    let bytes = || fs_err::read(&packages(&tiny)[1]).unwrap();
    let before = bytes();
    let recipe = fs_err::read_to_string(tiny.path("recipes/tiny.toml")).unwrap();
    let other = "[package]\nmaintainer = \"Other <other@example.org>\"\nhomepage = \"https://example.org\"\n";
    tiny.write("recipes/tiny.toml", &format!("{recipe}\n{other}"));
    assert_eq!(
        field(&packages(&tiny)[2], "Maintainer"),
        "Other <other@example.org>"
    );
    assert!(bytes() == before, "the helper's package is another one");
}

#[test]
fn fields_say_what_apt_has_to_know() {
    let tiny = tiny();
    tiny.replace(
        "recipes/tiny.toml",
        "[kernel]",
        "[package]\nserver = \"lab-server\"\ndepends = [\"ntpsec | chrony\"]\nhomepage = \"https://example.org/\"\n\n[kernel]",
    );
    let files = packages(&tiny);
    let named = |name: &str| {
        files
            .iter()
            .find(|file| file.to_string_lossy().contains(name))
    };
    let [image, server] = ["netboot-image-tiny", "lab-server"].map(|name| named(name).unwrap());
    for (name, expected) in [
        ("Package", "netboot-image-tiny-2.0-1"),
        ("Version", "1:2.0-1"),
        ("Source", "tiny"),
        ("Architecture", "all"),
        ("Maintainer", "Tester <tester@example.org>"),
        ("Depends", "netboot-images"),
        ("Provides", "netboot-image-tiny"),
        ("Homepage", "https://example.org/"),
    ] {
        assert_eq!(field(image, name), expected, "{name}");
    }
    assert!(
        field(image, "Built-Using").contains("glibc (= "),
        "busybox is linked with it"
    );
    assert!(field(image, "Description").ends_with(" .\n A stand-in for tests"));
    assert_eq!(
        field(server, "Depends"),
        "netboot-image-tiny-2.0-1 (= 1:2.0-1), netboot-images, dnsmasq | isc-dhcp-server | kea-dhcp4-server, dnsmasq | tftpd-hpa | atftpd, nginx | httpd, ntpsec | chrony"
    );
    let script = Tool::new("dpkg-deb")
        .arg("--info")
        .arg(server)
        .arg("postinst");
    assert!(
        script
            .read()
            .unwrap()
            .contains("netboot-images setup tiny 2.0-1\n")
    );
}

#[test]
fn menus_lead_from_the_servers_root_to_this_version() {
    let tiny = tiny();
    tiny.replace(
        "recipes/tiny.toml",
        "[bundle]",
        "[bundle]\nmessage = \"hello\"",
    );
    let to = tempfile::tempdir().unwrap();
    let folder = installed(&tiny, to.path());
    let read = |path: &str| fs_err::read_to_string(folder.join(path)).unwrap();
    let menu = read("menus/image");
    for line in [
        "LINUX netboot-images/tiny/2.0-1/vmlinuz-tiny-2.0-1\n",
        "initrd=netboot-images/tiny/2.0-1/initramfs-tiny-2.0-1.img ",
        "DISPLAY netboot-images/tiny/2.0-1/message.txt\n",
    ] {
        assert!(menu.contains(line), "{menu}");
    }
    assert_eq!(read("menus/default"), menu);
    assert_eq!(
        menu.replace("netboot-images/tiny/2.0-1/", ""),
        read("pxelinux.cfg/image")
    );
    for name in ["localboot", "chain"] {
        assert!(folder.join("menus").join(name).is_file(), "{name}");
    }
}

#[test]
fn the_list_of_digests_has_every_file_of_the_version() {
    let tiny = tiny();
    let to = tempfile::tempdir().unwrap();
    let folder = installed(&tiny, to.path());
    let check = Tool::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]);
    let checked = check.folder(&folder).read().unwrap();
    let files = walkdir::WalkDir::new(&folder)
        .into_iter()
        .map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file()).count();
    assert_eq!(checked.lines().count(), files - 1, "{checked}");
}

#[test]
fn neither_umask_nor_time_zone_nor_place_changes_a_byte() {
    let bytes = |tiny: &Tiny| {
        let files = packages(tiny);
        files
            .iter()
            .map(|file| fs_err::read(file).unwrap())
            .collect::<Vec<_>>()
    };
    let here = tiny();
    let there = tiny();
    let script = format!(
        "umask 077; TZ=Asia/Tokyo exec {} deb tiny",
        env!("CARGO_BIN_EXE_xtask")
    );
    let ran = there.finish(&mut there.other("sh", ["-c", &script]));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(bytes(&here) == bytes(&there));
}

#[test]
fn what_is_not_released_is_made_with_a_warning_and_refused_for_release() {
    let tiny = tiny();
    tiny.ok("deb tiny --release");
    tiny.replace("debian/changelog", "unstable", "UNRELEASED");
    let ran = tiny.run("deb tiny");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let said = "tiny is not released: the newest entry of debian/changelog is for UNRELEASED";
    assert!(ran.stderr.contains(said), "{ran:#?}");
    assert_eq!(tiny.json("deb tiny")[0]["unreleased"], true);
    assert!(tiny.fails(3, "deb tiny --release").contains(said));
}

#[test]
fn a_dry_run_shows_the_step_and_writes_nothing() {
    let tiny = tiny();
    let shown = tiny.ok("deb tiny --dry-run");
    assert!(shown.contains("packages"), "{shown}");
    assert!(shown.contains("-> out/tiny/packages/2.0-1"), "{shown}");
    assert!(!tiny.root().join("out").exists());
}

#[test]
fn a_checkout_without_templates_is_told_so() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    let said = tiny.fails(3, "deb tiny");
    assert!(said.contains("there is no folder debian/image"), "{said}");
}

#[test]
fn a_mistake_in_a_template_has_its_place() {
    let tiny = tiny();
    tiny.replace(
        "debian/server/control.hbs",
        "{{maintainer}}",
        "{{maintaner}}",
    );
    let said = tiny.fails(3, "deb tiny");
    assert!(said.contains("debian/server/control.hbs:5:"), "{said}");
    assert!(said.contains("did you mean `maintainer`?"), "{said}");
}

#[test]
fn lintian_finds_nothing_that_is_not_overridden_with_a_reason() {
    if xtask::needs::find("lintian").is_none() {
        let demanded = std::env::var("CORDWAINER_BOOTS").is_ok_and(|value| value == "require");
        assert!(
            !demanded,
            "lintian is not installed: `apt-get install lintian` brings it"
        );
        return;
    }
    let tiny = tiny();
    tiny.replace(
        "recipes/tiny.toml",
        "[bundle]",
        "[bundle]\nmessage = \"hello\"",
    );
    let mut command = tiny.other(
        "lintian",
        ["--pedantic", "--fail-on", "error,warning,pedantic"],
    );
    let ran = tiny.finish(command.args(packages(&tiny)));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:#?}");
}
