//! The verbs as a user types them, on a checkout whose sources are stand-ins: whole outputs and exit codes.

#[path = "../support/mod.rs"]
mod support;

mod build;
mod explain;
mod failures;
mod interrupted;
mod readme;
mod recipes;
mod store;
