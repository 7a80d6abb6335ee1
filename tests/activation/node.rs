//! What a node that boots finds in the TFTP root.

use std::path::Path;

/// The kernel that a node without a link of its own boots; nothing when it finds no menu. Everything that a menu leads to must be there.
pub(crate) fn boots(tftp: &Path) -> Option<String> {
    let menu = fs_err::read_to_string(tftp.join("pxelinux.cfg/default")).ok()?;
    Some(kernel_of(tftp, &menu))
}

/// What a node of this name boots.
pub(crate) fn boots_as(tftp: &Path, name: &str) -> Option<String> {
    let menu = fs_err::read_to_string(tftp.join("pxelinux.cfg").join(name)).ok()?;
    Some(kernel_of(tftp, &menu))
}

fn kernel_of(tftp: &Path, menu: &str) -> String {
    let kernel = menu.split("LINUX ").nth(1).unwrap().trim();
    fs_err::read_to_string(tftp.join(kernel)).unwrap()
}

/// The loader that nodes are given, and that it finds its own module.
pub(crate) fn loader(tftp: &Path) -> Option<String> {
    let loader = fs_err::read_to_string(tftp.join("pxelinux.0")).ok()?;
    let module = fs_err::read_to_string(tftp.join("ldlinux.c32")).unwrap();
    assert_eq!(module, format!("ldlinux of {loader}"));
    Some(loader)
}
