//! Programs, libraries and modules without what only debuggers and linkers read.

use std::io::Write;

use crate::closure::strip::{self, Strip, Stripped};
use crate::event::Event;
use crate::failure::{Doing, Result};
use crate::image::content::Content;
use crate::image::tree::FileTree;
use crate::steps::Work;
use crate::text::counted;
use crate::tool;

/// How ELF files begin.
const ELF: &[u8] = b"\x7fELF";

/// Takes out of every ELF file what the recipe says is to go. What gets smaller waits in the step's folder.
pub(super) fn strip(work: &Work<'_>, how: Strip, tree: &mut FileTree) -> Result<()> {
    if how == Strip::None {
        return Ok(());
    }
    let folder = work.slot.folder().join("stripped");
    fs_err::create_dir_all(&folder)?;
    let mut signed = 0_usize;
    for (number, (path, content)) in tree.contents_mut().enumerate() {
        tool::check_interrupt()?;
        if content.head(ELF.len())? != ELF {
            continue;
        }
        let mut bytes = Vec::new();
        content.copy_to(&mut bytes)?;
        match strip::strip(&bytes, how).doing(|| format!("cannot strip {path}"))? {
            Stripped::Smaller(bytes) => {
                let place = folder.join(number.to_string());
                fs_err::File::create(&place)?.write_all(&bytes)?;
                *content = Content::unread(place, bytes.len() as u64);
            }
            Stripped::Left(strip::Left::Signed) => signed += 1,
            Stripped::Left(left) => {
                if let Some(why) = left.why() {
                    work.listen.hear(Event::Note(format!(
                        "{path} is left as it is for stripping: it {why}"
                    )));
                }
            }
        }
    }
    if signed > 0 {
        work.listen.hear(Event::Note(format!(
            "left as they are for stripping: {}; a kernel would not take them any more",
            counted(signed, "signed module")
        )));
    }
    Ok(())
}
