//! Adding sections to a PE image, as `objcopy --add-section` and `ukify` do. What the sections mean is `uki`'s.
//!
//! The file is laid out anew: headers, sections, and nothing between or behind them, so that all of it is signed and equal input makes equal
//! bytes. What is dropped on the way does nothing when the image runs: symbols, debug data, signatures of the image as it was.

use super::{
    COFF, Malformed, OPTIONAL, Pe, Result, SECTION, SECURITY, bad, fix_checksum, put, u32_at,
};
use crate::text::quoted;

/// `IMAGE_SCN_CNT_CODE`, `_MEM_EXECUTE`, `_MEM_READ`.
pub const CODE: u32 = 0x6000_0020;
/// `IMAGE_SCN_CNT_INITIALIZED_DATA`, `_MEM_READ`.
pub const DATA: u32 = 0x4000_0040;

/// The directory of debug data.
const DEBUG: usize = 6;
/// What new sections begin at a multiple of in memory: a page, so that each can have permissions of its own.
const PAGE: u32 = 4096;
/// The most bytes of a file's alignment (Microsoft's "PE Format").
const MOST_ALIGNMENT: u32 = 65_536;

/// A section to be added.
#[derive(Clone, Copy, Debug)]
pub struct Addition<'a> {
    /// Its name, at most 8 bytes.
    pub name: &'a str,
    /// Its bytes.
    pub content: &'a [u8],
    /// How much memory it takes at least: zeros follow its bytes there.
    pub memory: u32,
    /// [`CODE`] or [`DATA`].
    pub flags: u32,
}

/// The image with these sections behind its own, in this order.
///
/// # Errors
/// What is wrong with the image; a section that it has already, or that does not fit into 4 GiB.
pub fn append(image: &[u8], additions: &[Addition<'_>]) -> Result<Vec<u8>> {
    let pe = Pe::parse(image)?;
    let layout = Layout::of(&pe, additions)?;
    let mut out = headers(&pe, &layout, additions)?;
    for section in pe.by_offset() {
        out.extend_from_slice(&image[section.file.clone()]);
        pad(&mut out, layout.file);
    }
    for addition in additions {
        out.extend_from_slice(addition.content);
        pad(&mut out, layout.file);
    }
    fix_checksum(&mut out)?;
    Ok(out)
}

/// An entry of the section table that is to be written.
struct Entry {
    address: u32,
    memory: u32,
    offset: u32,
    length: u32,
}

/// Where everything goes.
struct Layout {
    /// What sections begin at a multiple of in the file.
    file: u32,
    /// Length of the headers.
    headers: u32,
    /// Where the image's own sections go in the file, in the order of its table.
    own: Vec<(u32, u32)>,
    added: Vec<Entry>,
    /// Length of the whole in memory.
    image: u32,
}

impl Layout {
    fn of(pe: &Pe<'_>, additions: &[Addition<'_>]) -> Result<Self> {
        let (memory, file) = (pe.optional(32)?, pe.optional(36)?);
        let fits = file.is_power_of_two() && memory.is_power_of_two() && file <= MOST_ALIGNMENT;
        if !fits || memory > 1 << 21 {
            return bad(format!(
                "has sections aligned to {file} and {memory} bytes, which cannot be"
            ));
        }
        let count = pe.sections.len() + additions.len();
        let table = (pe.table + count * SECTION).max(pe.size_of_headers()?);
        let headers = round(table as u64, file)?;
        if let Some(first) = pe.sections.iter().map(|section| section.address).min()
            && first < headers
        {
            return bad(format!("has no room for {count} sections in its headers"));
        }
        let mut offset = headers;
        let mut places = Vec::new();
        for section in pe.by_offset() {
            let length = round(section.file.len() as u64, file)?;
            places.push((section.file.start, (offset, length)));
            offset = round(u64::from(offset) + u64::from(length), file)?;
        }
        let place = |start: usize| places.iter().find(|(from, _)| *from == start);
        let own = pe
            .sections
            .iter()
            .map(|section| match section.file.is_empty() {
                true => (0, 0),
                false => place(section.file.start).map_or((0, 0), |(_, place)| *place),
            });
        let mut layout = Self {
            file,
            headers,
            own: own.collect(),
            added: Vec::new(),
            image: 0,
        };
        let end = pe.sections.iter().map(super::Section::end).max();
        let mut end = end.unwrap_or(0).max(u64::from(pe.size_of_image()));
        for addition in additions {
            check_name(pe, addition.name)?;
            let length = round(addition.content.len() as u64, file)?;
            let entry = Entry {
                address: round(end, memory.max(PAGE))?,
                memory: size(addition.content.len() as u64)?.max(addition.memory),
                offset,
                length,
            };
            end = u64::from(entry.address) + u64::from(entry.memory);
            offset = round(u64::from(offset) + u64::from(length), file)?;
            layout.added.push(entry);
        }
        layout.image = round(end, memory)?;
        Ok(layout)
    }
}

fn check_name(pe: &Pe<'_>, name: &str) -> Result<()> {
    if name.is_empty() || name.len() > 8 {
        return bad(format!(
            "cannot have a section {}: names have 1 to 8 bytes",
            quoted(name)
        ));
    }
    if pe.sections.iter().any(|section| section.name == name) {
        return bad(format!("has a section {} already", quoted(name)));
    }
    Ok(())
}

/// The headers of the new image, up to its first section.
fn headers(pe: &Pe<'_>, layout: &Layout, additions: &[Addition<'_>]) -> Result<Vec<u8>> {
    let own = pe.table + pe.sections.len() * SECTION;
    let mut out = pe.bytes[..own].to_vec();
    for (number, (offset, length)) in layout.own.iter().enumerate() {
        let at = pe.table + number * SECTION;
        put(&mut out, at + 16, *length)?;
        put(&mut out, at + 20, *offset)?;
        // Relocations and line numbers of object files, by offset: no loader looks at them.
        for field in [24, 28, 32] {
            put(&mut out, at + field, 0)?;
        }
    }
    for (addition, entry) in additions.iter().zip(&layout.added) {
        let mut name = [0; 8];
        name[..addition.name.len()].copy_from_slice(addition.name.as_bytes());
        out.extend_from_slice(&name);
        let numbers = [entry.memory, entry.address, entry.length, entry.offset];
        for number in numbers.into_iter().chain([0, 0, 0, addition.flags]) {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    out.resize(layout.headers as usize, 0);
    let count = (pe.sections.len() + additions.len()) as u16;
    out[pe.header + 6..pe.header + 8].copy_from_slice(&count.to_le_bytes());
    // The symbol table, and how many symbols it has.
    put(&mut out, pe.header + 12, 0)?;
    put(&mut out, pe.header + 16, 0)?;
    for (field, flags) in [(4, CODE), (8, DATA)] {
        let of_kind = additions.iter().zip(&layout.added);
        let of_kind = of_kind.filter(|(addition, _)| addition.flags == flags);
        let more: u64 = of_kind.map(|(_, entry)| u64::from(entry.length)).sum();
        let at = pe.header + COFF + field;
        let before = u64::from(u32_at(&out, at)?);
        put(&mut out, at, size(before + more)?)?;
    }
    put(&mut out, pe.optional_at(56), layout.image)?;
    put(&mut out, pe.optional_at(60), layout.headers)?;
    for directory in [SECURITY, DEBUG] {
        if directory < pe.directories {
            let at = pe.optional_at(OPTIONAL + directory * 8);
            put(&mut out, at, 0)?;
            put(&mut out, at + 4, 0)?;
        }
    }
    Ok(out)
}

fn pad(out: &mut Vec<u8>, alignment: u32) {
    out.resize(out.len().next_multiple_of(alignment as usize), 0);
}

fn round(number: u64, alignment: u32) -> Result<u32> {
    size(number.next_multiple_of(u64::from(alignment)))
}

fn size(number: u64) -> Result<u32> {
    u32::try_from(number).map_err(|_| Malformed::new("would be larger than 4 GiB"))
}
