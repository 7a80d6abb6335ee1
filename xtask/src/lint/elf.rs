//! What an ELF file asks of its surroundings: the one place where this room reads ELF.

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

/// No real file needs more libraries, and none has longer names.
const MOST: usize = 4096;

/// Whether it is of class 64, whether it is little-endian, and `EM_*`.
pub(super) type Machine = (bool, bool, elf::Machine);

/// What is said in headers and dynamic section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Elf {
    /// What it is for.
    pub(super) machine: Machine,
    /// `ET_*`.
    pub(super) kind: elf::FileType,
    /// `PT_INTERP`.
    pub(super) interpreter: Option<String>,
    /// `DT_NEEDED`.
    pub(super) needed: Vec<String>,
    /// `DT_RPATH`, apart.
    pub(super) rpath: Vec<String>,
    /// `DT_RUNPATH`, apart.
    pub(super) runpath: Vec<String>,
}

impl Elf {
    /// Whether it is something that runs, or that is linked at run time: no module, no object file.
    pub(super) fn is_loaded(&self) -> bool {
        matches!(self.kind, elf::ET_EXEC | elf::ET_DYN)
    }
}

/// Reads it; nothing where it is no ELF file.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(bytes: &[u8]) -> Option<Result<Elf, String>> {
    let is_64 = match bytes {
        [0x7f, b'E', b'L', b'F', 1, ..] => false,
        [0x7f, b'E', b'L', b'F', 2, ..] => true,
        _ => return None,
    };
    let elf = if is_64 {
        read_as::<FileHeader64<Endianness>>(bytes)
    } else {
        read_as::<FileHeader32<Endianness>>(bytes)
    };
    Some(elf.map_err(|error| error.to_string()))
}

fn read_as<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Elf, object::Error> {
    let header = H::parse(bytes)?;
    let endian = header.endian()?;
    let mut read = Elf {
        machine: (
            header.is_type_64(),
            header.is_little_endian(),
            header.e_machine(endian),
        ),
        kind: header.e_type(endian),
        interpreter: None,
        needed: Vec::new(),
        rpath: Vec::new(),
        runpath: Vec::new(),
    };
    if !read.is_loaded() {
        return Ok(read);
    }
    let segments = header.program_headers(endian, bytes)?;
    let mut dynamic: &[H::Dyn] = &[];
    for segment in segments {
        if let Some(interpreter) = segment.interpreter(endian, bytes)? {
            read.interpreter = Some(String::from_utf8_lossy(interpreter).into_owned());
        }
        dynamic = segment.dynamic(endian, bytes)?.unwrap_or(dynamic);
    }
    let value = |tag| {
        let entry = dynamic.iter().find(|entry| entry.d_tag(endian) == tag)?;
        Some(entry.d_val(endian).into())
    };
    let (Some(address), Some(size)) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) else {
        return Ok(read);
    };
    let strings = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
        .find_map(|segment| {
            segment
                .data_range(endian, bytes, address, size)
                .ok()
                .flatten()
        })
        .unwrap_or_default();
    let live = dynamic
        .iter()
        .take_while(|entry| entry.d_tag(endian) != elf::DT_NULL);
    for entry in live {
        let text = || name(strings, entry.d_val(endian).into());
        match entry.d_tag(endian) {
            elf::DT_NEEDED if read.needed.len() < MOST => read.needed.push(text()),
            elf::DT_RPATH => read.rpath = apart(&text()),
            elf::DT_RUNPATH => read.runpath = apart(&text()),
            _ => {}
        }
    }
    Ok(read)
}

fn apart(paths: &str) -> Vec<String> {
    paths
        .split(':')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect()
}

fn name(strings: &[u8], offset: u64) -> String {
    let from = usize::try_from(offset)
        .ok()
        .and_then(|offset| strings.get(offset..))
        .unwrap_or_default();
    let name = from.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(&name[..name.len().min(MOST)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_program_is_read() {
        let bytes = fs_err::read(std::env::current_exe().unwrap()).unwrap();
        let elf = read(&bytes).unwrap().unwrap();
        assert!(elf.needed.iter().any(|name| name.starts_with("libc.so")));
        assert!(elf.interpreter.unwrap().starts_with('/'));
    }

    #[test]
    fn what_is_cut_short_or_altered_does_no_harm() {
        let bytes = fs_err::read(std::env::current_exe().unwrap()).unwrap();
        let head = &bytes[..bytes.len().min(1 << 16)];
        for length in (0..head.len()).step_by(61) {
            let _ = read(&head[..length]);
        }
        for at in 0..0x400 {
            let mut altered = head.to_vec();
            altered[at] ^= 0xff;
            let _ = read(&altered);
        }
        assert!(read(b"#!/bin/sh\n").is_none());
        assert!(read(b"\x7fELF\x02\x01\x01").unwrap().is_err());
    }
}
