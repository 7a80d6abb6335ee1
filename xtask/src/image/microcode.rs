//! Microcode of processors, for the archive that comes first in an image and is never compressed (Documentation/arch/x86/microcode.rst): one file for each maker,
//! in which all updates are one behind the other. Each is checked before, because the kernel says nothing of what it does not like.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind, Result};

use super::content::Content;
use super::newc;
use super::path::ImagePath;
use super::tree::{Entry, FileTree, Origin};

/// Where the kernel looks.
const FOLDER: &str = "kernel/x86/microcode";

/// The most that a maker's files may have together, in bytes: Intel's are 15 MB.
const LARGEST: u64 = 256 << 20;

/// Makers of processors whose microcode is known.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Maker {
    /// Intel (package intel-microcode).
    Intel,
    /// AMD (package amd64-microcode).
    Amd,
}

impl Maker {
    /// The folder below `lib/firmware`, and the pattern of the names of files there that hold microcode.
    #[must_use]
    pub const fn files(self) -> (&'static str, &'static str) {
        match self {
            Self::Intel => ("intel-ucode", "*"),
            Self::Amd => ("amd-ucode", "microcode_amd*.bin"),
        }
    }

    const fn target(self) -> &'static str {
        match self {
            Self::Intel => "GenuineIntel.bin",
            Self::Amd => "AuthenticAMD.bin",
        }
    }

    /// Its file in the image.
    ///
    /// # Errors
    /// None: the path is one of two.
    pub fn path(self) -> Result<ImagePath> {
        format!("{FOLDER}/{}", self.target()).parse()
    }

    const fn check(self) -> fn(&[u8]) -> Result<(), String> {
        match self {
            Self::Intel => intel,
            Self::Amd => amd,
        }
    }
}

/// A file with microcode.
#[derive(Clone, Debug)]
pub struct Source {
    /// What failures call it.
    pub name: String,
    /// What is in it.
    pub content: Content,
}

/// The tree of the early archive: for each maker what its files hold, one behind the other in this order. `origin` is why.
///
/// Intel's processors want an update at an address that can be divided by 16 (SDM, volume 3A, 9.11.6), and the kernel loads it from where it lies in the archive, which itself begins
/// on a page: a file of a few zeros in front of it sees to that.
///
/// # Errors
/// [`Kind::Source`] for a maker without files, and for a file whose headers, sizes or sums are wrong; what reading fails with.
pub fn tree(makers: &[(Maker, Vec<Source>)], origin: &Origin) -> Result<FileTree> {
    let mut tree = FileTree::default();
    for (maker, sources) in makers {
        let bytes = joined(*maker, sources)?;
        tree.add(maker.path()?, Entry::file(bytes, false, origin.clone()))?;
    }
    tree.fill_parents(0o755);
    align(tree)
}

fn joined(maker: Maker, sources: &[Source]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for source in sources {
        if all.len() as u64 + source.content.size() > LARGEST {
            return Err(Failure::new(
                Kind::Source,
                format!("the microcode up to {} is larger than 256 MiB", source.name),
            ));
        }
        let from = all.len();
        source.content.copy_to(&mut all)?;
        maker.check()(&all[from..]).map_err(|why| {
            Failure::new(
                Kind::Source,
                format!(
                    "{} is no microcode that a kernel would load: {why}",
                    source.name
                ),
            )
            .hint("install the package with the microcode again, or leave the file out")
        })?;
    }
    if all.is_empty() {
        let (folder, pattern) = maker.files();
        return Err(Failure::new(Kind::Source, format!("there is no microcode: no file lib/firmware/{folder}/{pattern}"))
            .hint("name its package in [sysroot]: `intel-microcode` or `amd64-microcode`, of the component `non-free-firmware`"));
    }
    Ok(all)
}

/// Puts the data of Intel's file at a multiple of 16.
fn align(tree: FileTree) -> Result<FileTree> {
    let path = Maker::Intel.path()?;
    if newc::data_offset(&tree, &path).is_none_or(|offset| offset % 16 == 0) {
        return Ok(tree);
    }
    // Data begin at a multiple of 4, so one of four lengths does it.
    for length in [0, 4, 8, 12] {
        let mut padded = tree.clone();
        let filler = Origin::Generated {
            what: "padding, so that the microcode lies where processors take it from".to_owned(),
        };
        let name = format!("{FOLDER}/.align").parse()?;
        padded.add(name, Entry::file(vec![0; length], false, filler))?;
        if newc::data_offset(&padded, &path).is_some_and(|offset| offset % 16 == 0) {
            return Ok(padded);
        }
    }
    Err(Failure::bug(
        "no padding puts microcode at a multiple of 16 bytes",
    ))
}

/// Length of the header of an update.
const HEADER: usize = 48;
/// Lengths of an extended signature table's header and of its entries.
const EXTENDED_HEADER: usize = 20;
const SIGNATURE: usize = 12;
/// Data and total size of an update whose header says 0.
const DEFAULT_SIZES: (usize, usize) = (2000, 2048);

/// Checks updates one behind the other (Intel SDM, volume 3A, 9.11.1: table 9-7 and the fields below it; the kernel's `intel_microcode_sanity_check`).
///
/// ```text
/// 0 header version = 1   4 revision   8 date   12 signature   16 checksum   20 loader revision = 1   24 flags   28 data size   32 total size
/// 48 data   48 + data size: [count   checksum   12 reserved   (signature   flags   checksum) × count]
/// ```
fn intel(file: &[u8]) -> Result<(), String> {
    let mut rest = file;
    while !rest.is_empty() {
        let at = file.len() - rest.len();
        let length = update(rest).map_err(|why| format!("at byte {at}, {why}"))?;
        rest = &rest[length..];
    }
    if file.is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(())
}

/// Checks the update at the beginning, and returns its length.
fn update(bytes: &[u8]) -> Result<usize, String> {
    let field = |at| u32_at(bytes, at).ok_or("a header is cut short");
    let (version, loader) = (field(0)?, field(20)?);
    if (version, loader) != (1, 1) {
        return Err(format!(
            "header version and loader revision are {version} and {loader}, not 1 and 1"
        ));
    }
    let (data, total) = match (field(28)? as usize, field(32)? as usize) {
        (0, _) => DEFAULT_SIZES,
        sizes => sizes,
    };
    let (data_end, update) = (HEADER.checked_add(data), bytes.get(..total));
    let (Some(data_end), Some(update)) = (data_end.filter(|&end| end <= total), update) else {
        return Err(format!(
            "{data} bytes of data in {total} are more than there are"
        ));
    };
    if data % 4 != 0 || total % 1024 != 0 {
        return Err(format!(
            "{data} bytes of data in {total} are no multiples of 4 and 1024"
        ));
    }
    if sum(&update[..data_end]) != 0 {
        return Err("the checksum is wrong".to_owned());
    }
    extended(&update[..HEADER], &update[data_end..])?;
    Ok(total)
}

/// Checks the table of further processors that an update is for, if it has one.
fn extended(header: &[u8], table: &[u8]) -> Result<(), String> {
    if table.is_empty() {
        return Ok(());
    }
    let field =
        |bytes: &[u8], at| u32_at(bytes, at).ok_or("the extended signature table is cut short");
    let count = field(table, 0)? as usize;
    let length = count
        .checked_mul(SIGNATURE)
        .and_then(|length| length.checked_add(EXTENDED_HEADER));
    if length != Some(table.len()) {
        return Err(format!(
            "an extended signature table with {count} entries does not have {} bytes",
            table.len()
        ));
    }
    if sum(table) != 0 {
        return Err("the checksum of the extended signature table is wrong".to_owned());
    }
    let own = |bytes: &[u8], at: [usize; 3]| -> Result<u32, String> {
        let mut sum = 0_u32;
        for at in at {
            sum = sum.wrapping_add(field(bytes, at)?);
        }
        Ok(sum)
    };
    let expected = own(header, [12, 16, 24])?;
    for entry in table[EXTENDED_HEADER..].chunks_exact(SIGNATURE) {
        if own(entry, [0, 4, 8])? != expected {
            return Err("the checksum of an extended signature is wrong".to_owned());
        }
    }
    Ok(())
}

/// "DMA\0" as the kernel has it (`UCODE_MAGIC`).
const AMD_MAGIC: u32 = 0x0041_4d44;
const AMD_TABLE: u32 = 0;
const AMD_PATCH: u32 = 1;
/// The length of an entry of the equivalence table.
const AMD_ENTRY: usize = 16;
/// The length of the header of a patch (`struct microcode_header_amd`).
const AMD_HEADER: usize = 64;

/// Checks containers one behind the other (`verify_container`, `verify_equivalence_table` and `verify_patch` of arch/x86/kernel/cpu/microcode/amd.c).
///
/// ```text
/// magic   type = 0   length   equivalence table   (type = 1   length   patch)…
/// ```
fn amd(file: &[u8]) -> Result<(), String> {
    let cut = |at: usize| format!("at byte {at}, a section is cut short");
    let mut at = 0;
    let mut patches = 0;
    let section = |at: usize, kind: u32| -> Result<usize, String> {
        let field = |at| u32_at(file, at).ok_or_else(|| cut(at));
        let (found, length) = (field(at)?, field(at + 4)? as usize);
        if found != kind {
            return Err(format!(
                "at byte {at}, a section is of type {found}, not {kind}"
            ));
        }
        let end = (at + 8)
            .checked_add(length)
            .filter(|&end| end <= file.len());
        end.ok_or_else(|| cut(at))
    };
    while at < file.len() {
        if u32_at(file, at) == Some(AMD_MAGIC) {
            let end = section(at + 4, AMD_TABLE)?;
            let length = end - at - 12;
            if length == 0 || length % AMD_ENTRY != 0 {
                return Err(format!(
                    "at byte {at}, an equivalence table has {length} bytes"
                ));
            }
            at = end;
        } else if at == 0 {
            return Err("it does not begin as a container of AMD does".to_owned());
        } else {
            let end = section(at, AMD_PATCH)?;
            if end - at - 8 < AMD_HEADER {
                return Err(format!("at byte {at}, a patch is shorter than its header"));
            }
            patches += 1;
            at = end;
        }
    }
    if patches == 0 {
        return Err("it holds no patch".to_owned());
    }
    Ok(())
}

/// The sum of all little-endian 32-bit words; of a length that is a multiple of 4.
fn sum(bytes: &[u8]) -> u32 {
    /// Every other word: the sums of two words each grow in halves of 64 bits, which they cannot fill.
    const EVERY_OTHER: u128 = 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff;
    let (chunks, rest) = bytes.as_chunks::<16>();
    let mut total = 0_u128;
    for chunk in chunks {
        let words = u128::from_le_bytes(*chunk);
        total += (words & EVERY_OTHER) + (words >> 32 & EVERY_OTHER);
    }
    let (words, _) = rest.as_chunks::<4>();
    let rest = words.iter().fold(0_u32, |sum, word| {
        sum.wrapping_add(u32::from_le_bytes(*word))
    });
    rest.wrapping_add(total as u32)
        .wrapping_add((total >> 64) as u32)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(word.try_into().ok()?))
}
