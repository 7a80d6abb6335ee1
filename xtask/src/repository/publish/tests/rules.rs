//! What may be published, and what a Release file says of it.

use std::path::PathBuf;

use super::lab::{DAY, Lab, Notary, START};
use crate::failure::{Kind, Result};
use crate::repository::sign::Signer;
use crate::repository::{Fate, Publisher};

/// It is refused in these words, and the repository is as it was.
fn refused(lab: &Lab, packages: &[&str], words: &str) {
    let before = lab.place.names();
    let failure = lab.add(packages, None).unwrap_err();
    let text = format!("{failure} {}", failure.hint.as_deref().unwrap_or_default());
    assert!(text.contains(words), "{text}");
    assert_eq!(lab.place.names(), before);
}

#[test]
fn packages_are_added_to_the_indexes_that_they_belong_to() {
    let lab = Lab::new();
    let debs = [
        lab.deb("tool", "1:2-1", "Architecture: amd64\nSource: tools (2)\n"),
        lab.deb("libdoc", "1", "Description: x\n  indented\n .\n y\n"),
    ];
    let done = lab.publisher().add(&debs, None).unwrap();
    assert_eq!(done.added, ["tool 1:2-1 (amd64)", "libdoc 1 (all)"]);
    let status = lab.publisher().status().unwrap();
    assert_eq!(
        status.architectures.into_values().collect::<Vec<_>>(),
        [2, 1]
    );
    assert!(
        lab.place
            .get("pool/main/t/tools/tool_2-1_amd64.deb")
            .is_some()
    );
    assert!(
        lab.place
            .get("pool/main/libd/libdoc/libdoc_1_all.deb")
            .is_some()
    );
    assert_eq!(lab.publisher().check(true).unwrap().packages, 2);
}

#[test]
fn what_is_there_already_is_not_published_again() {
    let lab = Lab::new();
    assert!(lab.add(&["a 1"], None).unwrap().changed);
    let before = lab.place.get("dists/stable/InRelease");
    let again = lab.add(&["a 1"], None).unwrap();
    assert_eq!((again.changed, again.present.len()), (false, 1));
    assert_eq!(lab.place.get("dists/stable/InRelease"), before);
    let more = lab.add(&["a 1", "b 1"], None).unwrap();
    assert_eq!((more.added.len(), more.present.len()), (1, 1));
}

#[test]
fn the_same_package_with_other_bytes_is_refused() {
    let lab = Lab::new();
    lab.add(&["a 1.0"], None).unwrap();
    for other in [
        lab.deb("a", "1.0", "Section: misc\n"),
        lab.deb("a", "1.0", "Source: moved\n"),
        lab.deb("a", "0:1.0", ""),
        lab.deb("a", "7:1.0", ""),
    ] {
        let failure = lab.publisher().add(&[other], None).unwrap_err();
        assert!(failure.what.contains("with other bytes"), "{failure}");
    }
    let twice = [lab.deb("b", "1", ""), lab.deb("b", "1", "Section: x\n")];
    assert!(lab.publisher().add(&twice, None).is_err());
    assert_eq!(lab.client(), ["a 1.0 (all)"]);
}

#[test]
fn packages_for_other_machines_are_refused() {
    let lab = Lab::new();
    let deb = lab.deb("a", "1", "Architecture: riscv64\n");
    let failure = lab.publisher().add(&[deb], None).unwrap_err();
    assert!(
        failure.what.ends_with("it has `amd64` and `arm64`"),
        "{failure}"
    );
}

#[test]
fn the_oldest_versions_go_and_nothing_is_added_in_vain() {
    let mut lab = Lab::new();
    lab.repository.retain = Some(2);
    lab.add(&["a 1.9", "a 1.10"], None).unwrap();
    let done = lab.add(&["a 1.11"], None).unwrap();
    assert_eq!(done.retired, ["a 1.9 (all)"]);
    assert_eq!(lab.client(), ["a 1.10 (all)", "a 1.11 (all)"]);
    refused(&lab, &["a 1.10~rc1"], "would not stay");
}

#[test]
fn dates_grow_and_are_never_in_the_future() {
    let lab = Lab::new();
    let mut last = 0;
    for number in 0..100 {
        let date = lab.add(&[&format!("a {number}")], None).unwrap().date;
        assert!(date > last && date <= lab.publisher().clock.now());
        last = date;
    }
    assert_eq!(last, START + 39);
}

#[test]
fn a_clock_that_cannot_be_right_is_told() {
    let lab = Lab::new();
    lab.add(&["a 1"], None).unwrap();
    lab.pass(-3600);
    refused(&lab, &["b 1"], "last published at 2026-11-20T06:29:00Z");
    lab.pass(-START);
    refused(&lab, &["b 1"], "clock");
}

#[test]
fn a_date_in_the_future_is_left_when_that_is_asked_for() {
    let lab = Lab::new();
    lab.pass(DAY);
    lab.add(&["a 1"], None).unwrap();
    let ahead = lab.publisher().redate().unwrap().date;
    assert!(lab.ear.0.lock().unwrap().is_empty());
    lab.pass(-DAY);
    assert!(lab.publisher().check(false).is_err());
    refused(&lab, &["b 1"], "repo refresh --despite-date");
    let done = lab.publisher().redate().unwrap();
    assert_eq!((done.date, ahead), (START - 60, START + DAY - 59));
    assert!(lab.ear.0.lock().unwrap()[0].contains("keeps silently"));
    lab.add(&["b 1"], None).unwrap();
    assert_eq!(lab.client(), ["a 1 (all)", "b 1 (all)"]);
}

#[test]
fn both_signatures_are_checked() {
    let lab = Lab::new();
    lab.add(&["a 1"], None).unwrap();
    for (name, words) in [
        ("Release.gpg", "Release.gpg does not sign Release"),
        ("Release", "Release is not what InRelease signs"),
    ] {
        let other = lab.with(lab.place.copy());
        other.place.set(&format!("dists/stable/{name}"), b"x");
        let failure = other.publisher().check(false).unwrap_err();
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

#[test]
fn a_repository_does_not_become_another() {
    let mut lab = Lab::new();
    lab.add(&["a 1"], None).unwrap();
    lab.repository.origin = "Other".to_owned();
    refused(
        &lab,
        &["b 1"],
        "Origin is \"Test\" and cannot become \"Other\"",
    );
    lab.repository.origin = "Test".to_owned();
    lab.notary = Notary("another");
    refused(&lab, &["b 1"], "InRelease in memory cannot be believed");
}

#[test]
fn validity_is_counted_from_each_publishing() {
    let mut lab = Lab::new();
    lab.repository.valid_days = Some(7);
    lab.add(&["a 1"], None).unwrap();
    lab.pass(8 * DAY);
    let failure = lab.publisher().check(false).unwrap_err();
    assert!(failure.to_string().contains("refresh it"), "{failure}");
    let index = lab.place.get("dists/stable/main/binary-amd64/Packages.gz");
    let done = lab.publisher().refresh().unwrap();
    assert_eq!(done.valid_until, Some(START + 15 * DAY - 60));
    assert_eq!(lab.client(), ["a 1 (all)"]);
    assert_eq!(
        lab.place.get("dists/stable/main/binary-amd64/Packages.gz"),
        index
    );
}

#[test]
fn a_new_architecture_gets_what_is_for_all() {
    let mut lab = Lab::new();
    lab.add(&["a 1"], None).unwrap();
    lab.publisher()
        .add(&[lab.deb("b", "1", "Architecture: amd64\n")], None)
        .unwrap();
    lab.repository.architectures.push("riscv64".to_owned());
    lab.publisher().refresh().unwrap();
    let counts = lab.publisher().status().unwrap().architectures;
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [2, 1, 1]);
    lab.repository.architectures.remove(1);
    lab.add(&["a 1"], None).unwrap();
    assert_eq!(lab.publisher().status().unwrap().architectures.len(), 2);
}

#[test]
fn everything_that_is_wrong_is_told() {
    let lab = Lab::new();
    lab.add(&["a 1", "b 1", "c 1"], None).unwrap();
    lab.place.lose("pool/main/a/a/a_1_all.deb");
    let mut altered = lab.place.get("pool/main/b/b/b_1_all.deb").unwrap();
    altered[100] ^= 1;
    lab.place.set("pool/main/b/b/b_1_all.deb", &altered);
    lab.place.set("dists/stable/Release", b"x");
    let told = |deep| lab.publisher().check(deep).unwrap_err().notes.clone();
    assert_eq!(told(false).len(), 2);
    assert_eq!(
        told(true)[2],
        "pool/main/b/b/b_1_all.deb has other bytes than the index says"
    );
}

#[test]
fn a_file_that_was_lost_is_put_back_by_whoever_has_it() {
    let lab = Lab::new();
    lab.add(&["a 1", "b 1"], None).unwrap();
    let published = lab.place.get("dists/stable/InRelease");
    let lost = "pool/main/a/a/a_1_all.deb";
    for (packages, signed_anew) in [(&["a 1", "b 1"][..], false), (&["a 1", "c 1"], true)] {
        lab.place.lose(lost);
        let failure = lab.publisher().check(false).unwrap_err();
        assert_eq!(failure.notes, [format!("{lost} is missing")]);
        assert!(failure.hint.as_deref().unwrap().contains("repo add"));
        let done = lab.add(packages, None).unwrap();
        assert_eq!(
            (done.changed, done.restored),
            (true, vec!["a 1 (all)".to_owned()])
        );
        assert!(!done.present.contains(&"a 1 (all)".to_owned()));
        lab.publisher().check(true).unwrap();
        let now = lab.place.get("dists/stable/InRelease");
        assert_eq!(now != published, signed_anew);
    }
    // Other bytes are none that an index names.
    lab.place.lose(lost);
    let other = lab.deb("a", "1", "Section: x\n");
    lab.publisher().add(&[other], None).unwrap_err();
    assert_eq!(lab.place.get(lost), None);
}

#[test]
fn what_publishing_would_do_is_known_before_and_changes_nothing() {
    let mut lab = Lab::new();
    let (a, b) = (lab.deb("a", "2", ""), lab.deb("b", "1", ""));
    let fates = |lab: &Lab, debs: &[PathBuf]| {
        let before = lab.place.names();
        let ahead = lab.publisher().look_ahead(debs).unwrap();
        assert_eq!(lab.place.names(), before);
        ahead.into_iter().map(|one| one.fate).collect::<Vec<_>>()
    };
    assert_eq!(fates(&lab, &[a.clone(), b.clone()]), [Fate::New, Fate::New]);
    lab.publisher().add(std::slice::from_ref(&a), None).unwrap();
    lab.repository.retain = Some(1);
    let refused = [
        lab.deb("a", "2", "Section: x\n"),
        lab.deb("a", "1", ""),
        lab.deb("c", "1", "Architecture: riscv64\n"),
    ];
    let fates = fates(&lab, &[&[a, b][..], &refused].concat());
    assert_eq!(fates[..2], [Fate::Present, Fate::New]);
    let words = ["with other bytes", "would not stay", "does not have"];
    for (fate, words) in fates[2..].iter().zip(words) {
        assert!(
            matches!(fate, Fate::Refused { why } if why.contains(words)),
            "{fate:?}"
        );
    }
}

#[test]
fn an_index_that_is_not_what_was_signed_is_used_for_nothing() {
    let lab = Lab::new();
    lab.add(&["a 1"], None).unwrap();
    let names = lab.place.names();
    for name in names.iter().filter(|name| name.contains("/main/")) {
        lab.place.set(name, b"\x1f\x8bx");
    }
    let failure = lab.add(&["b 1"], None).unwrap_err();
    assert_eq!(failure.kind, Kind::Source);
    assert!(failure.what.contains("broken"), "{failure}");
}

/// Signs by the first, and believes the second.
struct Heir(Notary, Notary);

impl Signer for Heir {
    fn clearsign(&self, text: &str) -> Result<Vec<u8>> {
        self.0.clearsign(text)
    }

    fn detach(&self, text: &str) -> Result<Vec<u8>> {
        self.0.detach(text)
    }

    fn verified(&self, message: &[u8]) -> Result<String> {
        self.0.verified(message)
    }

    fn believed(&self, message: &[u8]) -> Result<String> {
        self.verified(message).or_else(|_| self.1.verified(message))
    }

    fn believed_detached(&self, text: &str, signature: &[u8]) -> Result<()> {
        let by = |notary: &Notary| notary.believed_detached(text, signature);
        by(&self.0).or_else(|_| by(&self.1))
    }
}

#[test]
fn after_a_change_of_keys_publishing_goes_on_and_signs_by_the_new_one() {
    let mut lab = Lab::new();
    lab.add(&["a 1"], Some("then")).unwrap();
    let old = lab.notary;
    lab.notary = Notary("new");
    refused(&lab, &["a 2"], "not signed by the key");
    let heir = Heir(lab.notary, old);
    let publisher = Publisher {
        signer: &heir,
        ..lab.publisher()
    };
    let wrong = publisher.check(false).unwrap_err();
    assert!(
        wrong.to_string().contains("signed by a former key"),
        "{wrong}"
    );
    // Nothing is new but the key: that is enough.
    assert!(
        publisher
            .add(&[lab.deb("a", "1", "")], None)
            .unwrap()
            .changed
    );
    assert_eq!(lab.client(), ["a 1 (all)"]);
    publisher.add(&[lab.deb("a", "2", "")], None).unwrap();
    publisher.back("then").unwrap();
    assert_eq!(lab.client(), ["a 1 (all)"]);
}
