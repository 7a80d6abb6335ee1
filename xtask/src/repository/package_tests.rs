//! Control files, hostile ones included.

use proptest::prelude::{any, prop_assert, proptest};

use super::*;
use crate::archive::samples::{self, Tar};
use crate::repository::index;
use crate::tool::Tool;

const NAMES: Names<'_> = Names {
    suite: "stable",
    component: "main",
};

fn read(control: &str) -> Result<String, String> {
    stanza(control, NAMES, &Sum::of(b"x"))
}

#[test]
fn a_control_file_becomes_a_stanza() {
    let control = "Version: 1:2-1\npackage: a\nArchitecture: all\nSize: 7\nDescription: short\n  as it is\n .\n\tlong\nsource: b (3)\nfilename: /etc/passwd\nSHA1: 0\n\n";
    let digest = Digest::of("x");
    assert_eq!(
        read(control).unwrap(),
        format!(
            "Package: a\nVersion: 1:2-1\nArchitecture: all\nSource: b (3)\nFilename: pool/main/b/b/a_2-1_all.deb\nSize: 1\nSHA256: {digest}\nDescription: short\n  as it is\n .\n\tlong"
        )
    );
}

#[test]
fn what_would_be_something_else_in_an_index_is_refused() {
    let fine = "Package: a\nVersion: 1\nArchitecture: all\n";
    for (control, why) in [
        ("Package: a\nArchitecture: all\n", "no Version"),
        ("Package:\nVersion: 1\nArchitecture: all\n", "no Package"),
        (&format!("{fine}\nPackage: b\nVersion: 1\n"), "empty line"),
        (&format!("{fine} \t\nPackage: b\n"), "empty line"),
        (&format!("{fine}\r\n"), ""),
        (&format!("{fine}X: \r\n Y\n"), "control characters"),
        (&format!("{fine}X: \u{85}Y\n"), "control characters"),
        (&format!("{fine}X: \0\n"), "control characters"),
        (&format!("{fine}version: 2\n"), "two fields version"),
        (&format!("{fine}: x\n"), "the line"),
        (&format!("{fine}x\n"), "the line"),
        (&format!("{fine}# x: y\n"), "the line"),
        (" x\n", "begins with a space"),
        ("", "empty line"),
        (
            "Package: ../a\nVersion: 1\nArchitecture: all\n",
            "no package's name",
        ),
        (
            "Package: a\nSource: A/b\nVersion: 1\nArchitecture: all\n",
            "no package's name",
        ),
        (
            "Package: a\nVersion: 1/2\nArchitecture: all\n",
            "no Debian version",
        ),
        (
            "Package: a\nVersion: 1\nArchitecture: ../x\n",
            "no architecture",
        ),
    ] {
        match read(control) {
            Err(wrong) => assert!(
                !why.is_empty() && wrong.contains(why),
                "{control:?}: {wrong}"
            ),
            Ok(stanza) => assert!(why.is_empty(), "{control:?}: {stanza}"),
        }
    }
}

#[test]
fn a_package_that_is_cut_short_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.deb");
    let deb = samples::deb(
        "Package: a\nVersion: 1\nArchitecture: all\n",
        Tar::default(),
    );
    for length in [0, 8, 70, 200, deb.len() - 1] {
        fs_err::write(&path, &deb[..length]).unwrap();
        assert!(Package::read(&path, NAMES).is_err(), "{length}");
    }
    fs_err::write(&path, deb).unwrap();
    Package::read(&path, NAMES).unwrap();
}

/// apt-ftparchive, where it is installed, writes the same fields, but for digests that are not ours.
#[test]
fn stanzas_are_those_of_apt_ftparchive() {
    let folder = tempfile::tempdir().unwrap();
    let pool = folder.path().join("pool/main/h/hello");
    fs_err::create_dir_all(&pool).unwrap();
    let mut ours = String::new();
    for version in ["1.0-1", "1.0-2"] {
        let control = format!(
            "Package: hello\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\nInstalled-Size: 1\nDepends: b, c | d\nSection: misc\nPriority: optional\nHomepage: https://example.org\nDescription: short\n Long,\n  as it is.\n .\n End.\n"
        );
        let path = pool.join(format!("hello_{version}_all.deb"));
        fs_err::write(&path, samples::deb(&control, Tar::default())).unwrap();
        ours += &(Package::read(&path, NAMES).unwrap().stanza + "\n\n");
    }
    let tool = Tool::new("apt-ftparchive").folder(folder.path());
    let Ok(Some(theirs)) = tool.args(["packages", "pool"]).answer() else {
        return;
    };
    let fields = |text: &str| -> Vec<Vec<String>> {
        let fields = |entry: &Entry<'_>| {
            let fields = fields(entry.text).unwrap().into_iter();
            let digests = ["MD5sum", "SHA1", "SHA512"];
            let mut fields: Vec<String> = fields
                .filter(|(name, _)| !digests.contains(name))
                .map(|(name, value)| format!("{name}:{value}"))
                .collect();
            fields.sort();
            fields
        };
        index::parse(text).unwrap().iter().map(fields).collect()
    };
    assert_eq!(fields(&ours), fields(&theirs));
}

proptest! {
    #[test]
    fn hostile_control_files_never_become_two_stanzas(
        lines in "((Package|Version|Architecture|Filename|x): ?\\PC{0,6}\n| \\PC{0,6}\n|\\PC{0,9}[\n\t\r]){0,9}",
        text in any::<String>(),
    ) {
        let fine = "Package: a\nVersion: 1\nArchitecture: all\n";
        for control in [lines.clone(), format!("{fine}X: {lines}"), format!("{fine}X: {text}"), text] {
            let Ok(stanza) = read(&control) else { continue };
            let entries = index::parse(&stanza).unwrap();
            prop_assert!(entries.len() == 1);
            prop_assert!(entries[0].filename.starts_with("pool/main/"));
            prop_assert!(entries[0].bytes() == 1);
        }
    }
}
