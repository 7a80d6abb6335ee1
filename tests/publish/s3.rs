//! A repository in an object store.

mod lease;
mod lost;
mod refused;

use xtask::event::Deaf;
use xtask::failure::Result;
use xtask::repository::place::s3::{Keys, S3};
use xtask::repository::place::{Bytes, Nature, Place, Put};

use crate::support::bucket::Bucket;
use crate::support::moto::{BUCKET, Moto};
use crate::support::{changing, immutable};

fn keys() -> Keys {
    Keys::new("AKID", "s3cr3t", Some("t0k3n")).unwrap()
}

/// In a store of our own.
fn at(bucket: &Bucket) -> S3 {
    S3::new(
        &format!("http://127.0.0.1:{}", bucket.port),
        "bucket",
        "",
        "us-east-1",
        keys(),
    )
    .unwrap()
}

/// In a real one, at this port, where every test has a beginning of names of its own.
fn real(moto: &Moto, port: u16, prefix: &str) -> S3 {
    S3::new(
        &format!("http://127.0.0.1:{port}"),
        BUCKET,
        prefix,
        "us-east-1",
        moto.keys(),
    )
    .unwrap()
}

fn text(place: &S3, name: &str) -> Option<String> {
    let bytes = place.read(name, 1 << 24).unwrap()?;
    Some(String::from_utf8(bytes).unwrap())
}

fn names(place: &S3, folder: &str) -> Vec<String> {
    let list = place.list(folder).unwrap();
    list.into_iter().map(|there| there.name).collect()
}

/// What a publisher does, in short.
fn publish(place: &S3, version: &str) -> Result<()> {
    let lock = place.lock(&Deaf)?;
    place.write(&[immutable(
        &format!("pool/{version}"),
        &version.repeat(40_000),
    )])?;
    lock.check()?;
    place.write(&[changing("dists/s/InRelease", &version.repeat(9000))])?;
    place.remove(&["pool/old".to_owned()])?;
    place.finish(&Deaf)
}

#[test]
fn what_is_written_is_read_listed_and_removed() {
    let moto = Moto::shared();
    let place = real(&moto, moto.port, "some where/it's");
    assert_eq!(text(&place, "dists/stable/InRelease"), None);
    assert_eq!(place.list("dists").unwrap(), []);
    let lock = place.lock(&Deaf).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), "a package".repeat(1 << 19)).unwrap();
    let name = "pool/main/a/a_1%3a1.0~rc1+b &<ü>'\"_all.deb".to_owned();
    let package = Put {
        name: name.clone(),
        bytes: Bytes::Of(file.path().to_owned()),
        nature: Nature::Immutable,
    };
    place
        .write(&[
            package.clone(),
            changing("dists/stable/InRelease", "one"),
            changing("dists/empty", ""),
        ])
        .unwrap();
    place.write(&[package]).unwrap();
    assert_eq!(text(&place, "dists/stable/InRelease").unwrap(), "one");
    assert_eq!(text(&place, "dists/empty").unwrap(), "");
    assert_eq!(text(&place, &name).unwrap(), "a package".repeat(1 << 19));
    assert_eq!(place.size(&name).unwrap(), Some(9 << 19));
    let digest = xtask::digest::Digest::of_file(file.path()).unwrap().0;
    assert_eq!(place.digest(&name).unwrap(), Some(digest));
    assert_eq!(place.size("pool/none").unwrap(), None);
    assert!(
        place
            .read(&name, 8)
            .unwrap_err()
            .to_string()
            .contains("more than 8")
    );
    assert_eq!(names(&place, "pool"), [name.as_str()]);
    lock.check().unwrap();
    place.remove(&[name, "pool/none".to_owned()]).unwrap();
    assert_eq!(place.list("pool").unwrap(), []);
    assert_eq!(names(&place, "dists").len(), 2);
}

#[test]
fn what_must_not_change_does_not() {
    let moto = Moto::shared();
    let place = real(&moto, moto.port, "immutable");
    place
        .write(&[immutable("pool/a", "one"), changing("dists/a", "1")])
        .unwrap();
    place
        .write(&[immutable("pool/a", "one"), changing("dists/a", "2")])
        .unwrap();
    let failure = place.write(&[immutable("pool/a", "two")]).unwrap_err();
    assert!(failure.to_string().contains("pool/a is there already"));
    assert_eq!(text(&place, "pool/a").unwrap(), "one");
    assert_eq!(text(&place, "dists/a").unwrap(), "2");
}

#[test]
fn what_others_wrote_is_compared_byte_by_byte() {
    let bucket = Bucket::start();
    let place = at(&bucket);
    bucket.put("pool/a", "one");
    place.write(&[immutable("pool/a", "one")]).unwrap();
    assert_eq!(place.digest("pool/a").unwrap(), None);
    assert!(place.write(&[immutable("pool/a", "two")]).is_err());
}

#[test]
fn caches_are_told_what_they_may_keep() {
    let bucket = Bucket::start();
    at(&bucket)
        .write(&[
            immutable("pool/a.deb", "a"),
            changing("dists/s/InRelease", "b"),
        ])
        .unwrap();
    let header = |key: &str, name: &str| bucket.object(key).unwrap().headers[name].clone();
    assert_eq!(header("dists/s/InRelease", "cache-control"), "no-cache");
    assert_eq!(
        header("dists/s/InRelease", "content-type"),
        "text/plain; charset=utf-8"
    );
    assert_eq!(
        header("pool/a.deb", "cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(
        header("pool/a.deb", "content-type"),
        "application/vnd.debian.binary-package"
    );
}

#[test]
fn what_changes_twice_in_a_second_gets_another_time() {
    let bucket = Bucket::start();
    let place = at(&bucket);
    for text in ["one", "two", "three"] {
        let before = bucket.object("dists/a").map(|object| object.modified);
        place.write(&[changing("dists/a", text)]).unwrap();
        assert!(Some(bucket.object("dists/a").unwrap().modified) > before);
    }
}

#[test]
fn long_listings_come_in_pages() {
    let bucket = Bucket::start();
    let place = at(&bucket);
    let all: Vec<String> = (0..7).map(|number| format!("pool/{number} +%")).collect();
    let puts: Vec<Put> = all.iter().map(|name| immutable(name, "x")).collect();
    place.write(&puts).unwrap();
    place.write(&[immutable("poolside", "x")]).unwrap();
    assert_eq!(names(&place, "pool"), all);
    place.remove(&all).unwrap();
    assert_eq!(place.list("pool").unwrap(), []);
}
