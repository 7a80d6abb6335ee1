//! What somebody between a repository and its clients can do, and that apt refuses all of it in its own words, with its date checks on.

use xtask::digest::Digest;
use xtask::repository::client::apt::Client;
use xtask::repository::sign::Signer;

use crate::clients::client;
use crate::support::apt::{Apt, Ran};
use crate::support::copy;
use crate::support::shop::{Home, Shop};

/// An attack on a repository: its name, what it does, and what this machine's apt and that of Debian 13 say of it.
type Attack = (&'static str, fn(&Shop), &'static str, &'static str);

/// Attacks that `apt-get update` refuses.
const UPDATES: &[Attack] = &[
    (
        "a bit of InRelease is flipped",
        |shop| shop.spoil("dists/stable", "InRelease", |bytes| bytes[80] ^= 1),
        "BADSIG",
        "OpenPGP signature verification failed",
    ),
    (
        "a line is put before what is signed",
        |shop| {
            shop.spoil("dists/stable", "InRelease", |bytes| {
                bytes.splice(..0, *b"Origin: x\n");
            });
        },
        "Clearsigned file isn't valid",
        "Clearsigned file isn't valid",
    ),
    (
        "InRelease is cut",
        |shop| shop.spoil("dists/stable", "InRelease", |bytes| bytes.truncate(400)),
        "Splitting up",
        "Splitting up",
    ),
    (
        "nothing is signed",
        |shop| {
            fs_err::remove_file(shop.release("InRelease")).unwrap();
            fs_err::remove_file(shop.release("Release.gpg")).unwrap();
        },
        "is not signed",
        "is not signed",
    ),
    (
        "another key signed it",
        |shop| shop.sign_as(&Home::new().key(), &shop.text()),
        "NO_PUBKEY",
        "Missing key",
    ),
    (
        "Release.gpg is that of another Release",
        |shop| {
            let signature = shop.signer.detach("Origin: x\n").unwrap();
            fs_err::remove_file(shop.release("InRelease")).unwrap();
            fs_err::write(shop.release("Release.gpg"), signature).unwrap();
        },
        "BADSIG",
        "OpenPGP signature verification failed",
    ),
    (
        "a bit of the indexes is flipped",
        |shop| shop.spoil("dists/stable/main", "", |bytes| bytes[30] ^= 1),
        "Hash Sum mismatch",
        "Hash Sum mismatch",
    ),
    (
        "the indexes are cut",
        |shop| shop.spoil("dists/stable/main", "", |bytes| bytes.truncate(30)),
        "unexpected size",
        "unexpected size",
    ),
    (
        "indexes have no digest that holds",
        |shop| shop.sign(&shop.text().replace("SHA256:", "MD5Sum:")),
        "which is considered strong enough",
        "which is considered strong enough",
    ),
];

/// Attacks that a download refuses.
const DOWNLOADS: &[Attack] = &[
    (
        "a bit of a package is flipped",
        |shop| shop.spoil("pool", ".deb", |bytes| bytes[100] ^= 1),
        "Hash Sum mismatch",
        "Hash Sum mismatch",
    ),
    (
        "a package is cut",
        |shop| shop.spoil("pool", ".deb", |bytes| bytes.truncate(100)),
        "unexpected size",
        "unexpected size",
    ),
    (
        "a package is gone",
        |shop| fs_err::remove_dir_all(shop.path("pool")).unwrap(),
        "404",
        "404",
    ),
    (
        "the index has no digest of a package",
        without_digests,
        "Insufficient information available",
        "Insufficient information available",
    ),
];

/// Signs an index that has no digests.
fn without_digests(shop: &Shop) {
    let folder = shop.release("main/binary-amd64");
    let packed = fs_err::File::open(folder.join("Packages.gz")).unwrap();
    let index = std::io::read_to_string(flate2::read::GzDecoder::new(packed)).unwrap();
    let kept: Vec<&str> = index
        .lines()
        .filter(|line| !line.starts_with("SHA"))
        .collect();
    let index = kept.join("\n") + "\n";
    fs_err::remove_dir_all(&folder).unwrap();
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join("Packages"), &index).unwrap();
    let text = shop.text();
    let (fields, _) = text.split_once("SHA256:").unwrap();
    let fields = fields.replace("Acquire-By-Hash: yes\n", "");
    let (digest, size) = (Digest::of(&index), index.len());
    shop.sign(&format!(
        "{fields}SHA256:\n {digest} {size} main/binary-amd64/Packages\n"
    ));
}

/// A fresh client whose update or download has to fail with these words, and has nothing of it.
fn refused(apt: Apt, shop: &Shop, name: &str, words: &str) {
    let client = client(shop);
    let updated = apt.run(&client, &["apt-get", "update"]);
    let ran = if updated.good {
        download(apt, &client)
    } else {
        updated
    };
    assert!(
        !ran.good && ran.said.contains(words),
        "{name}: {}",
        ran.said
    );
}

/// apt's own download of `tea`, into a folder that is gone afterwards.
fn download(apt: Apt, client: &Client) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let archives = format!("Dir::Cache::archives={}", folder.path().display());
    let words = [
        "apt-get",
        "-o",
        &archives,
        "--yes",
        "--download-only",
        "install",
        "tea",
    ];
    let ran = apt.run(client, &words);
    let files = fs_err::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let debs = files
        .filter(|path| path.extension().is_some_and(|end| end == "deb"))
        .count();
    assert_eq!(debs, usize::from(ran.good), "{ran:?}");
    ran
}

fn all(apt: Apt, attacks: &[Attack]) {
    for &(name, attack, here, trixie) in attacks {
        let shop = Shop::open();
        attack(&shop);
        let words = if apt == Apt::Here { here } else { trixie };
        refused(apt, &shop, name, words);
    }
}

#[test]
fn attacks_on_indexes_are_refused_by_the_apt_of_this_machine() {
    all(Apt::Here, UPDATES);
}

#[test]
fn attacks_on_indexes_are_refused_by_the_apt_of_debian_13() {
    all(Apt::Trixie, UPDATES);
}

#[test]
fn attacks_on_packages_are_refused_by_the_apt_of_this_machine() {
    all(Apt::Here, DOWNLOADS);
}

#[test]
fn attacks_on_packages_are_refused_by_the_apt_of_debian_13() {
    all(Apt::Trixie, DOWNLOADS);
}

const DAY: i64 = 86400;

#[test]
fn what_has_expired_or_is_not_yet_valid_is_refused() {
    for apt in [Apt::Here, Apt::Trixie] {
        for (seconds, words) in [(-8 * DAY, "is expired"), (DAY, "is not valid yet")] {
            let shop = Shop::new();
            shop.publish_later("tea", "1.0", seconds);
            refused(apt, &shop, "a date", words);
        }
    }
}

/// apt says nothing of an older Release file: it keeps the newer one that it has.
#[test]
fn going_back_to_an_older_release_changes_nothing_for_a_client() {
    for apt in [Apt::Here, Apt::Trixie] {
        let shop = Shop::new();
        shop.publish_later("tea", "1.0", -DAY);
        let old = tempfile::tempdir().unwrap();
        copy(shop.path("dists"), old.path());
        shop.publish("tea", "1.1");
        let client = client(&shop);
        assert!(apt.run(&client, &["apt-get", "update"]).good);
        fs_err::remove_dir_all(shop.path("dists")).unwrap();
        copy(old.path().join("dists"), shop.path(""));
        // Newer by its file's date, as after a copy: only the signed date tells.
        let future = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
        let file = std::fs::File::options()
            .append(true)
            .open(shop.release("InRelease"));
        file.unwrap().set_modified(future).unwrap();
        apt.run(&client, &["apt-get", "update"]);
        let policy = apt.run(&client, &["apt-cache", "policy", "tea"]).said;
        assert!(policy.contains("Candidate: 1.1"), "{policy}");
        assert!(download(apt, &client).good);
    }
}
