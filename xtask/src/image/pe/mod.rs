//! PE/COFF images as UEFI firmware takes them: reading their headers without trusting them. Microsoft's "PE Format"; the
//! firmware's own reader is EDK II's `BasePeCoff.c`. Only PE32+, which all 64-bit machines have.
//!
//! Adding sections is `append`'s, signatures are `authenticode`'s. Numbers are little-endian.

pub mod append;
pub mod authenticode;
pub mod certificate;
mod der;
mod rsa;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use crate::text::quoted;

/// The machine types of PE images that we know (`IMAGE_FILE_MACHINE_*`).
pub const AMD64: u16 = 0x8664;
/// See [`AMD64`].
pub const ARM64: u16 = 0xaa64;

/// Where `MZ`'s header says that the PE header is.
const LFANEW: usize = 0x3c;
/// Length of the signature `PE\0\0` and the COFF header behind it.
const COFF: usize = 24;
/// Length of the optional header without its data directories.
const OPTIONAL: usize = 112;
/// Magic number of PE32+.
const PE32_PLUS: u16 = 0x20b;
/// Length of an entry in the section table.
const SECTION: usize = 40;
/// The most sections that Windows' loader takes.
const MOST_SECTIONS: u16 = 96;
/// The most data directories that there are.
const MOST_DIRECTORIES: u32 = 16;
/// The directory that says where the signatures are; by file offset, unlike the others.
const SECURITY: usize = 4;

/// What is wrong with an image: half a sentence that goes on from "it" or the file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl Malformed {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// The result of reading or writing an image.
pub type Result<T> = std::result::Result<T, Malformed>;

fn bad<T>(what: impl Into<String>) -> Result<T> {
    Err(Malformed::new(what))
}

/// A section, as the section table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name: up to 8 bytes, mostly with a dot in front.
    pub name: String,
    /// Where it is in memory, from the image's base.
    pub address: u32,
    /// Its length in memory, in bytes; for sections that are data, the length of that data.
    pub size: u32,
    /// Where its bytes are in the file.
    pub file: Range<usize>,
    /// `IMAGE_SCN_*`.
    pub flags: u32,
}

impl Section {
    /// One past its last address in memory.
    fn end(&self) -> u64 {
        u64::from(self.address) + u64::from(self.size).max(self.file.len() as u64)
    }
}

/// An image whose headers and sections are inside the file and do not overlap.
#[derive(Clone, Debug)]
pub struct Pe<'a> {
    bytes: &'a [u8],
    /// Where `PE\0\0` is.
    header: usize,
    machine: u16,
    /// `SizeOfImage`.
    memory: u32,
    directories: usize,
    table: usize,
    sections: Vec<Section>,
}

impl<'a> Pe<'a> {
    /// Reads the headers of an image. Time and memory are bounded by the 96 sections that there may be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        if !bytes.starts_with(b"MZ") {
            return bad("is no PE image: it does not begin with `MZ`");
        }
        let header = u32_at(bytes, LFANEW)? as usize;
        let signature = header.checked_add(4).and_then(|end| bytes.get(header..end));
        if signature != Some(b"PE\0\0") {
            return bad("is no PE image: it has no signature `PE`");
        }
        let optional = header + COFF;
        match u16_at(bytes, optional)? {
            PE32_PLUS => {}
            0x10b => return bad("is a PE image for 32-bit machines"),
            other => {
                return bad(format!(
                    "has an optional header of the unknown kind {other:#x}"
                ));
            }
        }
        let directories = u32_at(bytes, optional + OPTIONAL - 4)?;
        let length = usize::from(u16_at(bytes, header + 20)?);
        if directories > MOST_DIRECTORIES || OPTIONAL + directories as usize * 8 > length {
            return bad(format!(
                "has {directories} data directories, for which its header has no room"
            ));
        }
        let mut pe = Self {
            bytes,
            header,
            machine: u16_at(bytes, header + 4)?,
            memory: u32_at(bytes, optional + 56)?,
            directories: directories as usize,
            table: optional + length,
            sections: Vec::new(),
        };
        pe.sections = pe.section_table()?;
        pe.check_layout()?;
        Ok(pe)
    }

    fn section_table(&self) -> Result<Vec<Section>> {
        let count = u16_at(self.bytes, self.header + 6)?;
        if count > MOST_SECTIONS {
            return bad(format!(
                "has {count} sections; {MOST_SECTIONS} are the most there may be"
            ));
        }
        let entry = |number: usize| self.section(self.table + number * SECTION);
        (0..usize::from(count)).map(entry).collect()
    }

    fn section(&self, at: usize) -> Result<Section> {
        let Some(entry) = self.bytes.get(at..at + SECTION) else {
            return bad("ends within its section table");
        };
        let name = entry[..8].split(|&byte| byte == 0).next().unwrap_or(&[]);
        let name = String::from_utf8_lossy(name).into_owned();
        let (length, offset) = (u32_at(entry, 16)? as usize, u32_at(entry, 20)? as usize);
        // Sections that are all zeros have no bytes, and may point anywhere.
        let file = if length == 0 {
            0..0
        } else {
            offset..offset + length
        };
        if file.end > self.bytes.len() {
            return bad(format!(
                "is cut off: its section {} ends at {}",
                quoted(&name),
                file.end
            ));
        }
        Ok(Section {
            name,
            address: u32_at(entry, 12)?,
            size: u32_at(entry, 8)?,
            file,
            flags: u32_at(entry, 36)?,
        })
    }

    /// Nothing overlaps: otherwise what is hashed and what is run could be told apart.
    fn check_layout(&self) -> Result<()> {
        let headers = self.size_of_headers()?;
        if headers > self.bytes.len() || self.table + self.sections.len() * SECTION > headers {
            return bad(format!(
                "says that its headers have {headers} bytes, which cannot be"
            ));
        }
        let mut before = ("headers", headers);
        for section in self.by_offset() {
            if section.file.start < before.1 {
                let (name, other) = (quoted(&section.name), before.0);
                return bad(format!("has a section {name} that overlaps its {other}"));
            }
            before = (&section.name, section.file.end);
        }
        Ok(())
    }

    /// The sections that have bytes, in the order of these.
    fn by_offset(&self) -> Vec<&Section> {
        let filled = self.sections.iter();
        let mut filled: Vec<&Section> = filled.filter(|it| !it.file.is_empty()).collect();
        filled.sort_by_key(|section| section.file.start);
        filled
    }

    /// The type of machine it runs on: [`AMD64`], [`ARM64`] or another.
    #[must_use]
    pub const fn machine(&self) -> u16 {
        self.machine
    }

    /// How much memory it takes once it is loaded, in bytes.
    #[must_use]
    pub const fn size_of_image(&self) -> u32 {
        self.memory
    }

    /// Its sections, in the order of the table.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The bytes of the first section of this name: as many as it has in memory, or in the file where these are fewer.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<&'a [u8]> {
        let section = self.sections.iter().find(|section| section.name == name)?;
        let bytes = self.bytes.get(section.file.clone())?;
        Some(&bytes[..bytes.len().min(section.size as usize)])
    }

    fn size_of_headers(&self) -> Result<usize> {
        Ok(self.optional(60)? as usize)
    }

    /// A 32-bit field of the optional header.
    fn optional(&self, offset: usize) -> Result<u32> {
        u32_at(self.bytes, self.optional_at(offset))
    }

    /// Where a field of the optional header is in the file.
    const fn optional_at(&self, offset: usize) -> usize {
        self.header + COFF + offset
    }

    /// Where the file has the checksum of itself.
    const fn checksum_at(&self) -> usize {
        self.optional_at(64)
    }

    /// Where the file says where its signatures are, and how long they are.
    fn security_at(&self) -> Result<usize> {
        if self.directories <= SECURITY {
            return bad("has no room in its header to say where a signature is");
        }
        Ok(self.optional_at(OPTIONAL + SECURITY * 8))
    }

    /// Where its signatures are in the file; empty where it has none.
    fn signatures(&self) -> Result<Range<usize>> {
        let at = self.security_at()?;
        let (start, length) = (
            u32_at(self.bytes, at)? as usize,
            u32_at(self.bytes, at + 4)? as usize,
        );
        if length == 0 {
            return Ok(self.bytes.len()..self.bytes.len());
        }
        let last = self.by_offset().last().map(|section| section.file.end);
        if start < last.unwrap_or(self.size_of_headers()?) || start + length != self.bytes.len() {
            return bad("has signatures that are not at its end");
        }
        Ok(start..start + length)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16> {
    number(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    number(bytes, at).map(u32::from_le_bytes)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    let found = at.checked_add(N).and_then(|end| bytes.get(at..end));
    match found.and_then(|found| found.try_into().ok()) {
        Some(number) => Ok(number),
        None => bad(format!("is cut off: it has only {} bytes", bytes.len())),
    }
}

fn put(bytes: &mut [u8], at: usize, number: u32) -> Result<()> {
    match bytes.get_mut(at..at + 4) {
        Some(place) => {
            place.copy_from_slice(&number.to_le_bytes());
            Ok(())
        }
        None => bad("is cut off"),
    }
}

/// Puts the checksum that firmware and Windows may look at into an image: the sum of its 16-bit words with the carries added, the checksum's own
/// bytes left out, plus its length (`CheckSumMappedFile`).
fn fix_checksum(bytes: &mut [u8]) -> Result<()> {
    let at = Pe::parse(bytes)?.checksum_at();
    put(bytes, at, 0)?;
    let mut sum: u64 = 0;
    // A word is never split by a chunk, and 2^48 words fit into the sum.
    for word in bytes.chunks(2) {
        sum += u64::from(word[0]) | u64::from(word.get(1).copied().unwrap_or(0)) << 8;
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let length = bytes.len();
    match u32::try_from(sum + length as u64) {
        Ok(sum) => put(bytes, at, sum),
        Err(_) => bad(format!("has {length} bytes, more than a PE image can have")),
    }
}
