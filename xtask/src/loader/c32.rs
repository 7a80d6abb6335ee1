//! The Syslinux modules (`.c32`) that a bundle really needs: what pxelinux and its configuration load, and what those
//! in turn are linked against. Copying all sixty of them would work too, and nobody would know why.
//!
//! Since Syslinux 5 modules are shared ELF objects that name others in `DT_NEEDED`; pxelinux.0 loads the first of
//! them, ldlinux.c32, by name (`core/elflink/load_env32.c`), and finds all others beside itself.

use std::collections::BTreeSet;

use object::LittleEndian;
use object::elf::{self, FileHeader32, ProgramHeader32};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

use crate::failure::{Failure, Kind, Result};

/// The boot program itself.
pub const PXELINUX: &str = "pxelinux.0";
/// The module that pxelinux.0 always loads.
pub const LDLINUX: &str = "ldlinux.c32";

/// A module that something needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Its file name.
    pub name: String,
    /// Why: `needed by chain.c32`.
    pub reason: String,
}

/// A module with the way that led to it, nearest first.
struct Wanted {
    name: String,
    by: Vec<String>,
}

/// The version that a pxelinux.0 says it has: `6.04`.
///
/// # Errors
/// [`Kind::Source`] when these bytes are not pxelinux for BIOS machines, or one too old to load modules.
pub fn version(pxelinux: &[u8]) -> Result<String> {
    const MARK: &[u8] = b"PXELINUX ";
    let at = pxelinux
        .windows(MARK.len())
        .position(|window| window == MARK);
    let version = at
        .map(|at| &pxelinux[at + MARK.len()..])
        .unwrap_or_default();
    let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
    let version: String = version
        .iter()
        .take_while(is_part)
        .map(|&byte| char::from(byte))
        .collect();
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(5..) => Ok(version),
        Some(_) => Err(Failure::new(
            Kind::Source,
            format!("pxelinux {version} is too old: modules came with 5.00"),
        )),
        None => Err(Failure::new(
            Kind::Source,
            format!("{PXELINUX} is not pxelinux: it does not say its version"),
        )),
    }
}

/// All modules needed by pxelinux.0 itself and by `entries` (module and what loads it, such as a configuration file), each once,
/// in the order in which they are found. `module` yields the bytes of a module by its name, nothing where there is none.
///
/// # Errors
/// [`Kind::Source`] when a module is missing (with the chain that leads to it), is no module for BIOS machines, or is
/// damaged. What `module` fails with.
pub fn needed(
    entries: &[(&str, &str)],
    mut module: impl FnMut(&str) -> Result<Option<Vec<u8>>>,
) -> Result<Vec<Needed>> {
    let entries = [(LDLINUX, PXELINUX)]
        .into_iter()
        .chain(entries.iter().copied());
    let mut queue: Vec<Wanted> = entries
        .map(|(name, by)| Wanted {
            name: name.to_owned(),
            by: vec![by.to_owned()],
        })
        .collect();
    queue.reverse();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(Wanted { name, by }) = queue.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let bytes = module(&name)?.ok_or_else(|| missing(&name, &by))?;
        let needs = needs(&bytes).map_err(|why| {
            Failure::new(
                Kind::Source,
                format!("{name} is no Syslinux module for BIOS machines: {why}"),
            )
            .note(chain(&by))
        })?;
        let by_this = [std::slice::from_ref(&name), &by[..]].concat();
        let next = needs.into_iter().rev().map(|name| Wanted {
            name,
            by: by_this.clone(),
        });
        queue.extend(next);
        let reason = format!("needed by {}", by[0]);
        found.push(Needed { name, reason });
    }
    Ok(found)
}

fn missing(name: &str, by: &[String]) -> Failure {
    Failure::new(
        Kind::Source,
        format!("the module {name} is missing, {}", chain(by)),
    )
    .hint("pxelinux.0 and all its modules have to come from one version of Syslinux")
}

fn chain(by: &[String]) -> String {
    by.iter()
        .map(|by| format!("needed by {by}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The modules that one is linked against, as the loader sees them: by program headers, not sections.
fn needs(bytes: &[u8]) -> Result<Vec<String>, String> {
    let endian = LittleEndian;
    let says = |error: object::Error| error.to_string();
    if bytes.starts_with(b"\x7fELF\x02") {
        return Err("it is for 64-bit EFI".to_owned());
    }
    let header = FileHeader32::<LittleEndian>::parse(bytes).map_err(says)?;
    if !header.is_little_endian() || header.e_machine(endian) != elf::EM_386 {
        return Err("it is for another processor".to_owned());
    }
    if header.e_type(endian) != elf::ET_DYN {
        return Err("it is no shared object".to_owned());
    }
    let segments = header.program_headers(endian, bytes).map_err(says)?;
    let mut entries: &[elf::Dyn32<LittleEndian>] = &[];
    for segment in segments {
        entries = segment
            .dynamic(endian, bytes)
            .map_err(says)?
            .unwrap_or(entries);
    }
    let entries = || {
        entries
            .iter()
            .take_while(|entry| entry.d_tag(endian) != elf::DT_NULL)
    };
    let value = |tag| {
        entries()
            .find(|entry| entry.d_tag(endian) == tag)
            .map(|entry| entry.d_val(endian))
    };
    let needed = entries().filter(|entry| entry.d_tag(endian) == elf::DT_NEEDED);
    let strings = match (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) {
        (Some(address), Some(size)) => at_address(segments, bytes, address, size),
        _ => None,
    };
    needed
        .map(|entry| name_at(strings, entry.d_val(endian)))
        .collect()
}

/// The bytes that the loader would find at this address.
fn at_address<'b>(
    segments: &[ProgramHeader32<LittleEndian>],
    bytes: &'b [u8],
    address: u32,
    size: u32,
) -> Option<&'b [u8]> {
    let loaded = segments
        .iter()
        .filter(|segment| segment.p_type(LittleEndian) == elf::PT_LOAD);
    let mut ranges =
        loaded.map(|segment| segment.data_range(LittleEndian, bytes, address.into(), size.into()));
    ranges.find_map(|range| range.ok().flatten())
}

fn name_at(strings: Option<&[u8]>, offset: u32) -> Result<String, String> {
    let from = strings
        .and_then(|strings| strings.get(usize::try_from(offset).ok()?..))
        .ok_or("the names of what it needs are not there")?;
    let end = from
        .iter()
        .position(|&byte| byte == 0)
        .ok_or("a name of what it needs has no end")?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-+".contains(byte);
    let name = &from[..end];
    if name.is_empty() || name[0] == b'.' || !name.iter().all(plain) {
        return Err(format!(
            "it needs something with the name {:?}",
            String::from_utf8_lossy(name)
        ));
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
#[path = "c32_tests.rs"]
mod tests;
