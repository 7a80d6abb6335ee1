//! A publisher that dies at each of its operations, and places that lie.

use super::lab::{DAY, Lab, Memory, Notary};
use crate::failure::{Failure, Kind, Result};
use crate::repository::publish::Published;
use crate::repository::sign::Signer;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Files that have a date in them, and so differ from run to run.
const DATED: [&str; 5] = [
    "InRelease",
    "Release",
    "Release.gpg",
    "cordwainer.json",
    "cordwainer.journal",
];

fn undated(place: &Memory) -> BTreeMap<String, Option<Vec<u8>>> {
    let is_dated = |name: &str| {
        DATED
            .iter()
            .any(|dated| name.ends_with(&format!("/{dated}")))
    };
    let names = place.names().into_iter();
    names
        .map(|name| {
            (
                name.clone(),
                (!is_dated(&name)).then(|| place.get(&name).unwrap()),
            )
        })
        .collect()
}

/// A repository in which something has left the index long enough ago.
fn with_history() -> Lab {
    let mut lab = Lab::new();
    lab.repository.retain = Some(1);
    lab.add(&["a 1", "b 1"], None).unwrap();
    lab.pass(DAY / 2);
    lab.add(&["a 2"], None).unwrap();
    lab.pass(DAY);
    lab
}

/// What is published while the publisher dies.
fn publish(lab: &Lab) -> Result<Published> {
    lab.add(&["b 2", "c 1"], Some("then"))
}

/// Later: everything has come to rest.
fn settle(lab: &Lab) {
    for _ in 0..2 {
        lab.pass(2 * DAY);
        lab.publisher().refresh().unwrap();
    }
}

#[test]
fn a_publisher_that_dies_at_any_operation_leaves_what_it_found_or_all_it_meant() {
    let base = with_history();
    let old = base.client();
    let undisturbed = base.with(base.place.copy());
    publish(&undisturbed).unwrap();
    let operations = undisturbed.place.asked.load(Ordering::Relaxed);
    let new = undisturbed.client();
    assert_ne!(old, new);
    settle(&undisturbed);
    let end = undated(&undisturbed.place);
    let (mut olds, mut news) = (0, 0);
    for dies_at in 0..operations {
        let dying = Memory {
            dies_at: Some(dies_at),
            ..base.place.copy()
        };
        let failure = publish(&base.with(dying.clone())).unwrap_err();
        assert!(failure.to_string().contains("dead"), "{failure}");
        let next = base.with(dying.copy());
        let found = next.client();
        olds += usize::from(found == old);
        news += usize::from(found == new);
        next.pass(60);
        publish(&next).unwrap();
        assert_eq!(next.client(), new, "{dies_at}");
        assert_eq!(
            next.ear
                .0
                .lock()
                .unwrap()
                .iter()
                .filter(|said| said.contains("of no use"))
                .count(),
            0
        );
        settle(&next);
        assert!(
            undated(&next.place) == end,
            "{dies_at}: {:?}",
            next.place.names()
        );
    }
    assert_eq!(olds + news, operations);
    assert!(olds > 0 && news > 0);
}

#[test]
fn one_that_goes_on_and_dies_too_does_no_harm() {
    let base = with_history();
    let undisturbed = base.with(base.place.copy());
    publish(&undisturbed).unwrap();
    let operations = undisturbed.place.asked.load(Ordering::Relaxed);
    let new = undisturbed.client();
    for first in (0..operations).step_by(3) {
        let mut place = Memory {
            dies_at: Some(first),
            ..base.place.copy()
        };
        publish(&base.with(place.clone())).unwrap_err();
        for second in (0..operations).step_by(5) {
            place = Memory {
                dies_at: Some(second),
                ..place.copy()
            };
            publish(&base.with(place.clone())).ok();
            base.with(place.copy()).client();
        }
        let next = base.with(place.copy());
        publish(&next).unwrap();
        assert_eq!(next.client(), new);
    }
}

#[test]
fn a_first_publishing_that_died_is_no_hindrance() {
    let whole = Lab::new();
    whole.add(&["a 1"], None).unwrap();
    for dies_at in 0..whole.place.asked.load(Ordering::Relaxed) {
        let place = Memory {
            dies_at: Some(dies_at),
            ..Memory::default()
        };
        whole.with(place.clone()).add(&["a 1"], None).unwrap_err();
        let next = whole.with(place.copy());
        next.add(&["a 1"], None).unwrap();
        assert_eq!(next.client(), ["a 1 (all)"]);
    }
}

#[test]
fn what_a_place_does_not_keep_is_missed_before_clients_miss_it() {
    for loses in ["/pool/", "pool/main/b", "by-hash", "dists/stable/InRelease"] {
        let lab = with_history();
        let (old, mut place) = (lab.client(), lab.place.copy());
        place.loses = Some(loses.trim_start_matches('/'));
        let lying = lab.with(place);
        let failure = publish(&lying).unwrap_err();
        assert!(failure.to_string().contains("does not keep"), "{failure}");
        assert_eq!(lying.client(), old, "{loses}");
        let next = lab.with(lying.place.copy());
        publish(&next).unwrap();
        assert_eq!(next.client().len(), 3);
    }
}

/// Signs nothing, or something else.
struct Bad(fn(&str) -> Result<Vec<u8>>);

impl Signer for Bad {
    fn clearsign(&self, text: &str) -> Result<Vec<u8>> {
        (self.0)(text)
    }
    fn detach(&self, _: &str) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
    fn verified(&self, message: &[u8]) -> Result<String> {
        Notary("secret").verified(message)
    }
    fn believed_detached(&self, text: &str, signature: &[u8]) -> Result<()> {
        Notary("secret").believed_detached(text, signature)
    }
}

#[test]
fn a_signer_that_fails_leaves_nothing_behind() {
    let absent = |_: &str| Err(Failure::new(Kind::Missing, "no key"));
    let expired = |text: &str| Notary("another").clearsign(text);
    let confused = |text: &str| Notary("secret").clearsign(&text.replace("Test", "Fest"));
    let cut = |text: &str| {
        Notary("secret").clearsign(text).map(|mut all| {
            all.truncate(99);
            all
        })
    };
    for bad in [absent, expired, confused, cut] {
        let lab = with_history();
        let (bad, before) = (Bad(bad), lab.place.names());
        let mut publisher = lab.publisher();
        publisher.signer = &bad;
        publisher.add(&[lab.deb("d", "1", "")], None).unwrap_err();
        assert_eq!(lab.place.names(), before);
    }
}
