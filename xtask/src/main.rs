//! Parse, run, render a failure, exit code.

use std::process::ExitCode;

use clap::Parser;
use xtask::cli::Cli;
use xtask::failure::{Failure, Kind};
use xtask::tool;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let report = cli.report();
    let handled = ctrlc::set_handler(tool::interrupt)
        .map_err(|error| Failure::new(Kind::Host, format!("cannot handle signals: {error}")));
    match handled.and_then(|()| cli.run(&report)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report.failure(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}
