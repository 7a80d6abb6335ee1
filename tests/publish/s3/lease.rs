//! The lock of an object store.

use xtask::event::Deaf;
use xtask::repository::place::Place;

use super::{at, keys, real, text};
use crate::support::bucket::{Bucket, Fault};
use crate::support::moto::Moto;
use crate::support::{Ears, changing};

#[test]
fn a_second_publisher_waits_until_the_first_has_finished() {
    let moto = Moto::shared();
    let (first, second) = (
        real(&moto, moto.port, "wait"),
        real(&moto, moto.port, "wait"),
    );
    let held = std::sync::Mutex::new(Some(first.lock(&Deaf).unwrap()));
    held.lock().unwrap().as_ref().unwrap().check().unwrap();
    let ears = Ears::new(|_| drop(held.lock().unwrap().take()));
    second.lock(&ears).unwrap().check().unwrap();
    let heard = ears.heard.lock().unwrap().join("\n");
    assert!(
        heard.contains(&format!("process {}", std::process::id())),
        "{heard}"
    );
    assert!(first.write(&[changing("dists/a", "late")]).is_err());
    first.lock(&Deaf).unwrap();
}

#[test]
fn the_lock_of_the_dead_is_taken_and_the_dead_are_told() {
    let bucket = Bucket::start();
    let (first, second) = (at(&bucket), at(&bucket));
    let held = first.lock(&Deaf).unwrap();
    // It is not heard of for two minutes.
    let ears = Ears::new(|_| bucket.turn_clock(120));
    let other = second.lock(&ears).unwrap();
    assert_eq!(ears.heard.lock().unwrap().len(), 1);
    second.write(&[changing("dists/a", "second")]).unwrap();
    assert!(held.check().unwrap_err().to_string().contains("was lost"));
    assert!(first.write(&[changing("dists/a", "first")]).is_err());
    assert!(first.remove(&["dists/a".to_owned()]).is_err());
    drop(held);
    other.check().unwrap();
    assert_eq!(text(&second, "dists/a").unwrap(), "second");
}

#[test]
fn a_lock_survives_a_lost_answer_at_each_request() {
    for lost in 0..7 {
        let bucket = Bucket::start();
        bucket.fault(move |number, _| (number == lost).then_some(Fault::LostAnswer));
        let place = at(&bucket);
        let held = place.lock(&Deaf).unwrap();
        held.check().unwrap();
        held.check().unwrap();
        drop(held);
        assert!(bucket.requests().len() > lost);
        // It was given back: nobody has to wait.
        let ears = Ears::new(|text| panic!("{text}"));
        at(&bucket).lock(&ears).unwrap();
    }
}

#[test]
fn a_store_without_conditions_is_refused() {
    let bucket = Bucket::start();
    bucket.pay_no_heed();
    let failure = at(&bucket).lock(&Deaf).err().unwrap();
    assert!(
        failure.to_string().contains("no heed to if-none-match"),
        "{failure}"
    );
}

#[test]
fn garbage_in_the_place_of_a_lock_runs_out_as_well() {
    let bucket = Bucket::start();
    bucket.put(".new-lock", "{");
    at(&bucket).lock(&Deaf).unwrap().check().unwrap();
    assert!(format!("{:?}", keys()).len() < 20);
}
