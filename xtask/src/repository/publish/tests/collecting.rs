//! What stays, for how long, and what goes.

use super::lab::{DAY, Lab, Notary};
use crate::repository::journal::Journal;
use crate::repository::sign::Signer;
use crate::repository::state::State;

const A1: &str = "pool/main/a/a/a_1_all.deb";

fn indexes(lab: &Lab) -> Vec<String> {
    let names = lab.place.names().into_iter();
    names
        .filter(|name| name.contains("binary-amd64/by-hash/"))
        .collect()
}

/// Only the newest version stays in the index.
fn newest_only() -> Lab {
    let mut lab = Lab::new();
    lab.repository.retain = Some(1);
    lab.add(&["a 1"], None).unwrap();
    lab
}

#[test]
fn what_clients_may_have_read_stays_for_the_grace_time() {
    let lab = newest_only();
    let first = indexes(&lab);
    lab.pass(DAY);
    lab.add(&["a 2"], None).unwrap();
    lab.pass(DAY - 1);
    lab.publisher().refresh().unwrap();
    assert!(lab.place.get(A1).is_some() && indexes(&lab).contains(&first[0]));
    lab.pass(1);
    let done = lab.publisher().refresh().unwrap();
    assert_eq!(done.removed.len(), 3);
    assert!(lab.place.get(A1).is_none() && !indexes(&lab).contains(&first[0]));
    assert_eq!(lab.client(), ["a 2 (all)"]);
    assert_eq!(lab.publisher().status().unwrap().left, 0);
}

#[test]
fn a_snapshot_keeps_what_it_names_and_can_be_gone_back_to() {
    let lab = newest_only();
    lab.add(&[], Some("first")).unwrap();
    lab.add(&["a 2"], Some("second")).unwrap();
    for _ in 0..4 {
        lab.pass(DAY);
        lab.publisher().refresh().unwrap();
    }
    assert_eq!(lab.client(), ["a 2 (all)"]);
    let done = lab.publisher().back("first").unwrap();
    let date = done.date;
    assert!(date > lab.publisher().clock.now() - 61);
    assert_eq!(done.added, ["a 1 (all)"]);
    assert_eq!(done.retired, ["a 2 (all)"]);
    assert_eq!(lab.client(), ["a 1 (all)"]);
    let snapshots = lab.publisher().snapshots().unwrap();
    let told: Vec<_> = snapshots
        .iter()
        .map(|one| (&*one.name, one.current))
        .collect();
    assert_eq!(told, [("second", false), ("first", true)]);
    lab.publisher().back("second").unwrap();
    assert_eq!(lab.client(), ["a 2 (all)"]);
}

#[test]
fn what_a_forgotten_snapshot_kept_goes_after_the_grace_time() {
    let lab = newest_only();
    lab.add(&[], Some("first")).unwrap();
    lab.add(&["a 2"], Some("second")).unwrap();
    lab.pass(9 * DAY);
    let before = lab.place.get("dists/stable/InRelease");
    let done = lab.publisher().forget("first").unwrap();
    assert_eq!(done.removed, ["dists/stable/snapshots/first/InRelease"]);
    assert_eq!(lab.place.get("dists/stable/InRelease"), before);
    assert_eq!(lab.publisher().status().unwrap().left, 3);
    lab.pass(DAY - 1);
    lab.publisher().refresh().unwrap();
    assert!(lab.place.get(A1).is_some());
    lab.pass(1);
    let done = lab.publisher().refresh().unwrap();
    assert!(done.removed.iter().any(|name| name == A1));
    assert!(lab.place.get(A1).is_none());
    assert_eq!(lab.client(), ["a 2 (all)"]);
    let failure = lab.publisher().forget("first").unwrap_err();
    assert_eq!(failure.what, "there is no snapshot first");
}

#[test]
fn a_forgotten_snapshot_takes_nothing_that_others_need() {
    let lab = newest_only();
    lab.add(&[], Some("one")).unwrap();
    lab.add(&[], Some("two")).unwrap();
    lab.add(&["a 2"], Some("now")).unwrap();
    // One that nobody can read keeps nothing.
    lab.place.set("dists/stable/snapshots/one/InRelease", b"x");
    for gone in ["one", "now"] {
        lab.publisher().forget(gone).unwrap();
    }
    for _ in 0..3 {
        lab.pass(DAY);
        lab.publisher().refresh().unwrap();
    }
    assert_eq!(lab.client(), ["a 2 (all)"]);
    lab.publisher().back("two").unwrap();
    assert_eq!(lab.client(), ["a 1 (all)"]);
}

#[test]
fn the_grace_time_begins_anew_for_what_was_gone_back_to() {
    let lab = newest_only();
    lab.add(&[], Some("first")).unwrap();
    lab.add(&["a 2"], None).unwrap();
    lab.pass(DAY - 2);
    lab.publisher().back("first").unwrap();
    lab.publisher().forget("first").unwrap();
    lab.add(&["a 3"], None).unwrap();
    lab.pass(DAY - 1);
    lab.publisher().refresh().unwrap();
    assert!(lab.place.get(A1).is_some());
}

#[test]
fn snapshots_are_named_once() {
    let lab = newest_only();
    lab.add(&["b 1"], Some("x")).unwrap();
    lab.add(&["b 1"], Some("x")).unwrap();
    let told = |packages: &[&str], name| lab.add(packages, Some(name)).unwrap_err().what.clone();
    assert!(told(&["b 2"], "x").contains("a snapshot x already"));
    for bad in ["", ".", "..", "a/b", "-x", "a b", &"x".repeat(65)] {
        assert!(told(&[], bad).contains("cannot be the name"), "{bad}");
    }
    let failure = lab.publisher().back("y").unwrap_err();
    assert_eq!(failure.what, "there is no snapshot y");
}

#[test]
fn a_snapshot_that_lost_a_package_is_not_gone_back_to() {
    let lab = newest_only();
    lab.add(&["a 2"], None).unwrap();
    lab.add(&[], Some("x")).unwrap();
    lab.add(&["a 3"], None).unwrap();
    lab.place.lose("pool/main/a/a/a_2_all.deb");
    let failure = lab.publisher().back("x").unwrap_err();
    assert!(failure.notes[0].contains("a_2_all"), "{failure}");
    assert_eq!(lab.client(), ["a 3 (all)"]);
}

#[test]
fn a_snapshot_that_somebody_else_signed_is_none() {
    let lab = newest_only();
    lab.add(&[], Some("x")).unwrap();
    let name = "dists/stable/snapshots/x/InRelease";
    let text = lab.notary.verified(&lab.place.get(name).unwrap()).unwrap();
    lab.place
        .set(name, &Notary("another").clearsign(&text).unwrap());
    assert!(lab.publisher().back("x").is_err());
    assert_eq!(lab.publisher().snapshots().unwrap(), []);
}

#[test]
fn a_lost_state_removes_nothing_before_its_time() {
    let lab = newest_only();
    lab.add(&["a 2"], None).unwrap();
    lab.pass(DAY);
    lab.place.lose("dists/stable/cordwainer.json");
    lab.publisher().refresh().unwrap();
    assert!(lab.place.get(A1).is_some());
    lab.pass(DAY);
    assert_eq!(lab.publisher().refresh().unwrap().removed.len(), 3);
}

#[test]
fn other_suites_in_the_same_place_keep_their_packages() {
    let lab = newest_only();
    let mut other = lab.with(lab.place.clone());
    other.repository.suite = "testing".to_owned();
    other.add(&["a 1", "z 1"], None).unwrap();
    lab.add(&["a 2"], None).unwrap();
    for _ in 0..3 {
        lab.pass(DAY);
        lab.publisher().refresh().unwrap();
    }
    assert_eq!(other.client(), ["a 1 (all)", "z 1 (all)"]);
    // One that cannot be read keeps everything.
    lab.add(&["a 3"], None).unwrap();
    lab.place.set("dists/odd/InRelease", b"<html>");
    for _ in 0..3 {
        lab.pass(DAY);
        lab.publisher().refresh().unwrap();
    }
    assert!(lab.place.get("pool/main/a/a/a_2_all.deb").is_some());
    assert!(
        lab.ear
            .0
            .lock()
            .unwrap()
            .iter()
            .any(|said| said.contains("dists/odd/InRelease"))
    );
}

#[test]
fn files_of_others_are_never_removed() {
    let lab = newest_only();
    let others = [
        "index.html",
        "pool/main/a/a/a_1.dsc",
        "dists/stable/notes",
        "pool/other/x.deb",
    ];
    others.iter().for_each(|name| lab.place.set(name, b"x"));
    lab.place.set("pool/main/left/left_1_all.deb", b"x");
    for _ in 0..3 {
        lab.pass(DAY);
        lab.publisher().refresh().unwrap();
    }
    others
        .iter()
        .for_each(|name| assert!(lab.place.get(name).is_some(), "{name}"));
    assert!(lab.place.get("pool/main/left/left_1_all.deb").is_none());
}

/// A journal as an attacker could write one.
fn journal(lab: &Lab, in_release: &[u8]) -> Journal {
    let remove = [
        "pool/main/a/a/a_1_all.deb",
        "pool/../../x.deb",
        "/etc/passwd",
        "dists/stable/InRelease",
    ];
    Journal {
        in_release: String::from_utf8(in_release.to_owned()).unwrap(),
        release_gpg: String::new(),
        indexes: lab.repository.architectures.clone(),
        snapshot: None,
        state: State::default(),
        remove: remove.map(str::to_owned).to_vec(),
    }
}

#[test]
fn a_journal_is_believed_as_far_as_it_is_signed() {
    let lab = newest_only();
    let old = lab.place.get("dists/stable/InRelease").unwrap();
    lab.add(&["a 2"], None).unwrap();
    let forged = Notary("another")
        .clearsign("Date: Fri, 20 Nov 2026 06:30:00 +0000\n")
        .unwrap();
    for bytes in [
        journal(&lab, &forged).text().unwrap(),
        journal(&lab, &old).text().unwrap(),
        b"{}".to_vec(),
        b"\xff".to_vec(),
    ] {
        let place = lab.place.copy();
        place.set("dists/stable/cordwainer.journal", &bytes);
        let next = lab.with(place);
        next.add(&["b 1"], None).unwrap();
        assert_eq!(next.client(), ["a 2 (all)", "b 1 (all)"]);
        assert!(next.place.get(A1).is_some());
        assert!(next.place.get("dists/stable/cordwainer.journal").is_none());
        assert!(next.ear.0.lock().unwrap()[0].contains("of no use"));
    }
}

#[test]
fn a_journal_cannot_name_what_is_outside() {
    let lab = newest_only();
    let published = lab.place.get("dists/stable/InRelease").unwrap();
    let removable = journal(&lab, &published).removable();
    assert_eq!(removable, [A1]);
}

#[test]
fn what_follows_is_told_once_for_each_publishing() {
    let lab = newest_only();
    let finished = || {
        lab.place
            .finished
            .load(std::sync::atomic::Ordering::Relaxed)
    };
    assert_eq!(finished(), 1);
    lab.add(&["a 1"], None).unwrap();
    assert_eq!(finished(), 1);
    lab.add(&["a 2"], None).unwrap();
    assert_eq!(finished(), 2);
}
