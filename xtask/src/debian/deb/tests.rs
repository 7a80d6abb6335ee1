//! Packages are what dpkg makes of the same files, and what it and our own reader read.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{Compression, Deb, Format};
use crate::archive;
use crate::debian::deb822::{self, Stanza};
use crate::failure::Kind;
use crate::image::tree::{DeviceKind, Entry, FileTree, Node, Origin};
use crate::tool::Tool;

const FORMATS: [Format; 4] = [Format::None, Format::Gzip, Format::Xz, Format::Zstd];

fn origin() -> Origin {
    Origin::Generated {
        what: "a test".to_owned(),
    }
}

/// What is hard on writers of tar archives: names and targets of every length about the limits, set-id bits, odd letters.
fn tree() -> FileTree {
    let mut tree = FileTree::default();
    let mut add = |path: &str, entry: Entry| tree.add(path.parse().unwrap(), entry).unwrap();
    let text = |text: &str| Entry::file(text, false, origin());
    add("usr/lib/x/data", text("data\n"));
    add("usr/lib/x-y/data", text(""));
    add("usr/lib/x.z", text(&"z".repeat(512)));
    add(
        "usr/bin/-program",
        Entry::file("#!/bin/sh\n", true, origin()),
    );
    add(
        "usr/bin/set id ä",
        Entry {
            mode: 0o6755,
            ..text("s")
        },
    );
    add(
        "var/empty",
        Entry {
            mode: 0o1777,
            ..Entry::directory(origin())
        },
    );
    add("etc/x.conf", text("a = b\n"));
    add("usr/lib/x.so", Entry::symlink("x/data", origin()));
    add("usr/link", Entry::symlink("/absolute", origin()));
    // With `./` in front, and `/` behind directories.
    for length in [97, 98, 99, 100, 153, 200, 255] {
        add(&format!("long/{}", "l".repeat(length - 5)), text("long"));
        add(&format!("dir/{}/x", "d".repeat(length - 4)), text("long"));
        let target = "t".repeat(length);
        add(&format!("links/{length}"), Entry::symlink(target, origin()));
    }
    add(&format!("deep/{}x", "deeper/".repeat(60)), text("deep"));
    tree
}

fn control() -> Stanza {
    Stanza::default()
        .with("Architecture", "all")
        .with("Package", "example")
        .with("Version", "2:1.0~rc1+b-1")
        .with(
            "Description",
            "an example\nin two paragraphs,\n\nthis being one",
        )
        .with("Depends", "dpkg (>= 1.20), apt | aptitude")
        .with("Maintainer", "Jane Doe <jane@example.org>")
        .with("XB-Odd", "kept")
}

fn deb(files: FileTree, format: Format) -> Deb {
    let script = |text: &str| format!("#!/bin/sh\nset -e\n{text}\n");
    let scripts = [
        ("postinst", script("true")),
        ("prerm", script("true")),
        ("triggers", "interest-noawait /usr/lib/x\n".to_owned()),
        ("conffiles", "/etc/x.conf\n".to_owned()),
    ];
    Deb {
        control: control(),
        scripts: scripts.map(|(name, text)| (name.to_owned(), text)).into(),
        files,
        mtime: 1_700_000_000,
        compression: Compression {
            format,
            level: None,
        },
    }
}

fn written(deb: &Deb, folder: &Path) -> std::path::PathBuf {
    let path = folder.join(deb.file_name().unwrap());
    deb.write(&path).unwrap();
    path
}

fn dpkg_deb(args: &[&str], deb: &Path) -> String {
    let mut tool = Tool::new("dpkg-deb").env("TZ", "UTC");
    tool = tool.args(args).arg(deb);
    tool.read().unwrap()
}

/// Puts a tree and the control files on the disk, as `dpkg-deb --build` wants them.
fn laid_out(deb: &Deb, control: &str, folder: &Path) {
    for (path, entry) in deb.files.iter() {
        let place = folder.join(path.as_str());
        fs_err::create_dir_all(place.parent().unwrap()).unwrap();
        match &entry.node {
            Node::Symlink { target } => symlink(target, &place).unwrap(),
            Node::Directory => fs_err::create_dir_all(&place).unwrap(),
            Node::File(content) => {
                content
                    .copy_to(&mut fs_err::File::create(&place).unwrap())
                    .unwrap();
            }
            node => panic!("{node:?}"),
        }
        if !matches!(entry.node, Node::Symlink { .. }) {
            let mode = std::fs::Permissions::from_mode(entry.mode);
            fs_err::set_permissions(&place, mode).unwrap();
        }
    }
    let debian = folder.join("DEBIAN");
    fs_err::create_dir_all(&debian).unwrap();
    fs_err::write(debian.join("control"), control).unwrap();
    for (name, text) in &deb.scripts {
        fs_err::write(debian.join(name), text).unwrap();
        let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
        fs_err::set_permissions(debian.join(name), PermissionsExt::from_mode(mode)).unwrap();
    }
}

#[test]
fn the_bytes_are_those_of_dpkg_deb() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::None, Format::Xz] {
        let deb = deb(tree(), format);
        let ours = written(&deb, folder.path());
        let build = tempfile::tempdir().unwrap();
        let root = build.path().join("root");
        fs_err::create_dir(&root).unwrap();
        laid_out(&deb, &archive::control(&ours).unwrap(), &root);
        let sums = folder.path().join("sums");
        dpkg_deb(&["--ctrl-tarfile"], &ours);
        fs_err::write(&sums, dpkg_deb(&["--info"], &ours)).unwrap();
        let md5sums = Tool::new("dpkg-deb")
            .arg("--info")
            .arg(&ours)
            .arg("md5sums");
        fs_err::write(root.join("DEBIAN/md5sums"), md5sums.read().unwrap() + "\n").unwrap();
        let theirs = build.path().join("theirs.deb");
        // Directories are made by whatever umask there is.
        Tool::new("chmod")
            .args(["-R", "go-w"])
            .arg(&root)
            .run()
            .unwrap();
        Tool::new("chmod")
            .arg("1777")
            .arg(root.join("var/empty"))
            .run()
            .unwrap();
        let name = ["none", "xz"][usize::from(format == Format::Xz)];
        Tool::new("dpkg-deb")
            .args(["--root-owner-group", "-z6", &format!("-Z{name}"), "--build"])
            .args([&root, &theirs])
            .env("SOURCE_DATE_EPOCH", deb.mtime.to_string())
            .run()
            .unwrap();
        let (ours, theirs) = (fs_err::read(&ours).unwrap(), fs_err::read(&theirs).unwrap());
        let at = ours
            .iter()
            .zip(&theirs)
            .position(|(one, other)| one != other);
        assert!(
            ours == theirs,
            "{name}: {} and {} bytes differ at {at:?}",
            ours.len(),
            theirs.len()
        );
    }
}
