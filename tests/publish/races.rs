//! Clients that update all the time while something is published all the time: none of them ever hears an error or a warning, none goes back.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use xtask::repository::client::apt::Client;
use xtask::repository::clock::{Clock, SystemClock};

use crate::clients::{client, complaints};
use crate::support::apt::Apt;
use crate::support::shop::{At, Shop};
use crate::support::{in_all_or, tell};

/// What is published to while clients look: few versions are in the index, so that packages and indexes come and go.
fn shop() -> Shop {
    let mut shop = Shop::new();
    shop.repository.retain = Some(20);
    shop
}

/// Says that it is over, however it ends.
struct Until<'a>(&'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// The newest version that a client knows.
fn newest(client: &Client) -> u32 {
    let offers = client.packages().unwrap();
    let minor = |version: &str| version.strip_prefix("1.").unwrap().parse::<u32>().unwrap();
    let versions = offers.iter().map(|offer| minor(&offer.version));
    versions.max().unwrap()
}

/// Updates and downloads until it is over, and once more. Returns how often.
fn look(apt: Apt, shop: &Shop, over: &AtomicBool, last: u32) -> usize {
    let client = client(shop);
    let (mut updates, mut known, mut ends) = (0, 0, false);
    while !ends {
        ends = over.load(SeqCst);
        let ran = apt.run(&client, &["apt-get", "update"]);
        assert!(
            ran.good && complaints(&ran.said).is_empty(),
            "update {updates}: {ran:?}"
        );
        let found = newest(&client);
        assert!(found >= known, "1.{found} after 1.{known}");
        if found > known {
            download(apt, &client, found);
        }
        known = found;
        updates += 1;
    }
    assert_eq!(known, last);
    updates
}

/// What an index names is there.
fn download(apt: Apt, client: &Client, version: u32) {
    let archives = client.configuration().with_file_name("archives");
    fs_err::create_dir_all(archives.join("partial")).unwrap();
    let archives = format!("Dir::Cache::archives={}", archives.display());
    let wanted = format!("tea=1.{version}");
    let words = ["apt-get", "-o", &archives, "--yes", "--download-only"];
    let ran = apt.run(client, &[&words[..], &["install", &wanted]].concat());
    assert!(ran.good && complaints(&ran.said).is_empty(), "{ran:?}");
}

/// Publishes that often, `then` after each, while apts of both kinds look.
fn race(publishes: u32, clock: &dyn Clock, then: impl Fn()) {
    let shop = shop();
    shop.try_publish("tea", "1.0", clock).unwrap();
    let over = AtomicBool::new(false);
    let since = std::time::Instant::now();
    let updates = std::thread::scope(|scope| {
        let clients = [Apt::Here, Apt::Trixie];
        let (shop, over) = (&shop, &over);
        let looking = clients.map(|apt| scope.spawn(move || look(apt, shop, over, publishes)));
        let until = Until(over);
        for version in 1..=publishes {
            then();
            shop.try_publish("tea", &format!("1.{version}"), clock)
                .unwrap();
        }
        drop(until);
        looking.map(|thread| thread.join().unwrap())
    });
    tell(&format!(
        "{publishes} publishes in {:?}, {updates:?} updates",
        since.elapsed()
    ));
    assert!(updates.iter().all(|updates| *updates >= 3), "{updates:?}");
}

/// Time passes quickly: over all of it, what was published first is removed.
#[test]
fn clients_that_update_while_it_is_published_all_the_time_hear_no_error() {
    const DAYS: i64 = 3;
    let publishes = in_all_or(1000, 60);
    let all = DAYS * 86400;
    let clock = At::new(SystemClock.now() - all);
    race(publishes, &clock, || clock.pass(all / i64::from(publishes)));
}

#[test]
fn nor_do_they_while_the_clock_is_the_machine_s() {
    race(in_all_or(90, 15), &SystemClock, || {});
}
