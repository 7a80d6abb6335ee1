//! Requests that are lost, repeated, late and cut in the middle: every object is old or new, and whole.

use super::{at, publish, real, text};
use crate::support::bucket::{Bucket, Fault};
use crate::support::moto::Moto;
use crate::support::proxy::Proxy;
use crate::support::{Ears, changing};
use xtask::event::Deaf;
use xtask::repository::place::Place;

/// How many requests a publisher makes who is not disturbed.
fn requests() -> usize {
    let bucket = Bucket::start();
    publish(&at(&bucket), "1").unwrap();
    bucket.requests().len()
}

fn is_published(bucket: &Bucket, version: &str) {
    let body = |key: &str| String::from_utf8(bucket.object(key).unwrap().body).unwrap();
    assert_eq!(body(&format!("pool/{version}")), version.repeat(40_000));
    assert_eq!(body("dists/s/InRelease"), version.repeat(9000));
}

#[test]
fn one_stumble_at_any_request_is_survived() {
    let all = requests();
    assert!(all >= 11, "{all}");
    for fault in [
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::Busy,
        Fault::Late,
    ] {
        std::thread::scope(|scope| {
            for stumble in 0..all {
                scope.spawn(move || {
                    let bucket = Bucket::start();
                    bucket.fault(move |number, _| (number == stumble).then_some(fault));
                    publish(&at(&bucket), "1").unwrap();
                    is_published(&bucket, "1");
                    // What was late comes to nothing, whatever it was.
                    bucket.deliver();
                    is_published(&bucket, "1");
                });
            }
        });
    }
}

#[test]
fn a_publisher_who_vanishes_at_any_request_leaves_whole_objects() {
    let all = requests();
    std::thread::scope(|scope| {
        for end in 0..all - 1 {
            scope.spawn(move || {
                let bucket = Bucket::start();
                publish(&at(&bucket), "1").unwrap();
                bucket.fault(move |number, _| (number >= end).then_some(Fault::LostRequest));
                // The last requests give the lock back.
                let published = publish(&at(&bucket), "2").is_ok();
                let release = bucket.object("dists/s/InRelease").unwrap().body;
                let version = if release.starts_with(b"2") { "2" } else { "1" };
                is_published(&bucket, version);
                assert!(!published || version == "2");
                bucket.fault(|_, _| None);
                let place = at(&bucket);
                let ears = Ears::new(|_| bucket.turn_clock(120));
                drop(place.lock(&ears).unwrap());
                publish(&place, "2").unwrap();
                is_published(&bucket, "2");
            });
        }
    });
}

#[test]
fn what_arrives_after_newer_things_changes_nothing() {
    let bucket = Bucket::start();
    let place = at(&bucket);
    publish(&place, "1").unwrap();
    // Every way of the second publisher's InRelease to the store is longer than its life.
    bucket.fault(|_, request| {
        (request.method == "PUT" && request.path.ends_with("InRelease")).then_some(Fault::Late)
    });
    assert!(publish(&at(&bucket), "2").is_err());
    bucket.fault(|_, _| None);
    publish(&place, "3").unwrap();
    let statuses = bucket.deliver();
    assert!(
        statuses.len() > 1 && statuses.iter().all(|status| *status == 412),
        "{statuses:?}"
    );
    is_published(&bucket, "3");
}

#[test]
fn a_cut_at_any_byte_is_survived() {
    let moto = Moto::shared();
    let proxy = Proxy::to(moto.port);
    publish(&real(&moto, proxy.port, "cut/0"), "0").unwrap();
    let whole = proxy.passed();
    let before = proxy.connections();
    for step in 1..=24 {
        let prefix = format!("cut/{step}");
        let place = real(&moto, proxy.port, &prefix);
        proxy.cut_once_after(whole * step / 25);
        publish(&place, "1").unwrap();
        assert_eq!(text(&place, "pool/1").unwrap(), "1".repeat(40_000));
        assert_eq!(text(&place, "dists/s/InRelease").unwrap(), "1".repeat(9000));
    }
    assert!(proxy.connections() >= before + 24, "nothing was cut");
}

#[test]
fn what_a_careless_store_kept_of_a_cut_upload_is_replaced() {
    let bucket = Bucket::start();
    let place = at(&bucket);
    place.write(&[super::immutable("pool/a", "whole")]).unwrap();
    bucket.cut("pool/a", 2);
    assert_eq!(place.digest("pool/a").unwrap(), None);
    place.write(&[super::immutable("pool/a", "whole")]).unwrap();
    assert_eq!(text(&place, "pool/a").unwrap(), "whole");
    let _lock = place.lock(&Deaf).unwrap();
    place.write(&[changing("dists/a", "x")]).unwrap();
}
