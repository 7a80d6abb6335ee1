//! Indexes: read, merged, written.

use std::collections::BTreeSet;

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

use super::*;

fn stanza(package: &str, version: &str, architecture: &str) -> String {
    let sha256 = crate::digest::Digest::of(format!("{package}{version}"));
    format!(
        "Package: {package}\nVersion: {version}\nArchitecture: {architecture}\nDepends: x,\n y\nFilename: pool/main/{package}_{version}_{architecture}.deb\nSize: 12\nSHA256: {sha256}\nDescription: short\n Package: not this\n .\n Size: 7"
    )
}

#[test]
fn the_fields_that_matter_are_found() {
    let text = format!(
        "{}\n\n\n{}\n",
        stanza("b", "1:2-1", "all"),
        stanza("a", "1", "amd64")
    );
    let entries = parse(&text).unwrap();
    assert_eq!(entries.len(), 2);
    let entry = &entries[0];
    assert_eq!(
        (entry.package, entry.version(), entry.architecture()),
        ("b", "1:2-1", "all")
    );
    assert_eq!(
        (entry.bytes(), entry.filename),
        (12, "pool/main/b_1:2-1_all.deb")
    );
    assert_eq!(entry.source(), ("b", "1:2-1"));
    assert!(entry.text.ends_with("\n Size: 7"));
    assert_eq!(
        render(&entries[..1]),
        format!("{}\n\n", stanza("b", "1:2-1", "all"))
    );
}

#[test]
fn sources_have_names_and_versions_of_their_own() {
    let source = |text| {
        Entry {
            text,
            package: "p",
            ..Entry::default()
        }
        .source()
    };
    assert_eq!(source("Version: 1+b1\nSource: glibc (1)"), ("glibc", "1"));
    assert_eq!(source("Source: glibc\nVersion: 1+b1"), ("glibc", "1+b1"));
    assert_eq!(source("Version: 1+b1"), ("p", "1+b1"));
}

#[test]
fn stanzas_that_lack_something_are_named() {
    let whole = stanza("a", "1", "all");
    for field in [
        "Package",
        "Version",
        "Architecture",
        "Filename",
        "Size",
        "SHA256",
    ] {
        let text = whole.replacen(&format!("{field}:"), "X-Other:", 1);
        let failure = parse(&text).unwrap_err();
        assert!(
            failure.what.ends_with(&format!("has no {field}")),
            "{failure}"
        );
    }
}

#[test]
fn a_version_written_differently_is_the_same_package() {
    let (old, new) = (stanza("a", "1.0", "all"), stanza("a", "1.00", "all"));
    let (old, new) = (parse(&old).unwrap(), parse(&new).unwrap());
    let failure = merge(&old, &new).unwrap_err();
    assert_eq!(failure.kind, Kind::Check);
    assert!(
        failure.what.starts_with("a 1.0 (all) is in the repository"),
        "{failure}"
    );
}

fn some() -> impl Strategy<Value = BTreeSet<(String, String, &'static str)>> {
    let one = (
        "[a-c]{1,2}",
        "[1-3](\\.[12])?",
        proptest::sample::select(&["all", "amd64"]),
    );
    proptest::collection::btree_set(one, 0..12)
}

proptest! {
    #[test]
    fn merging_is_union(there in some(), new in some()) {
        let write = |of: &BTreeSet<(String, String, &str)>| {
            let stanzas = of.iter().map(|(name, version, arch)| stanza(name, version, arch) + "\n\n");
            stanzas.collect::<String>()
        };
        let (old, added) = (write(&there), write(&new));
        let merged = merge(&parse(&old).unwrap(), &parse(&added).unwrap()).unwrap();
        let both: BTreeSet<_> = there.union(&new).cloned().collect();
        prop_assert_eq!(merged.entries.len(), both.len());
        prop_assert_eq!(merged.fresh.len(), both.len() - there.len());
        prop_assert!(merged.entries.is_sorted_by_key(|entry| entry.filename));
        let text = render(&merged.entries);
        prop_assert_eq!(&parse(&text).unwrap(), &merged.entries);
        let again = merge(&merged.entries, &parse(&added).unwrap()).unwrap();
        prop_assert_eq!(&again.entries, &merged.entries);
        prop_assert!(again.fresh.is_empty());
    }

    #[test]
    fn no_text_panics(text in any::<String>(), lines in "([PVASF][a-zA-Z0-9]{0,8}:? ?[^\n]{0,9}\n{1,3}){0,9}") {
        parse(&text).ok();
        parse(&lines).ok();
    }

    #[test]
    fn no_cut_panics(at in 0_usize..400) {
        let text = stanza("é", "1", "all");
        let at = (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        parse(&text[..at]).ok();
    }
}
