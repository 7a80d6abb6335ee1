//! Tables that name sections and symbols by number, after some of both have gone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use object::elf;

use super::file::{File, Section, Shape};

/// Symbols whose addresses matter, by number (LLVM's docs/Extensions.rst).
const LLVM_ADDRSIG: elf::SectionType = elf::SectionType(0x6fff_4c03);

/// What became of the symbols of a table: their new numbers, by their old ones.
type Numbers = Vec<Option<u32>>;

/// Tables of symbols in their new form.
pub(super) struct Symbols {
    tables: BTreeMap<usize, (Numbers, Vec<u8>)>,
    /// By the number of a table: how many of its symbols are local, now.
    pub(super) locals: BTreeMap<usize, u32>,
}

/// Where a symbol's section is: its place and the size of a symbol (`Elf32_Sym`, `Elf64_Sym`).
const fn symbol(shape: Shape) -> (usize, usize) {
    if shape.is_64 { (6, 24) } else { (14, 16) }
}

impl Symbols {
    /// Takes the symbols out that are in sections that go, and gives the others their sections' new numbers.
    ///
    /// # Errors
    /// When a table is not what it should be.
    pub(super) fn new(file: &File<'_>, goes: &[bool], numbers: &[u32]) -> Result<Self, String> {
        let mut symbols = Self {
            tables: BTreeMap::new(),
            locals: BTreeMap::new(),
        };
        let (at, size) = symbol(file.shape);
        for (number, section) in file.sections.iter().enumerate() {
            if goes[number] || section.is_loaded() {
                continue;
            }
            if section.kind == elf::SHT_SYMTAB_SHNDX {
                return Err("it has more sections than fit into its symbols".to_owned());
            }
            if section.kind != elf::SHT_SYMTAB {
                continue;
            }
            if section.entry != size as u64 || section.data.len() % size != 0 {
                return Err("its symbols have an odd size".to_owned());
            }
            let (mut renamed, mut bytes) = (Numbers::new(), Vec::new());
            let mut locals = 0;
            for (index, old) in section.data.chunks_exact(size).enumerate() {
                let place = file.shape.get(old, at, 2) as usize;
                // Numbers from `SHN_LORESERVE` on are no sections.
                let is_gone = goes.get(place) == Some(&true);
                if is_gone {
                    renamed.push(None);
                    continue;
                }
                renamed.push(Some((bytes.len() / size) as u32));
                locals += u32::from((index as u64) < u64::from(section.info));
                let start = bytes.len();
                bytes.extend_from_slice(old);
                if let Some(new) = numbers.get(place) {
                    file.shape.put(&mut bytes[start..], at, 2, u64::from(*new));
                }
            }
            symbols.locals.insert(number, locals);
            symbols.tables.insert(number, (renamed, bytes));
        }
        Ok(symbols)
    }

    /// The bytes of a section, with the new numbers in them.
    ///
    /// # Errors
    /// When it needs something that goes, or is in a form that is not known here.
    pub(super) fn data<'a>(
        &'a self,
        file: &File<'a>,
        number: usize,
        numbers: &[u32],
    ) -> Result<Cow<'a, [u8]>, String> {
        let section = &file.sections[number];
        if let Some((_, bytes)) = self.tables.get(&number) {
            return Ok(Cow::Borrowed(bytes));
        }
        let table = self.tables.get(&(section.link as usize));
        let changed = table.filter(|(renamed, _)| renamed.contains(&None));
        match (section.kind, changed) {
            (elf::SHT_GROUP, _) => Ok(Cow::Owned(group(file, section, numbers))),
            (elf::SHT_REL | elf::SHT_RELA, Some((renamed, _))) => {
                Ok(Cow::Owned(relocations(file, section, renamed)?))
            }
            (LLVM_ADDRSIG | elf::SHT_CREL, Some(_)) => {
                let name = String::from_utf8_lossy(section.name).into_owned();
                Err(format!(
                    "its section {name} refers to symbols in a form that is not known here"
                ))
            }
            _ => Ok(Cow::Borrowed(section.data)),
        }
    }

    /// A symbol's new number; itself where its table stays as it is.
    pub(super) fn number(&self, table: u32, symbol: u32) -> Option<u32> {
        match self.tables.get(&(table as usize)) {
            Some((renamed, _)) => renamed.get(symbol as usize).copied().flatten(),
            None => Some(symbol),
        }
    }
}

fn group(file: &File<'_>, section: &Section<'_>, numbers: &[u32]) -> Vec<u8> {
    let mut bytes = section.data[..section.data.len().min(4)].to_vec();
    for member in file.group(section) {
        let new = numbers.get(member as usize).copied().unwrap_or(0);
        if new != 0 {
            bytes.extend(file.shape.bytes(u64::from(new), 4));
        }
    }
    bytes
}

/// Relocations with the new numbers of symbols: `r_info` is behind `r_offset`, and has the symbol in its upper part.
fn relocations(
    file: &File<'_>,
    section: &Section<'_>,
    renamed: &Numbers,
) -> Result<Vec<u8>, String> {
    let word = file.shape.word();
    let words = if section.kind == elf::SHT_RELA { 3 } else { 2 };
    if section.entry != (words * word) as u64 {
        return Err("its relocations have an odd size".to_owned());
    }
    if file.machine == elf::EM_MIPS {
        return Err("relocations for MIPS are not known here".to_owned());
    }
    let shift = if file.shape.is_64 { 32 } else { 8 };
    let mut bytes = section.data.to_vec();
    for relocation in bytes.chunks_exact_mut(words * word) {
        let info = file.shape.get(relocation, word, word);
        let new = usize::try_from(info >> shift)
            .ok()
            .and_then(|old| renamed.get(old).copied().flatten())
            .ok_or("something that stays refers to something that goes")?;
        let kind = info & ((1 << shift) - 1);
        file.shape
            .put(relocation, word, word, u64::from(new) << shift | kind);
    }
    Ok(bytes)
}
