//! PXE boots in QEMU: every scenario of the demo recipe, and for each kind of verdict a boot in which its cause is injected.
//!
//! They need what `cargo xtask test` sets up. Without it they are not run, and that is said loudly; `CORDWAINER_BOOTS=require`
//! (which `cargo xtask test` sets) runs them whatever happens, `CORDWAINER_BOOTS=skip` leaves them out.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that failed"
)]

mod controls;
mod lab;
mod readme;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut arguments = Arguments::from_args();
    // Boots disturb each other's times; QEMU uses two threads anyway.
    arguments.test_threads.get_or_insert(1);
    let run = wanted();
    if !run {
        skipped_loudly();
    }
    let trials: Vec<Trial> = lab::scenarios()
        .into_iter()
        .chain(controls::all())
        .chain(readme::all())
        .collect();
    let trials = trials
        .into_iter()
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
