//! Writes what stays: the beginning as it is, the other sections one after the other, the table of sections.

use std::collections::BTreeMap;

use object::elf;

use super::file::{File, Section, Shape};
use super::symbols::Symbols;

/// What alignment may add; sections that overlap would add more.
const SLACK: usize = 1 << 20;

/// Where the header tells of the table of sections: `e_shoff`, `e_shnum`, `e_shstrndx`.
const fn header(shape: Shape) -> [usize; 3] {
    if shape.is_64 {
        [0x28, 0x3c, 0x3e]
    } else {
        [0x20, 0x30, 0x32]
    }
}

/// The file without the sections that go.
///
/// # Errors
/// Why it cannot be written.
pub(super) fn write(file: &File<'_>, goes: &[bool]) -> Result<Vec<u8>, String> {
    let kept = kept(file, goes);
    let mut numbers = vec![0_u32; file.sections.len()];
    for (new, &old) in kept.iter().enumerate() {
        numbers[old] = if goes[old] { 0 } else { new as u32 };
    }
    let symbols = Symbols::new(file, goes, &numbers)?;
    let names = Names::of(file, &kept, goes)?;
    let mut output = file.bytes[..file.prefix].to_vec();
    let mut places = BTreeMap::new();
    let is_relocatable = file.kind == elf::ET_REL;
    // In the order in which they lie there now.
    let mut order: Vec<usize> = kept
        .iter()
        .copied()
        .filter(|&old| old != 0 && !goes[old])
        .filter(|&old| is_relocatable || !file.sections[old].is_loaded())
        .collect();
    order.sort_by_key(|&old| (file.sections[old].offset, old));
    for old in order {
        let section = &file.sections[old];
        if section.align > 1 && !section.align.is_power_of_two() {
            return Err("a section has an alignment that is no power of two".to_owned());
        }
        align(file, &mut output, section.align)?;
        let start = output.len();
        let size = if section.kind == elf::SHT_NOBITS {
            section.size
        } else {
            let data = if old == file.names {
                names.table.as_slice().into()
            } else {
                symbols.data(file, old, &numbers)?
            };
            if data.len() > room(file, &output) {
                return Err("its sections overlap".to_owned());
            }
            output.extend_from_slice(&data);
            data.len() as u64
        };
        places.insert(old, (start as u64, size));
    }
    align(file, &mut output, file.shape.word() as u64)?;
    let table = output.len() as u64;
    for &old in &kept {
        let section = if goes[old] {
            gone()
        } else {
            renewed(file, old, &numbers, &symbols, &names, places.get(&old))?
        };
        output.extend(entry(file.shape, &section));
    }
    let [at, count, strings] = header(file.shape);
    let word = file.shape.word();
    file.shape.put(&mut output, at, word, table);
    file.shape.put(&mut output, count, 2, kept.len() as u64);
    file.shape
        .put(&mut output, strings, 2, u64::from(numbers[file.names]));
    Ok(output)
}

/// The sections of the new table, by their old numbers. Symbols for linking at run time name sections by number and stay as they are, so what goes
/// from in front of something loaded leaves an empty place.
fn kept(file: &File<'_>, goes: &[bool]) -> Vec<usize> {
    let last = match file.kind {
        elf::ET_REL => 0,
        _ => file
            .sections
            .iter()
            .rposition(Section::is_loaded)
            .unwrap_or(0),
    };
    (0..file.sections.len())
        .filter(|&number| number <= last || !goes[number])
        .collect()
}

fn room(file: &File<'_>, output: &[u8]) -> usize {
    (file.bytes.len() + SLACK).saturating_sub(output.len())
}

fn align(file: &File<'_>, output: &mut Vec<u8>, align: u64) -> Result<(), String> {
    let align = usize::try_from(align.max(1)).unwrap_or(usize::MAX);
    let padding = output.len().wrapping_neg() & (align - 1);
    if padding > room(file, output) {
        return Err("a section has an alignment larger than the file".to_owned());
    }
    output.resize(output.len() + padding, 0);
    Ok(())
}

const fn gone() -> Section<'static> {
    Section {
        name: b"",
        name_at: 0,
        kind: elf::SHT_NULL,
        flags: 0,
        address: 0,
        offset: 0,
        size: 0,
        link: 0,
        info: 0,
        align: 0,
        entry: 0,
        data: b"",
    }
}

/// A section's header with what is new in it.
fn renewed<'a>(
    file: &File<'a>,
    old: usize,
    numbers: &[u32],
    symbols: &Symbols,
    names: &Names<'a>,
    place: Option<&(u64, u64)>,
) -> Result<Section<'a>, String> {
    let mut section = file.sections[old].clone();
    let new = |old: u32| numbers.get(old as usize).copied().unwrap_or(0);
    if let Some((offset, size)) = place {
        (section.offset, section.size) = (*offset, *size);
    }
    let names_section = section.flags & elf::SHF_INFO_LINK.0 != 0
        || matches!(section.kind, elf::SHT_REL | elf::SHT_RELA | elf::SHT_CREL);
    if names_section {
        section.info = new(section.info);
    } else if section.kind == elf::SHT_GROUP {
        section.info = symbols
            .number(section.link, section.info)
            .ok_or("a group has the name of something that goes")?;
    } else if let Some(&locals) = symbols.locals.get(&old) {
        section.info = locals;
    }
    section.link = new(section.link);
    section.name_at = names.place(&section);
    Ok(section)
}

/// The table of names, without those that went.
struct Names<'a> {
    table: Vec<u8>,
    /// Nothing where symbols have their names in this table too, so that it stays.
    places: Option<BTreeMap<&'a [u8], u32>>,
}

impl<'a> Names<'a> {
    fn of(file: &File<'a>, kept: &[usize], goes: &[bool]) -> Result<Self, String> {
        let mut sections = kept
            .iter()
            .filter(|&&old| !goes[old])
            .map(|&old| &file.sections[old]);
        let is_loaded = file.sections[file.names].is_loaded();
        if is_loaded
            || sections
                .clone()
                .any(|section| section.link as usize == file.names)
        {
            return Ok(Self {
                table: file.sections[file.names].data.to_vec(),
                places: None,
            });
        }
        let mut table = vec![0];
        let mut places = BTreeMap::from([(&b""[..], 0)]);
        for section in sections.by_ref() {
            // Names that are ends of others take room of their own here.
            if table.len() > room(file, &[]) {
                return Err("its sections have names that overlap".to_owned());
            }
            places.entry(section.name).or_insert_with(|| {
                let at = table.len() as u32;
                table.extend_from_slice(section.name);
                table.push(0);
                at
            });
        }
        Ok(Self {
            table,
            places: Some(places),
        })
    }

    fn place(&self, section: &Section<'_>) -> u32 {
        match &self.places {
            Some(places) => places.get(section.name).copied().unwrap_or(0),
            None => section.name_at,
        }
    }
}

/// `Elf32_Shdr`, `Elf64_Shdr`.
fn entry(shape: Shape, section: &Section<'_>) -> Vec<u8> {
    let word = shape.word();
    let fields = [
        (u64::from(section.name_at), 4),
        (u64::from(section.kind.0), 4),
        (section.flags, word),
        (section.address, word),
        (section.offset, word),
        (section.size, word),
        (u64::from(section.link), 4),
        (u64::from(section.info), 4),
        (section.align, word),
        (section.entry, word),
    ];
    let bytes = fields
        .iter()
        .flat_map(|&(number, width)| shape.bytes(number, width));
    bytes.collect()
}
