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

fn dpkg_deb(option: &str, deb: &Path, more: &[&str]) -> String {
    let tool = Tool::new("dpkg-deb").env("TZ", "UTC").arg(option).arg(deb);
    tool.args(more).read().unwrap()
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
    let deb = deb(tree(), Format::None);
    let ours = written(&deb, folder.path());
    let root = folder.path().join("root");
    fs_err::create_dir(&root).unwrap();
    laid_out(&deb, &archive::control(&ours).unwrap(), &root);
    let sums = dpkg_deb("--info", &ours, &["md5sums"]);
    fs_err::write(root.join("DEBIAN/md5sums"), sums).unwrap();
    // Directories are made by whatever umask there is.
    for (mode, path) in [("go-w", ""), ("1777", "var/empty")] {
        let tool = Tool::new("chmod").args(["-R", mode]);
        tool.arg(root.join(path)).run().unwrap();
    }
    let theirs = folder.path().join("theirs.deb");
    Tool::new("dpkg-deb")
        .args(["--root-owner-group", "-Znone", "--build"])
        .args([&root, &theirs])
        .env("SOURCE_DATE_EPOCH", deb.mtime.to_string())
        .run()
        .unwrap();
    let [ours, theirs] = [ours, theirs].map(|path| fs_err::read(path).unwrap());
    let at = ours
        .iter()
        .zip(&theirs)
        .position(|(one, other)| one != other);
    assert!(ours == theirs, "they differ at {at:?}");
}

#[test]
fn dpkg_reads_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let deb = deb(tree(), format);
        let path = written(&deb, folder.path());
        assert_eq!(path.file_name().unwrap(), "example_1.0~rc1+b-1_all.deb");
        for (field, value) in [("Version", "2:1.0~rc1+b-1"), ("XB-Odd", "kept")] {
            assert_eq!(dpkg_deb("--field", &path, &[field]).trim(), value);
        }
        let contents = dpkg_deb("--contents", &path, &[]);
        let line = |name: &str| contents.lines().find(|line| line.ends_with(name));
        let mtime = "2023-11-14 22:13";
        assert_eq!(
            line("./usr/bin/-program").unwrap(),
            format!("-rwxr-xr-x root/root        10 {mtime} ./usr/bin/-program")
        );
        assert!(
            line("./var/empty/")
                .unwrap()
                .starts_with("drwxrwxrwt root/root ")
        );
        assert!(contents.contains("-rwsr-sr-x"), "{contents}");
        assert!(
            line("./usr/lib/x.so -> x/data")
                .unwrap()
                .starts_with("lrwxrwxrwx root/root ")
        );
    }
}

#[test]
fn what_dpkg_unpacks_has_the_digests_that_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let deb = deb(tree(), Format::Xz);
    let path = written(&deb, folder.path());
    let to = folder.path().join("to");
    dpkg_deb("--extract", &path, &[&to.to_string_lossy()]);
    let sums = dpkg_deb("--info", &path, &["md5sums"]);
    assert!(!sums.contains("etc/x.conf"), "dpkg looks after it: {sums}");
    let files = |entry: &&Entry| matches!(entry.node, Node::File(_));
    let count = deb
        .files
        .iter()
        .map(|(_, entry)| entry)
        .filter(files)
        .count();
    assert_eq!(sums.lines().count(), count - 1);
    let check = Tool::new("md5sum").args(["--check", "--strict", "--quiet"]);
    check.folder(&to).stdin(sums).run().unwrap();
}

#[test]
fn our_own_reader_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = written(&deb(tree(), format), folder.path());
        let control = deb822::parse(&archive::control(&path).unwrap()).unwrap();
        let names: Vec<&str> = control[0].fields().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "Package",
                "Version",
                "Architecture",
                "Maintainer",
                "Installed-Size",
                "Depends",
                "Description",
                "XB-Odd"
            ]
        );
        let to = folder.path().join(format.suffix());
        let done = archive::unpack_deb(&path, &to.join("x")).unwrap();
        let links = |entry: &&Entry| !matches!(entry.node, Node::Directory);
        let all = tree();
        assert_eq!(
            done.files,
            all.iter().map(|(_, entry)| entry).filter(links).count() as u64
        );
    }
}

#[test]
fn installed_size_is_that_of_dpkg_gencontrol() {
    let folder = tempfile::tempdir().unwrap();
    let deb = deb(tree(), Format::None);
    let root = folder.path().join("debian/example");
    laid_out(&deb, "", &root);
    fs_err::remove_dir_all(root.join("DEBIAN")).unwrap();
    let source =
        "Source: s\nMaintainer: J <j@x.y>\n\nPackage: example\nArchitecture: all\nDescription: x\n";
    fs_err::write(folder.path().join("debian/control"), source).unwrap();
    let log =
        "s (1) unstable; urgency=low\n\n  * x\n\n -- J <j@x.y>  Thu, 01 Jan 1970 00:00:09 +0000\n";
    fs_err::write(folder.path().join("debian/changelog"), log).unwrap();
    let said = Tool::new("dpkg-gencontrol")
        .args(["-Pdebian/example", "-O"])
        .folder(folder.path());
    let said = deb822::parse(&said.read().unwrap()).unwrap();
    let path = written(&deb, folder.path());
    let size = dpkg_deb("--field", &path, &["Installed-Size"]);
    assert_eq!(said[0].get("Installed-Size"), Some(size.trim()));
}

#[test]
fn the_same_package_is_the_same_bytes_and_for_everybody_to_read() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let deb = deb(tree(), format);
        let one = written(&deb, &folder.path().join("one"));
        let other = written(&deb, &folder.path().join("other"));
        assert!(fs_err::read(&one).unwrap() == fs_err::read(other).unwrap());
        assert_eq!(
            fs_err::metadata(&one).unwrap().permissions().mode() & 0o777,
            0o644
        );
        assert_eq!(
            fs_err::read_dir(folder.path().join("one")).unwrap().count(),
            1
        );
    }
}

#[test]
fn what_no_package_can_hold_is_refused() {
    let with = |path: &str, entry: Entry| {
        let mut files = FileTree::default();
        files.add(path.parse().unwrap(), entry).unwrap();
        deb(files, Format::Xz)
    };
    let device = Node::Device {
        device: DeviceKind::Character,
        major: 1,
        minor: 3,
    };
    let text = || Entry::file("x", false, origin());
    let cases = [
        (with("a\nb", text()), "two lines"),
        (
            with("dev/null", Entry::new(device, 0o666, origin())),
            "neither file",
        ),
        (
            with(
                "home/x",
                Entry {
                    uid: 1000,
                    ..text()
                },
            ),
            "belong to root",
        ),
        (
            with("etc/y.conf", text()),
            "conffiles names \"/etc/x.conf\"",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("x.deb");
    fs_err::write(&to, "as it was").unwrap();
    for (deb, said) in cases {
        let failure = deb.write(&to).unwrap_err();
        assert!(failure.to_string().contains(said), "{failure}");
        assert_eq!(failure.kind, Kind::Recipe);
    }
    assert_eq!(fs_err::read_to_string(&to).unwrap(), "as it was");
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn mistakes_in_control_fields_are_all_told() {
    let deb = Deb {
        control: Stanza::default()
            .with("Package", "Example")
            .with("Version", "1_2")
            .with("Architecture", "any")
            .with("Maintainer", "nobody")
            .with("Depends", "a b")
            .with("Source", "x (1")
            .with("Homepage", "https://example.org\nX: y"),
        ..deb(FileTree::default(), Format::Xz)
    };
    let failure = deb.file_name().unwrap_err();
    let fields: Vec<&str> = failure
        .notes
        .iter()
        .map(|note| note.split(':').next().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "it has no Description",
            "Package",
            "Version",
            "Architecture",
            "Maintainer",
            "Depends",
            "Source",
            "Homepage"
        ]
    );
}

#[test]
fn maintainer_scripts_are_programs_that_dpkg_knows() {
    let mut deb = deb(tree(), Format::Xz);
    deb.scripts
        .insert("postint".to_owned(), "#!/bin/sh\n".to_owned());
    deb.scripts.insert("prerm".to_owned(), "true\n".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let failure = deb.write(&folder.path().join("x.deb")).unwrap_err();
    assert!(failure.to_string().contains("postint"), "{failure}");
    assert!(
        failure.to_string().contains("prerm does not begin"),
        "{failure}"
    );
}
