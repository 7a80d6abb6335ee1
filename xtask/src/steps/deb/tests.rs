//! What becomes of folders with templates.

use super::*;
use crate::failure::Kind;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    folder
}

const CONTROL: (&str, &str) = (
    "control.hbs",
    "Package: {{package}}\nVersion: {{version}}\nArchitecture: all\nMaintainer: {{maintainer}}\n{{#if built_using}}\nBuilt-Using: {{built_using}}\n{{/if}}\nDescription: x\n{{#each description}}\n .\n {{this}}\n{{/each}}\n",
);

fn made(files: &[(&str, &str)]) -> Result<crate::debian::deb::Deb> {
    let log = folder(&[(
        "changelog",
        "s (1:2~rc1) unstable; urgency=low\n\n  * x\n\n -- M <m@x.y>  Thu, 01 Jan 1970 00:00:09 +0000\n",
    )]);
    let changelog = Changelog::read(&log.path().join("changelog"))?;
    let variables = Variables {
        package: "example".to_owned(),
        version: "1:2~rc1".to_owned(),
        maintainer: "M <m@x.y>".to_owned(),
        description: description::paragraphs(&["one\n\ntwo"]),
        ..Variables::default()
    };
    let documents = Documents {
        changelog: &changelog,
        copyright: "mine".to_owned(),
        readme: None,
    };
    let folder = folder(files);
    let folder = Folder::at("debian/x", folder.path().to_owned());
    folder.package(&variables, &documents, FileTree::default())
}

#[test]
fn everything_goes_where_a_package_has_it() {
    let deb = made(&[
        CONTROL,
        ("postinst", "#!/bin/sh\n"),
        ("README.Debian.hbs", "Of {{package}}.\n"),
        ("README.md", "for us\n"),
        ("triggers.hbs", "{{#if message}}x{{/if}}\n"),
        ("lintian-overrides.hbs", "{{package}}: x\n"),
        ("files/usr/share/man/man8/x.8", ".TH X 8\n"),
        ("files/usr/sbin/x", "#!/bin/sh\n"),
    ])
    .unwrap();
    let files = deb
        .files
        .iter()
        .filter(|(_, entry)| entry.node != crate::image::tree::Node::Directory);
    let paths: Vec<&str> = files.map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "usr/sbin/x",
            "usr/share/doc/example/README.Debian",
            "usr/share/doc/example/changelog.gz",
            "usr/share/doc/example/copyright",
            "usr/share/lintian/overrides/example",
            "usr/share/man/man8/x.8.gz",
        ]
    );
    assert_eq!(deb.scripts.keys().collect::<Vec<_>>(), ["postinst"]);
    assert_eq!(
        (deb.file_name().unwrap().as_str(), deb.mtime),
        ("example_2~rc1_all.deb", 9)
    );
    assert_eq!(deb.control.get("Description"), Some("x\none\n\ntwo"));
    assert_eq!(deb.control.get("Built-Using"), None);
}

#[test]
fn a_document_of_the_folder_wins_over_the_common_one() {
    let deb = made(&[CONTROL, ("copyright", "its own")]).unwrap();
    let entry = deb
        .files
        .get(&"usr/share/doc/example/copyright".parse().unwrap())
        .unwrap();
    assert_eq!(entry.node, crate::image::tree::Node::File("its own".into()));
}

#[test]
fn what_nobody_knows_is_a_mistake() {
    for (files, said) in [
        (
            vec![CONTROL, ("postint", "")],
            "nothing is known of debian/x/postint",
        ),
        (
            vec![CONTROL, ("etc/x", "")],
            "nothing is known of debian/x/etc",
        ),
        (vec![], "debian/x/control is wrong"),
        (
            vec![("control", "Package")],
            "line 1 of what it says is no field",
        ),
        (vec![("control", "A: b\n\nC: d\n")], "not one stanza"),
        (
            vec![("control.hbs", "A: {{b}}\n")],
            "template debian/x/control.hbs is wrong",
        ),
    ] {
        let failure = made(&files).unwrap_err();
        assert!(failure.what.contains(said), "{failure}");
        assert_eq!(failure.kind, Kind::Recipe, "{failure}");
    }
}

#[test]
fn a_version_is_a_part_of_a_name() {
    assert_eq!(in_name("0.1.0-1"), "0.1.0-1");
    assert_eq!(in_name("2~RC1+b%3a"), "2-rc1+b-3a");
}
