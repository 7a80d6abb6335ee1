//! `netboot-images`, the helper of boot servers, on roots of its own: what it finds out about TFTP servers, what it makes of their folders,
//! and what a node finds there at every moment. Each under dash and under busybox's shell.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that failed"
)]

#[path = "../support/executable.rs"]
mod executable;
mod interrupted;
mod links;
mod node;
mod refusals;
mod room;
mod said;
mod servers;
mod temporary;
mod upgrades;

/// Runs a test under both shells.
fn in_each_shell(test: impl Fn(room::Room)) {
    for shell in [room::DASH, room::BUSYBOX] {
        test(room::Room::new(shell));
    }
}
