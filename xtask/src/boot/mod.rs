//! Boots bundles in QEMU and judges what happened. This room knows bundles, not recipes: it boots a tree that somebody
//! else made as well.
//!
//! ```text
//! Job ─▶ run ─▶ lab (own namespaces) ─▶ Happenings ─▶ judge ─▶ Verdict
//!               bridge, dnsmasq, NTP,       │    ▲       │
//!               QEMU                        │    └ Orders┘
//!                                           ▼
//!                                        record (transcript, logs, timeline, verdict)
//! ```
//! - `scenario` is what recipes say (`model`: of machines and network cards); `qemu`, `dnsmasq` and `network` turn it into command
//!   lines and configuration; `disk` is a disk to fall back to.
//! - `platform` is what follows from a bundle's architecture; `uboot` is the firmware of ARM machines,
//!   `highbank` (with `devicetree`) is a board that starts with the bundle's own.
//! - `lab` is the inside: a process of its own, in which `servers`, `ntp` and `machine` run, and `watch` is the loop that
//!   tells the judge. `wire` is how it speaks to the outside.
//! - `installed` is for what is served by a system's own TFTP server, of whichever kind; `transfers` sees on the wire what that sends.
//! - `console` and `typist` read and write serial lines; `protocol`, `signs`, `qmp` say what lines mean.
//! - `judge` with `lookout` and `checks` comes to a `verdict`; `timeline` says how far the boot was when. They do no I/O, so a record can be
//!   judged again.
//! - `run` is the outside; `record` is what it keeps; `accel` finds out whether KVM is any good; `foreign` boots bundles that say
//!   nothing of themselves; `shell` boots to be used and not to be judged.
//!
//! Whatever happens, nothing is left: the lab's process is the first of its process namespace, killed by the kernel when the
//! one that started it dies, and everything else with it. `CORDWAINER_TIMEOUT_FACTOR` multiplies every time limit,
//! `CORDWAINER_ACCEL` (`kvm`, `tcg`) takes the place of the KVM trial.

pub mod accel;
pub mod checks;
pub mod console;
pub mod devicetree;
pub mod disk;
pub mod dnsmasq;
pub mod foreign;
pub mod happening;
pub mod installed;
pub mod judge;
pub mod highbank;
mod lab;
pub mod lookout;
pub mod machine;
pub mod model;
pub mod network;
pub mod ntp;
pub mod platform;
pub mod protocol;
pub mod qemu;
pub mod qmp;
pub mod record;
mod run;
pub mod scenario;
pub mod servers;
mod shell;
pub mod signs;
pub mod timeline;
pub mod transfers;
pub mod typist;
pub mod uboot;
pub mod verdict;
pub mod watch;
pub mod wire;

pub use lab::main as lab_main;
pub use run::{Job, Outcome, probe, run};
pub use shell::shell;
