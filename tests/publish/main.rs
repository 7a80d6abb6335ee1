//! Publishing to what is really out there: a server of OpenSSH, and one that speaks S3, both of a test's own and on loopback. The network
//! between is cut, slowed and repeated by a proxy of ours.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that failed"
)]

mod attacks;
mod clients;
mod everywhere;
#[path = "../support/executable.rs"]
mod executable;
mod killed;
mod races;
mod refused;
mod s3;
mod severed;
mod ssh;
mod support;
