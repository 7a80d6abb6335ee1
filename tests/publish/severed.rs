//! Publishers at repositories elsewhere that are cut off, killed or late: there is what was or what was to be, whole, and the next one needs nobody.

use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process_group};
use xtask::failure::Result;
use xtask::repository::Published;
use xtask::repository::place::Place;
use xtask::repository::place::directory::Directory;
use xtask::repository::place::s3::{Keys, S3};
use xtask::repository::place::ssh::Ssh;
use xtask::repository::spec::Where;

use crate::everywhere::{apt_is_content, packages};
use crate::support::bucket::{Bucket, Fault};
use crate::support::program::{Checkout, kill, run, start};
use crate::support::proxy::Proxy;
use crate::support::shop::{At, Once, Shop};
use crate::support::sshd::{HOST, Sshd};
use crate::support::{copy, in_all_or, tell};

/// What there is before, and what is to be.
const OLD: [&str; 1] = ["tea 1.0 (all)"];
const NEW: [&str; 2] = ["tea 1.0 (all)", "tea 1.1 (all)"];

/// Publishes one version at a time that is always the same, so that it is signed once.
fn publish(shop: &Shop, signer: &Once<'_>, place: &dyn Place, minor: u32) -> Result<Published> {
    let clock = At::new(shop.opened + i64::from(minor) * 60);
    let deb = shop.deb("tea", &format!("1.{minor}"));
    shop.publisher(place, signer, &clock).add(&[deb], None)
}

/// Old or new; then the next one succeeds, and nothing is left of the former.
fn recovers(shop: &Shop, signer: &Once<'_>, place: &dyn Place) -> bool {
    recovers_as_seen(shop, signer, place, place)
}

/// Likewise, looked at from another side.
fn recovers_as_seen(shop: &Shop, signer: &Once<'_>, place: &dyn Place, seen: &dyn Place) -> bool {
    let found = packages(shop, seen);
    assert!(found == OLD || found == NEW, "{found:?}");
    publish(shop, signer, place, 1).unwrap();
    assert_eq!(packages(shop, seen), NEW);
    let names = seen.list("dists").unwrap();
    assert!(
        !names.iter().any(|there| there.name.ends_with(".journal")),
        "{names:?}"
    );
    found == NEW
}

fn bucket_with(shop: &Shop, signer: &Once<'_>) -> Bucket {
    let bucket = Bucket::start();
    publish(shop, signer, &at(&bucket), 0).unwrap();
    bucket
}

fn at(bucket: &Bucket) -> S3 {
    let address = format!("http://127.0.0.1:{}", bucket.port);
    let keys = Keys::new("AKID", "s3cr3t", None).unwrap();
    S3::new(&address, "bucket", "", "us-east-1", keys).unwrap()
}

/// How many requests a publishing is that nobody disturbs.
fn requests(shop: &Shop, signer: &Once<'_>) -> usize {
    let bucket = bucket_with(shop, signer);
    bucket.fault(|_, _| None);
    publish(shop, signer, &at(&bucket), 1).unwrap();
    bucket.requests().len()
}

/// Every request's number, or some of them.
fn some(all: usize) -> impl Iterator<Item = usize> {
    (0..all).step_by(in_all_or(1, 4) as usize)
}

#[test]
fn a_publisher_who_vanishes_at_any_request_is_succeeded() {
    let shop = Shop::new();
    let signer = Once::new(&shop.signer);
    let all = requests(&shop, &signer);
    assert!(all >= 25, "{all}");
    let trial = |end: usize| {
        let bucket = bucket_with(&shop, &signer);
        bucket.fault(move |number, _| (number >= end).then_some(Fault::LostRequest));
        let published = publish(&shop, &signer, &at(&bucket), 1).is_ok();
        bucket.fault(|_, _| None);
        bucket.turn_clock(120);
        assert!(
            recovers(&shop, &signer, &at(&bucket)) || !published,
            "{end}"
        );
    };
    std::thread::scope(|scope| some(all).for_each(|end| drop(scope.spawn(move || trial(end)))));
}

#[test]
fn one_stumble_at_any_request_is_survived() {
    let shop = Shop::new();
    let signer = Once::new(&shop.signer);
    let all = requests(&shop, &signer);
    let trial = |stumble: usize, fault: Fault| {
        let bucket = bucket_with(&shop, &signer);
        bucket.fault(move |number, _| (number == stumble).then_some(fault));
        publish(&shop, &signer, &at(&bucket), 1).unwrap();
        bucket.deliver();
        bucket.fault(|_, _| None);
        assert!(
            recovers(&shop, &signer, &at(&bucket)),
            "{stumble} {fault:?}"
        );
    };
    for fault in [
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::Busy,
        Fault::Late,
    ] {
        std::thread::scope(|scope| {
            some(all).for_each(|stumble| drop(scope.spawn(move || trial(stumble, fault))));
        });
    }
}

/// Everything that a publishing writes, by the end of its name.
const WRITTEN: [&str; 8] = [
    ".deb",
    "by-hash/",
    ".journal",
    "/Packages.gz",
    "/Release",
    "/Release.gpg",
    "/InRelease",
    "cordwainer.json",
];

/// What one publisher wrote arrives when another one has published since.
#[test]
fn uploads_that_arrive_after_others_change_nothing() {
    let shop = Shop::new();
    let signer = Once::new(&shop.signer);
    let trial = |late: &'static str| {
        let bucket = bucket_with(&shop, &signer);
        bucket.fault(move |_, request| {
            let path = request.path.split('?').next().unwrap();
            let is_late = path.ends_with(late) || (late.ends_with('/') && path.contains(late));
            (request.method == "PUT" && is_late).then_some(Fault::Late)
        });
        publish(&shop, &signer, &at(&bucket), 1).unwrap_err();
        bucket.fault(|_, _| None);
        bucket.turn_clock(120);
        publish(&shop, &signer, &at(&bucket), 2).unwrap();
        let before = packages(&shop, &at(&bucket));
        assert!(
            before.contains(&"tea 1.2 (all)".to_owned()),
            "{late}: {before:?}"
        );
        assert!(!bucket.deliver().is_empty(), "{late}");
        assert_eq!(packages(&shop, &at(&bucket)), before, "{late}");
        publish(&shop, &signer, &at(&bucket), 3).unwrap();
        apt_is_content(&shop, &at(&bucket));
    };
    std::thread::scope(|scope| {
        for late in WRITTEN {
            scope.spawn(move || trial(late));
        }
    });
}

/// The program dies with its request.
#[test]
fn the_program_may_be_killed_at_any_request() {
    let shop = Shop::new();
    let signer = Once::new(&shop.signer);
    let all = requests(&shop, &signer);
    let mut news = 0;
    for end in (0..all).step_by(in_all_or(1, 9) as usize) {
        let bucket = bucket_with(&shop, &signer);
        let place = Where::S3 {
            endpoint: format!("http://127.0.0.1:{}", bucket.port),
            bucket: "bucket".to_owned(),
            prefix: String::new(),
            region: "us-east-1".to_owned(),
        };
        let checkout = Checkout::new(&shop, place);
        let victim = Arc::new(Mutex::new(None));
        let doomed = Arc::clone(&victim);
        bucket.fault(move |number, _| {
            let pid: Option<Pid> = *doomed.lock().unwrap();
            let ends = pid.filter(|_| number >= end)?;
            kill_process_group(ends, Signal::KILL).ok();
            Some(Fault::LostRequest)
        });
        let mut command = checkout.add(&[], &[shop.deb("tea", "1.1")], &[]);
        command.envs([
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
        ]);
        // Held until it is known who is to be killed.
        let mut known = victim.lock().unwrap();
        let mut child = start(&mut command);
        *known = Some(Pid::from_child(&child));
        drop(known);
        assert_eq!(child.wait().unwrap().code(), None, "{end}");
        bucket.fault(|_, _| None);
        bucket.turn_clock(120);
        news += u32::from(recovers(&shop, &signer, &at(&bucket)));
    }
    assert!(news > 0);
}

/// A repository on another machine, and the way to it.
struct Far {
    sshd: Sshd,
    proxy: Proxy,
    /// What was published first.
    first: tempfile::TempDir,
}

impl Far {
    fn new(shop: &Shop, signer: &Once<'_>) -> Self {
        let sshd = Sshd::start();
        let proxy = Proxy::to(sshd.port);
        let first = tempfile::tempdir().unwrap();
        let far = Self { sshd, proxy, first };
        publish(shop, signer, &far.place(far.sshd.port), 0).unwrap();
        copy(far.path(), far.first.path());
        far
    }

    fn path(&self) -> String {
        self.sshd.path("repository").display().to_string()
    }

    fn place(&self, port: u16) -> Ssh {
        Ssh::new(HOST, &self.path(), &[], &self.sshd.options(port)).unwrap()
    }

    /// As it was at first.
    fn again(&self) {
        fs_err::remove_dir_all(self.path()).unwrap();
        copy(self.first.path().join("repository"), self.path());
        self.proxy.mend();
    }

    /// The next one comes over the network; what is there is looked at where it is.
    fn recovers(&self, shop: &Shop, signer: &Once<'_>) -> bool {
        let place = self.place(self.sshd.port);
        recovers_as_seen(shop, signer, &place, &Directory::new(self.path()))
    }
}

#[test]
fn a_connection_may_be_cut_at_any_byte() {
    let shop = Shop::new();
    let signer = Once::new(&shop.signer);
    let far = Far::new(&shop, &signer);
    publish(&shop, &signer, &far.place(far.proxy.port), 1).unwrap();
    let (whole, trials) = (far.proxy.passed(), in_all_or(100, 6));
    let mut news = 0;
    for trial in 1..=trials {
        far.again();
        far.proxy
            .cut_after(whole * u64::from(trial) / u64::from(trials + 1));
        publish(&shop, &signer, &far.place(far.proxy.port), 1).ok();
        news += u32::from(far.recovers(&shop, &signer));
    }
    tell(&format!("{trials} cuts in {whole} bytes: new after {news}"));
}

#[test]
fn the_program_may_be_killed_while_it_writes_to_another_machine() {
    let shop = Shop::new();
    let signer = Once::new(&shop.signer);
    let far = Far::new(&shop, &signer);
    let place = Where::Ssh {
        host: HOST.to_owned(),
        path: far.path(),
        after: Vec::new(),
        options: far.sshd.options(far.proxy.port),
    };
    let checkout = Checkout::new(&shop, place);
    let debs = [shop.deb("tea", "1.1")];
    let ran = run(&mut checkout.add(&[], &debs, &[]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let (whole, trials) = (far.proxy.passed(), in_all_or(50, 4));
    let mut news = 0;
    for trial in 1..=trials {
        far.again();
        let until = far.proxy.passed() + whole * u64::from(trial) / u64::from(trials + 1);
        let mut child = start(&mut checkout.add(&[], &debs, &[]));
        while far.proxy.passed() < until && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        kill(child);
        news += u32::from(far.recovers(&shop, &signer));
    }
    tell(&format!(
        "{trials} kills in {whole} bytes: new after {news}"
    ));
    apt_is_content(&shop, &far.place(far.sshd.port));
}
