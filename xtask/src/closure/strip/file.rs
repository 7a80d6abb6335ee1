//! An ELF file, read as far as its sections; and numbers in its byte order.

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

/// From this number of sections on, they are counted somewhere else (`SHN_LORESERVE`).
const MOST: usize = 0xff00;
/// No section's name is longer.
const LONGEST: usize = 4096;

/// Widths and byte order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) is_64: bool,
    pub(super) is_little: bool,
}

impl Shape {
    /// How many bytes an address has.
    pub(super) const fn word(self) -> usize {
        if self.is_64 { 8 } else { 4 }
    }

    /// The number of `width` bytes at `at`; 0 where there is none.
    pub(super) fn get(self, bytes: &[u8], at: usize, width: usize) -> u64 {
        let field = bytes.get(at..).and_then(|rest| rest.get(..width));
        let add = |number, byte: &u8| number << 8 | u64::from(*byte);
        match field {
            Some(field) if self.is_little => field.iter().rev().fold(0, add),
            Some(field) => field.iter().fold(0, add),
            None => 0,
        }
    }

    /// The bytes of a number of `width` bytes.
    pub(super) fn bytes(self, number: u64, width: usize) -> Vec<u8> {
        let mut bytes = number.to_le_bytes()[..width].to_vec();
        if !self.is_little {
            bytes.reverse();
        }
        bytes
    }

    /// Puts a number at a place that is there.
    pub(super) fn put(self, bytes: &mut [u8], at: usize, width: usize, number: u64) {
        if let Some(field) = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..width)) {
            field.copy_from_slice(&self.bytes(number, width));
        }
    }
}

/// A section: its header's fields, and its bytes.
#[derive(Clone, Debug)]
pub(super) struct Section<'a> {
    pub(super) name: &'a [u8],
    /// Where the name is in the table of names.
    pub(super) name_at: u32,
    pub(super) kind: elf::SectionType,
    pub(super) flags: u64,
    pub(super) address: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) link: u32,
    pub(super) info: u32,
    pub(super) align: u64,
    pub(super) entry: u64,
    /// What is in the file of it; nothing for one of zeros.
    pub(super) data: &'a [u8],
}

impl Section<'_> {
    /// Whether it is part of what runs.
    pub(super) fn is_loaded(&self) -> bool {
        self.flags & elf::SHF_ALLOC.0 != 0
    }
}

/// A file.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) shape: Shape,
    pub(super) kind: elf::FileType,
    pub(super) machine: elf::Machine,
    pub(super) sections: Vec<Section<'a>>,
    /// The number of the section with the names.
    pub(super) names: usize,
    /// How many bytes from the beginning on must stay as they are.
    pub(super) prefix: usize,
    /// Where everything that the headers tell of ends.
    pub(super) end: usize,
}

impl File<'_> {
    /// The numbers of a group's sections.
    pub(super) fn group(&self, section: &Section<'_>) -> impl Iterator<Item = u32> {
        let members = section.data.chunks_exact(4).skip(1);
        members.map(|member| self.shape.get(member, 0, 4) as u32)
    }
}

/// Reads a file; nothing where it has no sections.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Option<File<'_>>, String> {
    let file = if bytes.get(4) == Some(&elf::ELFCLASS64.0) {
        read_as::<FileHeader64<Endianness>>(bytes)
    } else {
        read_as::<FileHeader32<Endianness>>(bytes)
    };
    file.map_err(|error| error.to_string())?.transpose()
}

type Read<'a> = object::Result<Option<Result<File<'a>, String>>>;

fn read_as<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Read<'_> {
    let header = H::parse(bytes)?;
    let endian = header.endian()?;
    let headers = header.section_headers(endian, bytes)?;
    if headers.is_empty() {
        return Ok(None);
    }
    if headers.len() >= MOST {
        return Ok(Some(Err(format!("it has {} sections", headers.len()))));
    }
    let names = header.section_strings_index(endian, bytes)?.0;
    let Some(table) = headers.get(names) else {
        return Ok(Some(Err("its sections have no names".to_owned())));
    };
    let table = table.data(endian, bytes)?;
    let mut sections = Vec::new();
    for header in headers {
        let name_at = header.sh_name(endian);
        let name = table.get(name_at as usize..).unwrap_or_default();
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        if name.len() > LONGEST {
            return Ok(Some(Err("the name of a section has no end".to_owned())));
        }
        sections.push(Section {
            name,
            name_at,
            kind: header.sh_type(endian),
            flags: header.sh_flags(endian).0,
            address: header.sh_addr(endian).into(),
            offset: header.sh_offset(endian).into(),
            size: header.sh_size(endian).into(),
            link: header.sh_link(endian),
            info: header.sh_info(endian),
            align: header.sh_addralign(endian).into(),
            entry: header.sh_entsize(endian).into(),
            data: header.data(endian, bytes)?,
        });
    }
    // Overlapping sections would take time and room out of proportion.
    let total: usize = sections.iter().map(|section| section.data.len()).sum();
    if total > bytes.len() {
        return Ok(Some(Err("its sections overlap".to_owned())));
    }
    let kind = header.e_type(endian);
    let mut ends = vec![u64::from(header.e_ehsize(endian))];
    if kind != elf::ET_REL {
        let segments = header.program_headers(endian, bytes)?;
        let table: u64 = header.e_phoff(endian).into();
        ends.push(table.saturating_add(size_of_val(segments) as u64));
        for segment in segments {
            let offset: u64 = segment.p_offset(endian).into();
            ends.push(offset.saturating_add(segment.p_filesz(endian).into()));
        }
        let loaded = sections
            .iter()
            .filter(|section| section.is_loaded() && !section.data.is_empty());
        ends.extend(loaded.map(|section| section.offset.saturating_add(section.size)));
    }
    let prefix = ends.iter().copied().max().unwrap_or(0);
    let with_data = sections.iter().filter(|section| !section.data.is_empty());
    ends.extend(with_data.map(|section| section.offset.saturating_add(section.size)));
    let table: u64 = header.e_shoff(endian).into();
    ends.push(table.saturating_add(size_of_val(headers) as u64));
    let end = ends.into_iter().max().unwrap_or(0);
    let place = |at: u64| usize::try_from(at).ok().filter(|at| *at <= bytes.len());
    let (Some(prefix), Some(end)) = (place(prefix), place(end)) else {
        return Ok(Some(Err("it is cut short".to_owned())));
    };
    let shape = Shape {
        is_64: header.is_type_64(),
        is_little: header.is_little_endian(),
    };
    Ok(Some(Ok(File {
        bytes,
        shape,
        kind,
        machine: header.e_machine(endian),
        sections,
        names,
        prefix,
        end,
    })))
}
