//! The verbs as a user types them, on a checkout whose sources are stand-ins: whole outputs and exit codes.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that failed"
)]

#[path = "../support/executable.rs"]
mod executable;
#[path = "../support/mod.rs"]
mod support;

mod build;
mod deb;
mod explain;
mod failures;
mod faults;
mod inspect;
mod interrupted;
mod lint;
mod publish;
mod readme;
mod recipes;
mod release;
mod store;
mod sysroot;
mod why;
