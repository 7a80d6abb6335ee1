//! The firmware that was built for a board, in its folder of the bundle.

use std::path::Path;

use walkdir::WalkDir;

use super::copy;
use crate::failure::{Failure, Kind, Result};
use crate::loader::firmware;
use crate::plan::Bundle;
use crate::steps::Work;

/// Where Debian's kernel packages have device trees, a folder for each kernel.
const TREES: &str = "usr/lib";

/// Writes it, where the recipe asks for any.
pub(super) fn write(work: &Work<'_>, bundle: &Bundle, folder: &Path) -> Result<()> {
    let Some(uboot) = &bundle.u_boot else {
        return Ok(());
    };
    let program = folder.join(firmware::uboot(&uboot.board));
    fs_err::create_dir_all(program.parent().unwrap_or(folder))?;
    copy(&work.input("u-boot"), &program)?;
    if uboot.device_tree {
        let release = work.text("release")?;
        let tree = tree(&work.input("device-trees"), release.trim(), &uboot.board)?;
        fs_err::write(folder.join(firmware::device_tree(&uboot.board)), tree)?;
    }
    Ok(())
}

/// The board's device tree, of the kernel of this release: some packages have folders of vendors in theirs.
fn tree(sysroot: &Path, release: &str, board: &str) -> Result<Vec<u8>> {
    let trees = fs_err::canonicalize(sysroot)?
        .join(TREES)
        .join(format!("linux-image-{release}"));
    let name = format!("{board}.dtb");
    for entry in WalkDir::new(&trees).sort_by_file_name() {
        let entry = entry.map_err(std::io::Error::from)?;
        if entry.file_type().is_file() && *entry.file_name() == *name {
            return Ok(fs_err::read(entry.path())?);
        }
    }
    let what = format!("the kernel's package has no device tree {name}");
    Err(Failure::new(Kind::Source, what)
        .note(format!("looked for in /{TREES}/linux-image-{release}"))
        .hint("take another kernel, or leave `device-tree` out of [u-boot]"))
}
