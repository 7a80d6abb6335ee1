//! Sections of module files: only what is asked for is read, unless the file is compressed.

use std::borrow::Cow;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;

use fs_err::File;
use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, ReadRef};
use regex::bytes::Regex;

use crate::archive;
use crate::failure::{Failure, Kind, Result};

/// The largest module there may be, in bytes and unpacked: with its debugging information, amdgpu is one of 400 MB.
const LARGEST: u64 = 1 << 30;

/// The largest that is unpacked in memory.
const LARGEST_UNPACKED: u64 = 256 << 20;

/// The most that is read of one section, in bytes.
const LARGEST_SECTION: u64 = 64 << 20;

/// What is read of a module.
#[derive(Debug, Default)]
pub(super) struct Sections {
    /// Size of the file, in bytes.
    pub(super) size: u64,
    /// The contents of `.modinfo`.
    pub(super) modinfo: Vec<u8>,
    /// Whether other modules can use symbols of it.
    pub(super) exports: bool,
    /// The symbols that they can use; none where they were not asked for.
    pub(super) symbols: Option<Vec<String>>,
}

/// Reads the `.modinfo` of a module, and what it exports when that is asked for or has no cost of its own.
///
/// # Errors
/// [`Kind::Source`] for what is no module, or a damaged or senselessly large one; what opening fails with.
pub(super) fn read(path: &Path, symbols: bool) -> Result<Sections> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let wrong = |why: &str| {
        Failure::new(
            Kind::Source,
            format!("{} is no kernel module: {why}", path.display()),
        )
        .hint("install the kernel's package again, or build the kernel again")
    };
    if size > LARGEST {
        return Err(wrong("it is larger than 1 GiB"));
    }
    let sections = if path.extension().is_some_and(|suffix| suffix == "ko") {
        parse(&(file.file(), size), symbols)
    } else {
        // It is unpacked anyway: later there would be as much to do again.
        parse(&unpacked(path, file)?[..], true)
    };
    let sections = sections.map_err(|why| wrong(&why))?;
    Ok(Sections { size, ..sections })
}

fn unpacked(path: &Path, file: File) -> Result<Vec<u8>> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    archive::decoded(&name, file)?
        .take(LARGEST_UNPACKED + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| archive::unreadable(&name, error))?;
    if bytes.len() as u64 > LARGEST_UNPACKED {
        return Err(Failure::new(
            Kind::Source,
            format!("{name} unpacks to more than {} MiB", LARGEST_UNPACKED >> 20),
        )
        .hint("strip the module of its debugging information"));
    }
    Ok(bytes)
}

/// Where the bytes of a module are.
trait Bytes {
    /// The bytes of one part.
    fn part(&self, offset: u64, size: u64) -> Result<Cow<'_, [u8]>, String>;
}

impl Bytes for [u8] {
    fn part(&self, offset: u64, size: u64) -> Result<Cow<'_, [u8]>, String> {
        let part = self.read_bytes_at(offset, size);
        part.map(Cow::Borrowed).map_err(|()| CUT.to_owned())
    }
}

impl Bytes for (&std::fs::File, u64) {
    fn part(&self, offset: u64, size: u64) -> Result<Cow<'_, [u8]>, String> {
        let (file, length) = *self;
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(CUT.to_owned());
        }
        let mut bytes = vec![0; usize::try_from(size).map_err(|_| CUT)?];
        file.read_exact_at(&mut bytes, offset)
            .map_err(|error| error.to_string())?;
        Ok(Cow::Owned(bytes))
    }
}

const CUT: &str = "it is cut short";

fn parse(data: &(impl Bytes + ?Sized), symbols: bool) -> Result<Sections, String> {
    // Headers of 32-bit files are smaller, and sections follow them.
    let head = data.part(0, size_of::<FileHeader64<Endianness>>() as u64)?;
    match *head {
        [0x7f, b'E', b'L', b'F', 2, ..] => {
            parse_class::<FileHeader64<Endianness>>(&head, data, symbols)
        }
        [0x7f, b'E', b'L', b'F', 1, ..] => {
            parse_class::<FileHeader32<Endianness>>(&head, data, symbols)
        }
        _ => Err("it does not begin as an ELF file does".to_owned()),
    }
}

/// Section by section, as the ELF specification (gABI, chapter 4) has them.
fn parse_class<H: FileHeader<Endian = Endianness>>(
    head: &[u8],
    data: &(impl Bytes + ?Sized),
    symbols: bool,
) -> Result<Sections, String> {
    let header = H::parse(head).map_err(|error| error.to_string())?;
    let endian = header.endian().map_err(|error| error.to_string())?;
    // A count that does not fit its field stands elsewhere; no module has that many sections.
    let count = usize::from(header.e_shnum(endian));
    let width = size_of::<H::SectionHeader>();
    if usize::from(header.e_shentsize(endian)) != width {
        return Err("its section headers have a size of their own".to_owned());
    }
    let table = data.part(header.e_shoff(endian).into(), (count * width) as u64)?;
    let (headers, _) =
        object::pod::slice_from_bytes::<H::SectionHeader>(&table, count).map_err(|()| CUT)?;
    let content = |section: &H::SectionHeader| match section.file_range(endian) {
        Some((_, size)) if size > LARGEST_SECTION => {
            Err("one of its sections is larger than 64 MiB".to_owned())
        }
        Some((offset, size)) => data.part(offset, size),
        None => Ok(Cow::default()),
    };
    let names = headers.get(usize::from(header.e_shstrndx(endian).0));
    let names = content(names.ok_or("its sections have no names")?)?;
    let find = |name: &[u8]| {
        headers.iter().find(|section| {
            let from = names.get(section.sh_name(endian) as usize..);
            from.is_some_and(|from| from.starts_with(name))
        })
    };
    let modinfo = find(b".modinfo\0").ok_or("it has no section .modinfo")?;
    let exported = find(b"__ksymtab_strings\0");
    let mut sections = Sections {
        modinfo: content(modinfo)?.into_owned(),
        exports: exported.is_some(),
        ..Sections::default()
    };
    if symbols {
        let strings = find(b".strtab\0")
            .map(content)
            .transpose()?
            .unwrap_or_default();
        let exported = exported.map(content).transpose()?;
        sections.symbols = Some(exported.map_or_else(Vec::new, |names| exports(&strings, &names)));
    }
    Ok(sections)
}

/// The names of exported symbols: `__crc_NAME` has a symbol of its own where modules have versions, `__ksymtab_NAME` otherwise. `__ksymtab_strings` alone, all that is
/// left of a thoroughly stripped module, holds names of namespaces too; a name too many does no harm.
fn exports(strings: &[u8], names: &[u8]) -> Vec<String> {
    static MARKS: OnceLock<[Option<(usize, Regex)>; 2]> = OnceLock::new();
    let marks = MARKS.get_or_init(|| {
        [
            ("\0__crc_", r"(?-u)\x00__crc_[^\x00]+"),
            ("\0__ksymtab_", r"(?-u)\x00__ksymtab_[^\x00]+"),
        ]
        .map(|(mark, whole)| Some((mark.len(), Regex::new(whole).ok()?)))
    });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for (mark, whole) in marks.iter().flatten() {
        // A search that tells the parts of what it finds is several times slower.
        let found = whole.find_iter(strings);
        let found = found.map(|found| text(&found.as_bytes()[*mark..]));
        let found: Vec<String> = found.collect();
        if !found.is_empty() {
            return found;
        }
    }
    let names = String::from_utf8_lossy(names);
    let names = names.split('\0').filter(|name| !name.is_empty());
    names.map(ToOwned::to_owned).collect()
}
