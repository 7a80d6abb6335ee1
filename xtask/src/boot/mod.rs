//! Boots bundles in QEMU and judges what happened.

pub mod scenario;
pub mod time;
