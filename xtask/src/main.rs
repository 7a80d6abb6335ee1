//! Parse, run, render a failure, exit code.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [verb, job] if verb == "lab" => match xtask::boot::lab_main(Path::new(job)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => ExitCode::from(failure.kind.exit_code()),
        },
        _ => ExitCode::FAILURE,
    }
}
