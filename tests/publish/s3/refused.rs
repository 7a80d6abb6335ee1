//! What a store refuses is said with what to do, and without the keys.

use xtask::event::Deaf;
use xtask::failure::Failure;
use xtask::repository::place::Place;
use xtask::repository::place::s3::{Keys, S3};

use super::{at, keys};
use crate::support::bucket::Bucket;
use crate::support::moto::{BUCKET, Moto};

fn hint(failure: &Failure) -> &str {
    failure.hint.as_deref().unwrap_or_default()
}

#[test]
fn keys_that_do_not_fit_and_buckets_that_are_not_there() {
    let moto = Moto::shared();
    let address = format!("http://127.0.0.1:{}", moto.port);
    let with = |bucket: &str, keys: Keys| {
        let place = S3::new(&address, bucket, "", "us-east-1", keys).unwrap();
        place.lock(&Deaf).err().unwrap()
    };
    let failure = with(BUCKET, moto.wrong_keys());
    assert!(
        hint(&failure).contains("AWS_SECRET_ACCESS_KEY"),
        "{failure}"
    );
    let failure = with(BUCKET, keys());
    assert!(hint(&failure).contains("AWS_ACCESS_KEY_ID"), "{failure}");
    let failure = with("nowhere", moto.keys());
    assert!(hint(&failure).contains("make the bucket"), "{failure}");
}

#[test]
fn keys_are_in_no_failure() {
    let bucket = Bucket::start();
    let said = "<Error><Code>AKID</Code><Message>AKID s3cr3t t0k3n\u{1b}[2J</Message></Error>";
    bucket.refuse(403, "x-amz-bucket-region: eu-1\r\n", said);
    let failure = at(&bucket).lock(&Deaf).err().unwrap();
    let all = format!("{failure} {failure:?} {}", at(&bucket).describe());
    assert!(all.contains("eu-1") && all.contains("[key]"), "{all}");
    for key in ["AKID", "s3cr3t", "t0k3n", "\u{1b}"] {
        assert!(!all.contains(key), "{all}");
    }
}

#[test]
fn a_clock_that_is_wrong_is_told() {
    let bucket = Bucket::start();
    bucket.turn_clock(86_400);
    bucket.refuse(
        403,
        "",
        "<Error><Code>RequestTimeTooSkewed</Code><Message>No.</Message></Error>",
    );
    let failure = at(&bucket).read("dists/a", 1).unwrap_err();
    assert!(
        hint(&failure).contains("clock") && failure.to_string().contains(" there"),
        "{failure}"
    );
    // HEAD has no body that could say so.
    let failure = at(&bucket).size("dists/a").unwrap_err();
    assert!(hint(&failure).contains("clock"), "{failure}");
}

#[test]
fn answers_that_are_none_are_refused() {
    let bucket = Bucket::start();
    for (status, body, words) in [
        (200, "<html>", "no list"),
        (
            200,
            "<ListBucketResult><IsTruncated>true</IsTruncated>",
            "no list",
        ),
        (
            200,
            "<ListBucketResult><Contents><Key>../x</Key></Contents>",
            "no list",
        ),
        (301, "", "HTTP 301"),
        (500, "", "HTTP 500"),
        (404, "<Code>NoSuchBucket</Code>", "NoSuchBucket"),
    ] {
        bucket.refuse(status, "", body);
        let failure = at(&bucket).list("pool").unwrap_err();
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

#[test]
fn a_store_that_is_not_there_is_told() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let place = S3::new(
        &format!("http://{closed}"),
        "bucket",
        "",
        "us-east-1",
        keys(),
    )
    .unwrap();
    let failure = place.size("pool/a").unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("cannot reach the object store"),
        "{failure}"
    );
}
