//! Unpacking sources into a tree, which other steps read and never write.

use super::Work;
use crate::archive::{self, Options};
use crate::failure::Result;
use crate::image::overlay;
use crate::plan::Layout;
use crate::source::debian_source;

pub(super) fn run(work: &Work<'_>, layout: &Layout) -> Result<()> {
    let tree = work.output("tree");
    if let Layout::Folder { folder } = layout {
        let from = work.input(folder);
        return overlay::snapshot(&from, &overlay::listing(&from)?, &tree);
    }
    fs_err::create_dir_all(&tree)?;
    match layout {
        Layout::DebianSource { dsc } => {
            debian_source::unpack(&work.slot.inputs(), dsc, &tree, &work.slot.log())?;
        }
        Layout::DebianBinary { deb } => {
            archive::unpack_deb(&work.input(deb), &tree)?;
        }
        Layout::Member { deb, member } => {
            let tarball = archive::read_member(&work.input(deb), member)?;
            archive::unpack_tar(tarball, &tree, &without_top(member))?;
        }
        Layout::Tarball { file } => {
            let tarball = fs_err::File::open(work.input(file))?;
            archive::unpack_tar(tarball, &tree, &without_top(file))?;
        }
        Layout::Folder { .. } => {}
    }
    Ok(())
}

/// Tarballs of sources hold a single folder, named after the version.
fn without_top(archive: &str) -> Options<'static> {
    Options {
        strip_components: 1,
        ..Options::new(archive)
    }
}
