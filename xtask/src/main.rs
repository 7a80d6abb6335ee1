//! Parse, run, render a failure, exit code.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Parser;
use xtask::cli::Cli;
use xtask::failure::{Failure, Kind, Result};
use xtask::report::Report;
use xtask::tool;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let report = cli.report();
    match guarded(|| run(cli, &report)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report.failure(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

fn run(cli: Cli, report: &Report) -> Result<()> {
    ctrlc::set_handler(tool::interrupt)
        .map_err(|error| Failure::new(Kind::Host, format!("cannot handle signals: {error}")))?;
    // A file that may not grow further is a failure like a full disk, and no death without a word (setrlimit(2)).
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    cli.run(report)
}

/// What a panic said, and where.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// A panic is a bug, and is shown as one. What was held is let go of on the way, as after any failure.
fn guarded(run: impl FnOnce() -> Result<()>) -> Result<()> {
    set_hook(Box::new(|info| {
        // The first panic counts: others are its consequences.
        PANIC
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| info.to_string());
    }));
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let said = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(Failure::bug(
            said.unwrap_or_else(|| "it panicked".to_owned()),
        ))
    })
}
