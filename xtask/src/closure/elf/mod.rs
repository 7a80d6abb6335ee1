//! What an ELF file says that it needs, as the kernel and the dynamic loader see it: by program headers, never by sections,
//! so stripped files are fine. Where that is found is left to `search`.
//!
//! Sources: elf(5), the System V ABI, and what glibc makes of it (`elf/dl-load.c`, `elf/get-dynamic-info.h`).

mod imports;
mod notes;
mod reader;

use std::path::Path;
use std::rc::Rc;

use object::elf::{self, FileHeader32, FileHeader64};
use object::pod::{Pod, slice_from_all_bytes};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endian, Endianness};

use crate::failure::Result;

pub use imports::{Import, Takes};
pub use notes::Feature;

use super::machine::Machine;
use super::script;
use reader::{Reader, Wrong};

/// The beginning of an ELF file.
pub const MAGIC: &[u8] = b"\x7fELF";

/// What there is to know of an ELF file to find all that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// Which machine it is for.
    pub machine: Machine,
    /// Whether it is a program: it names a loader, has a fixed address, or says so itself (`DF_1_PIE`).
    pub program: bool,
    /// `PT_INTERP`: its dynamic loader.
    pub interpreter: Option<String>,
    /// What it is linked against, in order.
    pub needed: Vec<Needed>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_RPATH`.
    pub rpath: Option<String>,
    /// `DT_RUNPATH`.
    pub runpath: Option<String>,
    /// `DF_1_NODEFLIB`: default folders are not searched for it.
    pub nodeflib: bool,
    /// Libraries that it loads while it runs (`.note.dlopen`).
    pub dlopen: Vec<Feature>,
    /// The functions it imports that make the C library load something.
    pub imports: Vec<&'static Import>,
    /// Whether it defines the symbol version `GLIBC_2.34`: the C library from which on `files` and `dns` of NSS are built in.
    pub has_nss: bool,
    /// Parts of it that could not be understood, and that it works without.
    pub odd: Vec<String>,
}

/// Something an ELF file is linked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The name, as it stands there.
    pub name: String,
    /// Whether it works without (`DT_AUXILIARY`).
    pub optional: bool,
}

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A program or a shared library.
    Elf(Rc<Elf>),
    /// Something else: no ELF file at all, or one that is not loaded into a process, such as an object file. With its first
    /// bytes, as many as say which script it is.
    Other(Vec<u8>),
    /// An ELF file that no loader would take, and why.
    Damaged(String),
}

/// Reads what matters of a file, in parts.
///
/// # Errors
/// When it cannot be opened. What is wrong with its content is an answer.
pub fn read(path: &Path) -> Result<Read> {
    Ok(read_from(&mut Reader::open(path)?))
}

/// Reads what matters of a file that is in memory.
#[must_use]
pub fn read_bytes(bytes: &[u8]) -> Read {
    read_from(&mut Reader::of(bytes))
}

fn read_from(reader: &mut Reader<'_>) -> Read {
    let head = match reader.head(script::HEAD) {
        Ok(head) => head,
        Err(why) => return Read::Damaged(why),
    };
    if !head.starts_with(MAGIC) {
        return Read::Other(head);
    }
    let class = head.get(4).copied().unwrap_or(0);
    let read = match class {
        1 => read_class::<FileHeader32<Endianness>>(reader),
        2 => read_class::<FileHeader64<Endianness>>(reader),
        _ => Err(format!("it is of class {class}, which is not known")),
    };
    match read {
        Ok(Some(elf)) => Read::Elf(elf.into()),
        Ok(None) => Read::Other(head),
        Err(why) => Read::Damaged(why),
    }
}

/// A file while it is being read.
struct Parse<'r, 'b, H: FileHeader<Endian = Endianness>> {
    reader: &'r mut Reader<'b>,
    endian: Endianness,
    segments: Vec<H::ProgramHeader>,
    /// Tag and value, up to `DT_NULL`.
    dynamic: Vec<(elf::DynamicTag, u64)>,
}

fn read_class<H: FileHeader<Endian = Endianness>>(
    reader: &mut Reader<'_>,
) -> Result<Option<Elf>, Wrong>
where
    H::ProgramHeader: Pod,
{
    let bytes = reader.bytes(0, size_of::<H>() as u64)?;
    let header = H::parse(&*bytes).map_err(|error| error.to_string())?;
    let endian = header.endian().map_err(|error| error.to_string())?;
    let kind = header.e_type(endian);
    if kind != elf::ET_EXEC && kind != elf::ET_DYN {
        return Ok(None);
    }
    if usize::from(header.e_phentsize(endian)) != size_of::<H::ProgramHeader>() {
        return Err("its program headers have an odd size".to_owned());
    }
    let size = u64::from(header.e_phentsize(endian)) * u64::from(header.e_phnum(endian));
    let bytes = reader.bytes(header.e_phoff(endian).into(), size)?;
    let mut parse = Parse::<H> {
        segments: slice_of(&bytes)?.to_vec(),
        reader,
        endian,
        dynamic: Vec::new(),
    };
    parse.dynamic = parse.dynamic()?;
    let mut read = parse.elf()?;
    read.machine = machine(header, endian);
    read.program |= kind == elf::ET_EXEC;
    Ok(Some(read))
}

fn machine<H: FileHeader<Endian = Endianness>>(header: &H, endian: Endianness) -> Machine {
    let machine = header.e_machine(endian);
    let abi = match machine {
        elf::EM_PPC64 => header.e_flags(endian).0 & elf::EF_PPC64_ABI,
        _ => 0,
    };
    Machine {
        machine: machine.0,
        wide: header.is_class_64(),
        little: endian.is_little_endian(),
        // 1 is the old ABI of big-endian systems; what says nothing is what its system has (glibc's `dl-machine.h`).
        abi: u8::from(abi == 1),
    }
}

fn slice_of<T: Pod>(bytes: &[u8]) -> Result<&[T], Wrong> {
    slice_from_all_bytes(bytes).map_err(|()| "a table in it has an odd size".to_owned())
}

impl<H: FileHeader<Endian = Endianness>> Parse<'_, '_, H> {
    fn elf(&mut self) -> Result<Elf, Wrong> {
        let mut odd = Vec::new();
        let interpreter = self.interpreter()?;
        let flags = self.value(elf::DT_FLAGS_1).unwrap_or(0);
        let runpath = self.text_of(elf::DT_RUNPATH)?;
        // Of both, the older is ignored (glibc's `elf_get_dynamic_info`, musl's `decode_dyn`).
        let rpath = match runpath {
            Some(_) => None,
            None => self.text_of(elf::DT_RPATH)?,
        };
        Ok(Elf {
            // The header tells; whoever calls knows it.
            machine: Machine {
                machine: 0,
                wide: false,
                little: false,
                abi: 0,
            },
            program: interpreter.is_some() || flags & elf::DF_1_PIE.0 != 0,
            interpreter,
            needed: self.needed()?,
            soname: self.text_of(elf::DT_SONAME)?,
            rpath,
            runpath,
            nodeflib: flags & elf::DF_1_NODEFLIB.0 != 0,
            dlopen: self.features(&mut odd),
            imports: self.imports().unwrap_or_else(|why| {
                odd.push(format!("its symbols cannot be read: {why}"));
                Vec::new()
            }),
            has_nss: self.defines(b"GLIBC_2.34").unwrap_or_else(|why| {
                odd.push(format!("its symbol versions cannot be read: {why}"));
                false
            }),
            odd,
        })
    }

    /// The segments of a type: offset in the file and size there.
    fn of_type(&self, kind: elf::ProgramType) -> Vec<(u64, u64)> {
        let endian = self.endian;
        self.segments
            .iter()
            .filter(|segment| segment.p_type(endian) == kind)
            .map(|segment| segment.file_range(endian))
            .collect()
    }

    fn interpreter(&mut self) -> Result<Option<String>, Wrong> {
        let Some(&(offset, size)) = self.of_type(elf::PT_INTERP).first() else {
            return Ok(None);
        };
        let bytes = self.reader.bytes(offset, size.min(4096))?;
        let end = bytes.iter().position(|&byte| byte == 0);
        let name = &bytes[..end.unwrap_or(bytes.len())];
        match name {
            [] => Err("the name of its interpreter is empty".to_owned()),
            name => Ok(Some(String::from_utf8_lossy(name).into_owned())),
        }
    }

    fn dynamic(&mut self) -> Result<Vec<(elf::DynamicTag, u64)>, Wrong> {
        let Some(&(offset, size)) = self.of_type(elf::PT_DYNAMIC).first() else {
            return Ok(Vec::new());
        };
        let entry = size_of::<H::Dyn>() as u64;
        let bytes = self.reader.bytes(offset, size - size % entry)?;
        let entries = slice_of::<H::Dyn>(&bytes)?;
        let endian = self.endian;
        let pairs = entries
            .iter()
            .map(|entry| (entry.tag(endian), entry.val(endian)));
        Ok(pairs.take_while(|(tag, _)| *tag != elf::DT_NULL).collect())
    }

    /// The last value with this tag, as loaders have it.
    fn value(&self, tag: elf::DynamicTag) -> Option<u64> {
        let of_tag = self.dynamic.iter().rev().find(|(one, _)| *one == tag);
        of_tag.map(|(_, value)| *value)
    }

    /// Where in the file an address is.
    fn offset(&self, address: u64) -> Result<u64, Wrong> {
        let endian = self.endian;
        let loaded = self.segments.iter().filter_map(|segment| {
            let (offset, size) = segment.file_range(endian);
            let within = address.checked_sub(segment.p_vaddr(endian).into())?;
            let inside = segment.p_type(endian) == elf::PT_LOAD && within < size;
            inside.then(|| offset.checked_add(within)).flatten()
        });
        let mut loaded = loaded;
        loaded
            .next()
            .ok_or_else(|| "it names an address that it does not hold".to_owned())
    }

    /// A text of the dynamic string table.
    fn text(&mut self, offset: u64) -> Result<String, Wrong> {
        let strings = self.value(elf::DT_STRTAB).ok_or("it has no names")?;
        let at = self.offset(strings)?.checked_add(offset);
        let text = self.reader.text(at.ok_or("a name in it lies nowhere")?)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn text_of(&mut self, tag: elf::DynamicTag) -> Result<Option<String>, Wrong> {
        self.value(tag).map(|offset| self.text(offset)).transpose()
    }

    fn needed(&mut self) -> Result<Vec<Needed>, Wrong> {
        let tags = [
            (elf::DT_NEEDED, false),
            (elf::DT_FILTER, false),
            (elf::DT_AUXILIARY, true),
        ];
        let mut needed: Vec<Needed> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (tag, offset) in self.dynamic.clone() {
            let Some((_, optional)) = tags.into_iter().find(|(one, _)| *one == tag) else {
                continue;
            };
            // Nothing is needed twice, however often a damaged file repeats it.
            if seen.insert((tag, offset)) {
                let name = self.text(offset)?;
                needed.push(Needed { name, optional });
            }
        }
        Ok(needed)
    }
}
