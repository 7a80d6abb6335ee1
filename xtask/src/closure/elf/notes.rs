//! `.note.dlopen`: what a program loads while it runs, by its own account.
//!
//! <https://uapi-group.org/specifications/specs/elf_dlopen_metadata/>: notes of the owner `FDO` whose content is a JSON array of
//! features, each with the sonames any one of which will do.

use object::Endianness;
use object::elf;
use object::read::elf::{FileHeader, NoteIterator, ProgramHeader};
use serde::Deserialize;

use crate::closure::Dlopen;

use super::Parse;

/// The type of these notes, and their owner.
const TYPE: u32 = 0x407c_0c0a;
const OWNER: &[u8] = b"FDO";
/// All notes of a file are some kilobytes.
const MOST: u64 = 1024 * 1024;

/// Something that a program can do when it finds one of some libraries.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Feature {
    /// The libraries: the first that is there is loaded.
    pub soname: Vec<String>,
    /// How much it matters; `recommended` when it does not say.
    #[serde(default)]
    pub priority: Dlopen,
    /// Its name.
    #[serde(default)]
    pub feature: String,
    /// What it is.
    #[serde(default)]
    pub description: String,
}

impl<H: FileHeader<Endian = Endianness>> Parse<'_, '_, H> {
    /// What it loads while it runs. What of the notes cannot be read goes to `odd`.
    pub(super) fn features(&mut self, odd: &mut Vec<String>) -> Vec<Feature> {
        let endian = self.endian;
        let notes: Vec<(u64, u64, H::Word)> = self
            .segments
            .iter()
            .filter(|segment| segment.p_type(endian) == elf::PT_NOTE)
            .map(|segment| {
                let (offset, size) = segment.file_range(endian);
                (offset, size, segment.p_align(endian))
            })
            .collect();
        let mut features = Vec::new();
        for (offset, size, align) in notes {
            let bytes = self.reader.bytes(offset, size.min(MOST));
            let said = bytes.and_then(|bytes| features_in::<H>(endian, align, &bytes));
            match said {
                Ok(said) => features.extend(said),
                Err(why) => odd.push(format!("its notes cannot be read: {why}")),
            }
        }
        features
    }
}

fn features_in<H: FileHeader<Endian = Endianness>>(
    endian: Endianness,
    align: H::Word,
    bytes: &[u8],
) -> Result<Vec<Feature>, String> {
    let says = |error: object::Error| error.to_string();
    let mut notes = NoteIterator::<H>::new(endian, align, bytes).map_err(says)?;
    let mut features = Vec::new();
    while let Some(note) = notes.next().map_err(says)? {
        if note.n_type(endian).0 == TYPE && note.name() == OWNER {
            let text = note.desc().split(|&byte| byte == 0).next().unwrap_or(&[]);
            let said: Vec<Feature> = serde_json::from_slice(text)
                .map_err(|error| format!("what it loads is no list of features: {error}"))?;
            features.extend(said);
        }
    }
    Ok(features)
}
