//! Which versions stay in the indexes: the newest few of each source package. Pure.

use std::collections::{HashMap, HashSet};

use super::index::Entry;
use crate::debian::version::Version;

/// The versions that do not stay: source package and version.
pub(super) type Retired<'a> = HashSet<(&'a str, &'a str)>;

/// All but the newest `keep` versions of each source package, over all these indexes. Versions that are no Debian versions are the oldest.
#[must_use]
pub(super) fn retired<'a>(indexes: &[&[Entry<'a>]], keep: u32) -> Retired<'a> {
    let mut versions: HashMap<&str, Vec<&str>> = HashMap::new();
    for entry in indexes.iter().copied().flatten() {
        let (source, version) = entry.source();
        let of_source = versions.entry(source).or_default();
        if !of_source.contains(&version) {
            of_source.push(version);
        }
    }
    let keep = keep as usize;
    let many = versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > keep);
    many.flat_map(|(source, versions)| {
        let old = all_but_newest(&versions, keep);
        old.into_iter().map(move |version| (source, version))
    })
    .collect()
}

/// Versions that are written differently and mean the same count as one.
fn all_but_newest<'a>(versions: &[&'a str], keep: usize) -> Vec<&'a str> {
    let parse = |text: &'a str| (text.parse::<Version>().ok(), text);
    let mut parsed: Vec<_> = versions.iter().copied().map(parse).collect();
    parsed.sort_by(|one, other| other.0.cmp(&one.0));
    let mut newer = 0;
    let mut old = Vec::new();
    for (at, (version, text)) in parsed.iter().enumerate() {
        newer += usize::from(at > 0 && parsed[at - 1].0 != *version);
        if newer >= keep {
            old.push(*text);
        }
    }
    old
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn the_newest_stay_of_each_source() {
        let stanzas = [
            "Package: a\nVersion: 1.9",
            "Package: a\nVersion: 1.10",
            "Package: a\nVersion: 1.10~rc1",
            "Package: b\nVersion: 1",
            "Package: a-doc\nVersion: 7\nSource: a (1:0)",
        ];
        let index = stanzas.map(|text| Entry {
            text,
            package: &text[9..10],
            ..Entry::default()
        });
        let retired = |keep| retired(&[&index[..2], &index[2..]], keep);
        assert_eq!(retired(2), HashSet::from([("a", "1.9"), ("a", "1.10~rc1")]));
        assert_eq!(retired(4), HashSet::new());
    }

    #[test]
    fn the_same_version_written_twice_counts_once() {
        let old = all_but_newest(&["1.0", "1.00", "0.9", "0:0.9", "x"], 1);
        assert_eq!(old, ["0.9", "0:0.9", "x"]);
    }

    proptest! {
        #[test]
        fn what_stays_is_newer_than_what_does_not(
            versions in proptest::collection::btree_set("[0-9]{1,2}(\\.[0-9])?(~[a-b])?", 1..12),
            keep in 1_usize..5,
        ) {
            let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
            let parse = |text: &str| text.parse::<Version>().unwrap();
            let old = all_but_newest(&versions, keep);
            let stay: Vec<&&str> = versions.iter().filter(|one| !old.contains(one)).collect();
            let distinct = |of: &[Version]| {
                of.iter().enumerate().filter(|(at, one)| !of[..*at].contains(one)).count()
            };
            let stay: Vec<Version> = stay.into_iter().map(|text| parse(text)).collect();
            let all: Vec<Version> = versions.iter().map(|text| parse(text)).collect();
            prop_assert_eq!(distinct(&stay), keep.min(distinct(&all)));
            for old in old.into_iter().map(parse) {
                prop_assert!(stay.iter().all(|newer| *newer > old));
            }
        }
    }
}
