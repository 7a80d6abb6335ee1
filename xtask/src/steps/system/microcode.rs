//! The early segment: microcode updates, which the kernel wants before it unpacks anything.

use crate::closure::modules::{self, Below};
use crate::failure::{Failure, Kind, Result};
use crate::image::content::Content;
use crate::image::microcode::{self, Source};
use crate::image::newc;
use crate::image::tree::{FileTree, Origin};
use crate::plan::System;
use crate::steps::Work;

/// Writes the output `early`: an archive, not compressed, as the kernel wants it
/// (Documentation/arch/x86/microcode.rst); nothing where the recipe asks for none. Returns what is in it.
pub(super) fn write(work: &Work<'_>, system: &System) -> Result<FileTree> {
    let output = fs_err::File::create(work.output("early"))?;
    if system.microcode.is_empty() {
        return Ok(FileTree::default());
    }
    let folder = work.input("sysroot/tree");
    let mut makers = Vec::new();
    for &maker in &system.microcode {
        let (below, pattern) = maker.files();
        let found = modules::microcode(&Below(&folder), below, pattern)?;
        if found.is_empty() {
            return Err(Failure::new(
                Kind::Recipe,
                format!("no package of [sysroot] has microcode in /lib/firmware/{below}"),
            )
            .hint("intel-microcode and amd64-microcode have it: components = [\"main\", \"non-free-firmware\"]"));
        }
        let sources = found.into_iter().map(|(name, file, size)| Source {
            name,
            content: Content::unread(file, size),
        });
        makers.push((maker, sources.collect()));
    }
    let origin = Origin::Recipe {
        table: "image.microcode".to_owned(),
    };
    let tree = microcode::tree(&makers, &origin)?;
    newc::write(&tree, system.packing.mtime, output)?;
    Ok(tree)
}
