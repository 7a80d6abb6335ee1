//! The life of a repository, the same wherever it is kept.

use xtask::failure::Kind;
use xtask::repository::client::apt::Client;
use xtask::repository::clock::{Clock, SystemClock};
use xtask::repository::place::Place;
use xtask::repository::place::directory::Directory;
use xtask::repository::place::s3::S3;
use xtask::repository::place::ssh::Ssh;

use crate::clients::complaints;
use crate::support::apt::Apt;
use crate::support::moto::{BUCKET, Moto};
use crate::support::shop::{At, Shop};
use crate::support::sshd::{HOST, Sshd};

/// What a client gets who looks at every byte.
pub(crate) fn packages(shop: &Shop, place: &dyn Place) -> Vec<String> {
    let publisher = shop.publisher(place, &shop.signer, &SystemClock);
    publisher.check(true).unwrap();
    publisher.status().unwrap().packages
}

/// What apt says of a copy of all that is there: nothing.
pub(crate) fn apt_is_content(shop: &Shop, place: &dyn Place) {
    let folder = tempfile::tempdir().unwrap();
    for file in ["dists", "pool"]
        .map(|folder| place.list(folder).unwrap())
        .concat()
    {
        let path = folder.path().join(&file.name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes = place.read(&file.name, file.size).unwrap().unwrap();
        fs_err::write(path, bytes).unwrap();
    }
    let address = format!("copy:{}", folder.path().display());
    let client = Client::new(&shop.repository, &shop.public_key, &address, "amd64").unwrap();
    let ran = Apt::Here.run(&client, &["apt-get", "update"]);
    assert!(ran.good && complaints(&ran.said).is_empty(), "{ran:?}");
    let offer = client.packages().unwrap().pop().unwrap();
    client.download(&offer).unwrap();
}

/// Adds, adds again, is refused a change, goes back, is dated anew.
fn life(place: &dyn Place) {
    let shop = Shop::new();
    let clock = At::new(SystemClock.now() - 3600);
    let publisher = shop.publisher(place, &shop.signer, &clock);
    let add = |version: &str, snapshot| publisher.add(&[shop.deb("tea", version)], snapshot);
    let titles = |versions: &[&str]| -> Vec<String> {
        versions
            .iter()
            .map(|version| format!("tea {version} (all)"))
            .collect()
    };
    assert!(
        publisher
            .check(false)
            .unwrap_err()
            .to_string()
            .contains("nothing was published")
    );
    assert_eq!(add("1.0", None).unwrap().added, titles(&["1.0"]));
    let again = add("1.0", None).unwrap();
    assert_eq!((again.changed, again.present), (false, titles(&["1.0"])));

    let failure = publisher
        .add(&[shop.changed("tea", "1.0")], None)
        .unwrap_err();
    assert_eq!(failure.kind, Kind::Check, "{failure}");
    assert!(failure.hint.is_some(), "{failure}");
    assert_eq!(packages(&shop, place), titles(&["1.0"]));

    assert_eq!(add("1.1", Some("then")).unwrap().snapshot.unwrap(), "then");
    let last = add("1.2", None).unwrap().date;
    assert_eq!(packages(&shop, place), titles(&["1.0", "1.1", "1.2"]));
    assert!(
        publisher
            .back("than")
            .unwrap_err()
            .hint
            .clone()
            .unwrap()
            .contains("then")
    );
    assert!(publisher.back("then").unwrap().date > last);
    assert_eq!(packages(&shop, place), titles(&["1.0", "1.1"]));
    clock.pass(3000);
    let until = publisher.refresh().unwrap().valid_until.unwrap();
    assert!(until > last + 7 * 86400 + 2000);
    assert!(publisher.status().unwrap().snapshots[0].current);
    assert_eq!(packages(&shop, place), titles(&["1.0", "1.1"]));
    apt_is_content(&shop, place);
}

#[test]
fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    life(&Directory::new(folder.path().join("repository")));
}

#[test]
fn on_another_machine() {
    let sshd = Sshd::start();
    let path = sshd.path("repository").display().to_string();
    life(&Ssh::new(HOST, &path, &[], &sshd.options(sshd.port)).unwrap());
}

#[test]
fn in_an_object_store() {
    let moto = Moto::shared();
    let address = format!("http://127.0.0.1:{}", moto.port);
    life(&S3::new(&address, BUCKET, "whole/life", "us-east-1", moto.keys()).unwrap());
}
