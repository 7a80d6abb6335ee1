//! Parse, run, render a failure, exit code.

fn main() {}
