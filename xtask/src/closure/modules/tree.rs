//! Modules, indexes and firmware as a part of an image.

use crate::failure::Result;
use crate::image::content::Content;
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Origin, Taken};

use super::choose::{Chosen, Why};
use super::firmware::{Firmware, Seen};
use super::index::index;
use super::kernel::Kernel;

/// The table of the recipe that modules come from.
const TABLE: &str = "modules";

/// Where things go and where they are from.
pub struct Place<'a> {
    /// What `lib` is called in the image: `usr/lib` where `/lib` is a link to it, `lib` otherwise.
    pub lib: &'a str,
    /// Where a path of the kernel's root was taken from.
    pub kernel: &'a dyn Fn(&str) -> Option<Taken>,
    /// Where a path of the firmware's root was taken from.
    pub firmware: &'a dyn Fn(&str) -> Option<Taken>,
}

/// Everything that is chosen, with its indexes and the firmware that was found, each with its reason. Directories above are left to whoever completes the tree.
///
/// # Errors
/// As [`index()`]; [`crate::failure::Kind::Recipe`] when links of the firmware's root cannot be in one tree with its files.
pub fn tree(
    kernel: &Kernel,
    chosen: &Chosen,
    firmware: &Firmware,
    place: &Place<'_>,
) -> Result<FileTree> {
    let mut tree = FileTree::default();
    let folder = format!("{}/modules/{}", place.lib, kernel.release);
    let path = |below: &str| -> Result<ImagePath> { format!("{folder}/{below}").parse() };
    for picked in &chosen.modules {
        let origin = match &picked.why {
            Why::Taken(name) => Origin::Copied {
                table: TABLE.to_owned(),
                name: name.clone(),
            },
            Why::Needed { by, how } => Origin::Needed {
                by: path(&kernel.modules[*by].path)?,
                how: (*how).to_owned(),
            },
        };
        let content = Content::unread(kernel.file(picked.module), kernel.size(picked.module)?);
        let below = &kernel.modules[picked.module].path;
        let mut entry = Entry::file(content, false, origin);
        entry.taken = (place.kernel)(&format!("{}/{below}", kernel.below));
        tree.add(path(below)?, entry)?;
    }
    for (name, content) in index(kernel, chosen)? {
        let origin = Origin::Generated {
            what: "index of the modules".to_owned(),
        };
        tree.add(path(name)?, Entry::file(content, false, origin))?;
    }
    for (from, found) in &firmware.found {
        // Whether `lib` is a link in the image is not for us to say.
        if from == "lib" {
            continue;
        }
        let below = ["usr/lib/", "lib/"]
            .iter()
            .find_map(|top| from.strip_prefix(top));
        let to = below.map_or_else(|| from.clone(), |below| format!("{}/{below}", place.lib));
        let origin = match kernel.find(&found.module) {
            Some(module) => Origin::Needed {
                by: path(&kernel.modules[module].path)?,
                how: "firmware".to_owned(),
            },
            // It is built in.
            None => Origin::Copied {
                table: TABLE.to_owned(),
                name: found.module.clone(),
            },
        };
        let mut entry = match &found.seen {
            Seen::File(file, size) => {
                Entry::file(Content::unread(file.clone(), *size), false, origin)
            }
            Seen::Link(target) => Entry::symlink(target.clone(), origin),
            Seen::Folder => continue,
        };
        entry.taken = (place.firmware)(from);
        tree.add(to.parse()?, entry)?;
    }
    Ok(tree)
}
