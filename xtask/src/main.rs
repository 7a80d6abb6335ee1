//! Parse, run, render a failure, exit code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use xtask::cli::Cli;
use xtask::failure::{self, Failure, Kind, Result};
use xtask::report::{Format, Report, Volume};
use xtask::tool;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let report = cli.report();
    match guarded(|| run(cli, &report)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&report, &failure),
    }
}

/// A command line that cannot be read; `--help` and `--version` come this way too. A program that reads JSON gets JSON.
fn misused(error: &clap::Error) -> ExitCode {
    let mut words = std::env::args().skip_while(|word| !word.starts_with("--format"));
    let json = match words.next().as_deref() {
        Some("--format") => words.next().as_deref() == Some("json"),
        Some(word) => word == "--format=json",
        None => false,
    };
    if json && error.use_stderr() {
        let report = Report::new(Format::Json, Volume::Quiet);
        return failed(
            &report,
            &Failure::new(Kind::Usage, error.render().to_string().trim()),
        );
    }
    // There is nobody to tell when this cannot be written.
    error.print().unwrap_or(());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Kind::Usage.exit_code()))
}

fn failed(report: &Report, failure: &Failure) -> ExitCode {
    report.failure(failure);
    ExitCode::from(failure.kind.exit_code())
}

fn run(cli: Cli, report: &Report) -> Result<()> {
    ctrlc::set_handler(tool::interrupt)
        .map_err(|error| Failure::new(Kind::Host, format!("cannot handle signals: {error}")))?;
    // A file that may not grow further is a failure like a full disk, and no death without a word (setrlimit(2)).
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    cli.run(report)
}

/// A panic is a bug, and is shown as one. What was held is let go of on the way, as after any failure.
fn guarded(run: impl FnOnce() -> Result<()>) -> Result<()> {
    failure::remember_panics();
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(failure::panicked()))
}
