//! `completions`: scripts for shells.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::Cli;
use crate::report::Answer;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

/// The script completes `xtask`: put `target/debug` on the `PATH`, or alias it.
pub(super) fn run(args: &Args) -> Answer {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "xtask", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Answer::new(&script, script.clone())
}
