//! Boots in QEMU through real DHCP and TFTP. The bundle is a boot file of 512 bytes that says on the console whatever a test
//! wants to be said: each verdict is shown to come when its cause is there, in less than a second each.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that failed"
)]

mod arm;
mod faults;
mod support;
mod said;
mod states;
