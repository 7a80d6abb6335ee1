//! The Syslinux modules (`.c32`) that a bundle really needs: what the boot program and its configuration load, and what those
//! in turn are linked against. Copying all sixty of them would work too, and nobody would know why.
//!
//! Since Syslinux 5 modules are shared ELF objects that name others in `DT_NEEDED`; the boot program loads the first of
//! them, ldlinux.c32 (under EFI ldlinux.e64), by name (`core/elflink/load_env32.c`), and finds all others beside itself. Those for
//! BIOS machines and those for EFI have the same names, and cannot load each other.

use std::collections::BTreeSet;

use object::elf::{EM_386, EM_X86_64};

use crate::closure::elf::{self, Read};
use crate::failure::{Failure, Kind, Result};

/// The boot program itself.
pub const PXELINUX: &str = "pxelinux.0";
/// Whose modules they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flavour {
    /// PXELINUX's, on machines with BIOS.
    Bios,
    /// SYSLINUX's under 64-bit EFI.
    Efi64,
}

impl Flavour {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Bios, Self::Efi64];

    /// The boot program, without folders.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Bios => PXELINUX,
            Self::Efi64 => "syslinux.efi",
        }
    }

    /// The module that the boot program always loads.
    #[must_use]
    pub const fn first(self) -> &'static str {
        match self {
            Self::Bios => "ldlinux.c32",
            Self::Efi64 => "ldlinux.e64",
        }
    }

    /// The folder where Debian has them.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Bios => "usr/lib/syslinux/modules/bios",
            Self::Efi64 => "usr/lib/syslinux/modules/efi64",
        }
    }

    /// The folder of a bundle where they are, beside their boot program; with a slash at its end.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Bios => "",
            Self::Efi64 => "efi64/",
        }
    }

    /// The machines that run them.
    const fn machines(self) -> &'static str {
        match self {
            Self::Bios => "BIOS machines",
            Self::Efi64 => "64-bit EFI",
        }
    }

    /// The processor that they are compiled for, and the class of ELF file.
    const fn machine(self) -> (u16, u8) {
        match self {
            Self::Bios => (EM_386.0, 1),
            Self::Efi64 => (EM_X86_64.0, 2),
        }
    }
}

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

/// All modules needed by the boot program itself and by `entries` (module and what loads it, such as a configuration file), each once,
/// in the order in which they are found. `module` yields the bytes of a module by its name, nothing where there is none.
///
/// # Errors
/// [`Kind::Source`] when a module is missing (with the chain that leads to it), is none of this flavour, or is
/// damaged. What `module` fails with.
pub fn needed(
    flavour: Flavour,
    entries: &[(&str, &str)],
    mut module: impl FnMut(&str) -> Result<Option<Vec<u8>>>,
) -> Result<Vec<Needed>> {
    let entries = [(flavour.first(), flavour.program())]
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
        let bytes = module(&name)?.ok_or_else(|| missing(flavour, &name, &by))?;
        let needs = needs(flavour, &bytes).map_err(|why| {
            Failure::new(
                Kind::Source,
                format!(
                    "{name} is no Syslinux module for {}: {why}",
                    flavour.machines()
                ),
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

fn missing(flavour: Flavour, name: &str, by: &[String]) -> Failure {
    Failure::new(
        Kind::Source,
        format!("the module {name} is missing, {}", chain(by)),
    )
    .hint(format!(
        "{} and all its modules have to come from one version of Syslinux",
        flavour.program()
    ))
}

fn chain(by: &[String]) -> String {
    by.iter()
        .map(|by| format!("needed by {by}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The modules that one is linked against.
fn needs(flavour: Flavour, bytes: &[u8]) -> Result<Vec<String>, String> {
    let (machine, class) = flavour.machine();
    let class_of =
        |flavour: &Flavour| bytes.starts_with(&[0x7f, b'E', b'L', b'F', flavour.machine().1]);
    if let Some(other) = Flavour::ALL.iter().find(|other| class_of(other))
        && other.machine().1 != class
    {
        return Err(format!("it is for {}", other.machines()));
    }
    let elf = match elf::read_bytes(bytes) {
        Read::Elf(elf) if !elf.program => elf,
        Read::Damaged(why) => return Err(why),
        Read::Other(head) if !head.starts_with(elf::MAGIC) => {
            return Err("it is no ELF file".to_owned());
        }
        Read::Elf(_) | Read::Other(_) => return Err("it is no shared object".to_owned()),
    };
    if !(elf.machine.machine == machine && elf.machine.little) {
        return Err("it is for another processor".to_owned());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
    let names = elf.needed.iter().map(|needed| &needed.name);
    let named = names.map(|name| {
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(format!("it needs something with the name {name:?}"));
        }
        Ok(name.clone())
    });
    named.collect()
}

#[cfg(test)]
#[path = "c32_tests.rs"]
mod tests;
