//! Real apts on what we publish: they update, download and install without a word of warning.

use xtask::repository::client::apt::{Client, check};
use xtask::repository::clock::SystemClock;

use crate::support::apt::Apt;
use crate::support::shop::Shop;

/// A client of a shop.
pub(crate) fn client(shop: &Shop) -> Client {
    let address = shop.http.address();
    Client::new(&shop.repository, &shop.public_key, &address, "amd64").unwrap()
}

/// apt's complaints. It says who complains in the first letter of a line.
pub(crate) fn complaints(said: &str) -> Vec<&str> {
    let marks = ["E:", "W:", "N:", "A:", "Err:", "Ign:"];
    let lines = said.lines();
    lines
        .filter(|line| marks.iter().any(|mark| line.starts_with(mark)))
        .collect()
}

/// Updates and installs as a user does, into a machine that has nothing.
fn install(apt: Apt) {
    let shop = Shop::open();
    shop.publish("cake", "2.0~rc1+b1");
    let client = client(&shop);
    let update = match apt {
        Apt::Here => vec!["apt-get", "update"],
        Apt::Trixie => vec!["apt-get", "--audit", "update"],
    };
    let ran = apt.run(&client, &update);
    assert!(ran.good && complaints(&ran.said).is_empty(), "{ran:?}");

    let machine = tempfile::tempdir().unwrap();
    let admin = machine.path().join("var/lib/dpkg");
    fs_err::create_dir_all(admin.join("updates")).unwrap();
    fs_err::create_dir_all(admin.join("info")).unwrap();
    fs_err::write(admin.join("status"), "").unwrap();
    let root = machine.path().display();
    let options = [
        format!("Dir::State::status={root}/var/lib/dpkg/status"),
        format!("DPkg::Options::=--root={root}"),
        "DPkg::Options::=--force-not-root".to_owned(),
        format!("DPkg::Options::=--log={root}/log"),
        "DPkg::Use-Pty=false".to_owned(),
    ];
    let mut words = vec!["apt-get", "--yes"];
    for option in &options {
        words.extend(["-o", option]);
    }
    words.extend(["install", "tea", "cake"]);
    let ran = apt.run(&client, &words);
    assert!(ran.good && complaints(&ran.said).is_empty(), "{ran:?}");
    let read = |path: &str| fs_err::read_to_string(machine.path().join(path)).unwrap();
    assert_eq!(read("usr/share/tea/version"), "1.0");
    assert_eq!(read("usr/share/cake/version"), "2.0~rc1+b1");

    shop.publish("tea", "1.1");
    let ran = apt.run(&client, &update);
    assert!(ran.good && complaints(&ran.said).is_empty(), "{ran:?}");
    let at = words.len() - 3;
    words.splice(at.., ["upgrade"]);
    let ran = apt.run(&client, &words);
    assert!(ran.good && complaints(&ran.said).is_empty(), "{ran:?}");
    assert_eq!(read("usr/share/tea/version"), "1.1");
}

#[test]
fn the_apt_of_this_machine_updates_installs_and_upgrades_without_a_warning() {
    install(Apt::Here);
}

#[test]
fn the_apt_of_debian_13_updates_installs_and_upgrades_without_a_warning() {
    install(Apt::Trixie);
}

/// Finds every package of an index that is several members of gzip, most of them copied from the index before.
fn read_wholly(apt: Apt) {
    let shop = Shop::open();
    shop.publish_many(700);
    shop.publish("tea", "1.1");
    let index = fs_err::read(shop.release("main/binary-amd64/Packages.gz")).unwrap();
    let begins = |bytes: &&[u8]| bytes.starts_with(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    assert!(index.windows(8).filter(begins).count() > 2);
    let client = client(&shop);
    let ran = apt.run(&client, &["apt-get", "update"]);
    assert!(ran.good && complaints(&ran.said).is_empty(), "{ran:?}");
    let ran = apt.run(&client, &["apt-cache", "pkgnames"]);
    let many = ran.said.lines().filter(|name| name.starts_with("many-"));
    assert_eq!(many.count(), 700);
    let ran = apt.run(&client, &["apt-cache", "madison", "tea"]);
    assert_eq!(ran.said.lines().count(), 2, "{ran:?}");
}

#[test]
fn the_apt_of_this_machine_reads_every_part_of_an_index() {
    read_wholly(Apt::Here);
}

#[test]
fn the_apt_of_debian_13_reads_every_part_of_an_index() {
    read_wholly(Apt::Trixie);
}

#[test]
fn a_repository_is_looked_at_as_its_clients_do() {
    let shop = Shop::open();
    shop.publish("cake", "2.0");
    let seen = |address: &str| check(&shop.repository, &shop.public_key, address).unwrap();
    let web = seen(&shop.http.address());
    assert_eq!(web.len(), 2);
    assert_eq!(
        (web[1].architecture.as_str(), web[1].packages),
        ("arm64", 2)
    );
    assert!(web[0].downloaded.is_some());
    for scheme in ["file", "copy"] {
        let folder = shop.path("");
        assert_eq!(seen(&format!("{scheme}:{}", folder.display())), web);
    }
}

#[test]
fn what_apt_warns_of_is_said() {
    let shop = Shop::open();
    // A warning, and no error: the suite is not what was asked for.
    let text = shop.text().replace("Suite: stable", "Suite: other");
    shop.sign(&text.replace("Codename: stable", "Codename: other"));
    let failure = client(&shop).update().unwrap_err();
    assert!(failure.what.contains("warns"), "{failure}");
    assert!(
        failure.to_string().contains("Conflicting distribution"),
        "{failure}"
    );
}

#[test]
fn a_signer_that_cannot_leaves_all_as_it_was() {
    let shop = Shop::open();
    let before = shop.everything();
    shop.home.lock(true);
    let failure = shop.try_publish("tea", "1.1", &SystemClock).unwrap_err();
    assert!(failure.to_string().contains("private key"), "{failure}");
    assert!(failure.hint.is_some());
    assert_eq!(shop.everything(), before);
    client(&shop).update().unwrap();
    // The next publishing needs nobody.
    shop.home.lock(false);
    shop.publish("tea", "1.1");
    let client = client(&shop);
    client.update().unwrap();
    let offers = client.packages().unwrap();
    assert!(offers.iter().any(|offer| offer.version == "1.1"));
}

/// A machine's own settings may switch checks off: a client of ours does not see them.
#[test]
fn date_checks_are_on_whatever_the_machine_says() {
    let shop = Shop::open();
    let client = client(&shop);
    let dump = Apt::Here.run(&client, &["apt-config", "dump"]).said;
    for setting in ["Check-Date", "Check-Valid-Until"] {
        assert!(
            dump.contains(&format!("Acquire::{setting} \"true\"")),
            "{dump}"
        );
    }
    assert!(!dump.contains("Dir::Etc::parts \"apt.conf.d\""), "{dump}");
}

/// A client that upgraded its keyring before does not notice a change of keys; neither does one that has the new key only afterwards.
fn change_keys(apt: Apt) {
    let mut shop = Shop::open();
    let next = shop.home.key();
    let address = shop.http.address();
    let both = shop.signer.public_key(Some(next.fingerprint())).unwrap();
    let new = next.public_key(None).unwrap();
    let client = |key: &str| Client::new(&shop.repository, key, &address, "amd64").unwrap();
    let [early, late] = [client(&both), client(&new)];
    let update = |client: &Client| apt.run(client, &["apt-get", "update"]);
    let clean = |client: &Client| {
        let ran = update(client);
        assert!(ran.good && complaints(&ran.said).is_empty(), "{ran:?}");
    };
    clean(&early);
    assert!(!update(&late).good);
    let former = [shop.signer.fingerprint().to_owned()];
    shop.signer = next.after(&former).unwrap();
    shop.publish("tea", "1.1");
    clean(&early);
    clean(&late);
}

#[test]
fn the_apt_of_this_machine_does_not_notice_a_change_of_keys() {
    change_keys(Apt::Here);
}

#[test]
fn the_apt_of_debian_13_does_not_notice_a_change_of_keys() {
    change_keys(Apt::Trixie);
}

/// What apt says of a repository for these architectures on a machine for amd64 that runs programs for i386, too.
fn on_a_mixed_machine(apt: Apt, architectures: &[&str]) -> String {
    let mut shop = Shop::new();
    shop.repository.architectures = architectures.iter().map(ToString::to_string).collect();
    shop.publish("tea", "1.0");
    let client = client(&shop);
    let parts = client.configuration().with_file_name("etc/apt.conf.d");
    fs_err::write(parts.join("foreign"), "APT::Architectures:: \"i386\";\n").unwrap();
    let ran = apt.run(&client, &["apt-get", "-q=0", "update"]);
    assert!(ran.good, "{ran:?}");
    let offers = client.packages().unwrap();
    assert_eq!(offers.len(), 1);
    ran.said.replace('\r', "\n")
}

#[test]
fn a_repository_for_one_architecture_is_no_matter_on_a_machine_with_several() {
    for apt in [Apt::Here, Apt::Trixie] {
        let said = on_a_mixed_machine(apt, &["amd64"]);
        assert!(complaints(&said).is_empty(), "{said}");
        // Naming several would have each client fetch all of them; apt mentions what it skips, and all is well.
        let said = on_a_mixed_machine(apt, &["amd64", "arm64"]);
        let all = complaints(&said);
        assert!(
            all.len() == 1 && all[0].starts_with("N: Skipping acquire"),
            "{said}"
        );
    }
}
