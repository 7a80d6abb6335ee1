//! PXE boots in QEMU: every scenario of every recipe, for each kind of verdict a boot in which its cause is injected, and what only a
//! real kernel can prove of images.
//!
//! They need what `cargo xtask test` sets up. Without it they are not run, and that is said loudly; `CORDWAINER_BOOTS=require`
//! (which `cargo xtask test` sets) runs them whatever happens, `CORDWAINER_BOOTS=skip` leaves them out.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that failed"
)]

mod closures;
mod controls;
#[path = "../support/copy.rs"]
mod copy;
mod installed;
mod lab;
mod network;
#[path = "../../xtask/src/closure/tests/oracle.rs"]
mod oracle;
mod project;
mod readme;
mod recipes;
mod report;
mod openfirmware;
mod routes;
mod segments;
mod serve;
mod states;
mod threads;
mod typing;

use libtest_mimic::{Arguments, Trial};
// Where `oracle`, which the crate's own tests have as well, looks for them.
use xtask::{closure, failure, image, tool};

/// In the order in which they are begun.
const TESTS: &[fn() -> Vec<Trial>] = &[
    closures::all,
    threads::all,
    typing::all,
    segments::all,
    controls::all,
    states::all,
    network::all,
    recipes::all,
    routes::all,
    openfirmware::all,
    readme::all,
    report::all,
    serve::all,
    installed::all,
];

/// The most memory that a boot takes, in KiB: 1 GiB for the machine, and half as much for QEMU, its servers and the files.
const MEMORY: usize = 3 << 19;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert_with(side_by_side);
    let run = wanted();
    if !run {
        skipped_loudly();
    }
    let trials: Vec<Trial> = TESTS
        .iter()
        .flat_map(|tests| tests())
        .map(|trial| trial.with_ignored_flag(!run))
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

#[expect(
    clippy::print_stderr,
    reason = "a test that is not run has to be heard of"
)]
fn skipped_loudly() {
    eprintln!(
        "\n*** NO BOOT IS TESTED. `cargo xtask test` sets up what boots need and runs them; \
         CORDWAINER_BOOTS=require runs them here. ***\n"
    );
}

/// Whether boots are to be run: CI runs them in any case.
fn wanted() -> bool {
    let asked = std::env::var("CORDWAINER_BOOTS").unwrap_or_default();
    match asked.as_str() {
        "require" => true,
        "skip" => false,
        _ => std::env::var_os("CI").is_some(),
    }
}

/// How many boots there may be at a time: what QEMU does for one takes a processor.
fn side_by_side() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs_err::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory.lines().find_map(|line| {
        let kib = line.strip_prefix("MemAvailable:")?.strip_suffix("kB")?;
        kib.trim().parse::<usize>().ok()
    });
    available.map_or(1, |kib| kib / MEMORY).clamp(1, processors)
}
