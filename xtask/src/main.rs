//! Parse, run, render a failure, exit code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;
use xtask::cli::Cli;
use xtask::failure::{self, Failure, Kind, Result};
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
    cli.run(report)
}

/// A panic is a bug, and is shown as one. What was held is let go of on the way, as after any failure.
fn guarded(run: impl FnOnce() -> Result<()>) -> Result<()> {
    failure::remember_panics();
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(failure::panicked()))
}
