//! The early segment: microcode updates, which the kernel wants before it unpacks anything.

use crate::closure::modules::{self, Below};
use crate::failure::{Failure, Kind, Result};
use crate::image::content::Content;
use crate::image::microcode::{self, Source};
use crate::image::newc;
use crate::image::tree::{FileTree, Origin, Taken};
use crate::plan::System;
use crate::steps::Work;
use crate::steps::sysroot::Index;

use super::modules::taken;

/// Writes the output `early`: an archive, not compressed, as the kernel wants it
/// (Documentation/arch/x86/microcode.rst); nothing where the recipe asks for none. Returns what is in it.
pub(super) fn write(work: &Work<'_>, system: &System, sysroot: Option<&Index>) -> Result<FileTree> {
    let output = fs_err::File::create(work.output("early"))?;
    if system.microcode.is_empty() {
        return Ok(FileTree::default());
    }
    let folder = work.input("sysroot/tree");
    let mut makers = Vec::new();
    let mut folders = Vec::new();
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
        folders.push((maker, found[0].0.clone()));
        let sources = found.into_iter().map(|(name, file, size)| Source {
            name,
            content: Content::unread(file, size),
        });
        makers.push((maker, sources.collect()));
    }
    let origin = Origin::Recipe {
        table: "image.microcode".to_owned(),
    };
    let mut tree = microcode::tree(&makers, &origin)?;
    for (maker, first) in folders {
        let taken = sysroot.and_then(|index| taken(index, &first));
        tree.explain(&maker.path()?, origin.clone(), taken.map(folder_of));
    }
    newc::write(&tree, system.packing.mtime, output)?;
    Ok(tree)
}

/// One file of the image is made of all files of the folder.
fn folder_of(mut first: Taken) -> Taken {
    if let Some(slash) = first.path.rfind('/') {
        first.path.truncate(slash);
    }
    first
}
