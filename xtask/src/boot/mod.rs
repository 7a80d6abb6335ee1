//! Boots bundles in QEMU and judges what happened.

pub mod accel;
pub mod checks;
pub mod console;
pub mod disk;
pub mod dnsmasq;
pub mod happening;
pub mod judge;
pub mod lab;
pub mod machine;
pub mod network;
pub mod ntp;
pub mod protocol;
pub mod qemu;
pub mod qmp;
pub mod record;
pub mod run;
pub mod scenario;
pub mod servers;
pub mod shell;
pub mod signs;
pub mod time;
pub mod timeline;
pub mod typist;
pub mod verdict;
pub mod watch;
pub mod wire;
