//! Where a bundle keeps the firmware that was built for a board: to be written to boards, and what the lab's machine of that kind
//! starts with. Building it is the steps'.

/// U-Boot for a board, as a path inside the bundle.
#[must_use]
pub fn uboot(board: &str) -> String {
    format!("firmware/{board}/u-boot.bin")
}

/// A board's device tree, as a path inside the bundle. On a real board, its own firmware has one; this is the kernel's.
#[must_use]
pub fn device_tree(board: &str) -> String {
    format!("firmware/{board}/{board}.dtb")
}
