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
//! - `platform` is what follows from a bundle's architecture; `uboot` is the firmware of ARM machines, `efi`
//!   UEFI, `highbank` (with `devicetree`) a board that starts with the bundle's own, and `openfirmware` that of POWER machines.
//! - `lab` is the inside: a process of its own, in which `servers`, `http`, `ntp` and `machine` run, and `watch` is the loop that
//!   tells the judge. `wire` is how it speaks to the outside.
//! - `installed` is for what is served by a system's own TFTP server, of whichever kind; `transfers` sees on the wire what that sends.
//! - `topology` is who else is in the network, `namespace` where those hosts run. `fault` is what goes wrong and when; `inject` makes it so,
//!   `farm` changes what TFTP serves.
//! - `console` and `typist` read and write serial lines; `protocol`, `signs`, `qmp` say what lines mean.
//! - `state` is what a boot can end in, `waiting` a menu that somebody has to choose from; `reporter` is what images tell by HTTP (`mailbox`),
//!   `retry` whether a boot that failed is made again.
//! - `judge` with `lookout`, `ordeal` and `checks` comes to a `verdict`; `timeline` says how far the boot was when. They do no I/O, so a record can be
//!   judged again.
//! - `run` is the outside; `record` is what it keeps; `accel` finds out whether KVM is any good; `foreign` boots bundles that say
//!   nothing of themselves; `shell` boots to be used and not to be judged.
//! - `runner` makes several boots at a time, `shard` deals them to several machines; `case` is what came of a scenario, `history` what came
//!   of it before; `serve` is for machines that are real; `report` is the page and the `JUnit` file about all of them.
//!
//! Whatever happens, nothing is left: the lab's process is the first of its process namespace, killed by the kernel when the
//! one that started it dies, and everything else with it. `CORDWAINER_TIMEOUT_FACTOR` multiplies every time limit,
//! `CORDWAINER_ACCEL` (`kvm`, `tcg`) takes the place of the KVM trial.

pub mod accel;
pub mod case;
pub mod checks;
pub mod console;
pub mod devicetree;
pub mod disk;
pub mod dnsmasq;
pub mod efi;
pub mod farm;
pub mod fault;
pub mod foreign;
pub mod happening;
pub mod history;
pub mod http;
pub mod inject;
pub mod installed;
pub mod judge;
pub mod highbank;
mod lab;
pub mod lookout;
pub mod machine;
pub mod mailbox;
pub mod model;
pub mod namespace;
pub mod network;
pub mod openfirmware;
pub mod ntp;
pub mod ordeal;
pub mod platform;
pub mod protocol;
pub mod qemu;
pub mod qmp;
pub mod record;
pub mod offer;
pub mod reporter;
pub mod retry;
pub mod report;
mod run;
pub mod runner;
pub mod scenario;
pub mod serve;
pub mod servers;
pub mod shard;
mod shell;
pub mod signs;
pub mod state;
pub mod timeline;
pub mod topology;
pub mod transfers;
pub mod typist;
pub mod uboot;
pub mod verdict;
pub mod waiting;
pub mod watch;
pub mod wire;

pub use lab::main as lab_main;
pub use run::{Attempt, Job, Outcome, probe, run};
pub use shell::shell;
