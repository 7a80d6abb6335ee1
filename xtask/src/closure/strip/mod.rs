//! Takes debugging data and symbols out of ELF files, of any machine, as binutils' strip(1) does. Bytes in, bytes out.
//!
//! `object` has a writer for ELF, but it writes all of a file anew, dynamic tables included. Here what is loaded stays where it is, byte for byte
//! (all but the fields of the header that tell of the table of sections), and only what is behind it is laid out again. Relocatable files, which are modules,
//! are laid out as a whole: nothing in them depends on its place.

mod file;
mod layout;
mod symbols;
#[cfg(test)]
mod tests;

use object::elf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind, Result};
use file::{File, Section};

/// What goes out of ELF files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strip {
    /// Nothing.
    #[default]
    None,
    /// Debugging sections.
    Debug,
    /// Debugging sections, and the symbols that linking at run time does not need. Of modules, as `debug`.
    All,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stripped {
    /// The file without what was to go.
    Smaller(Vec<u8>),
    /// The file is to stay as it is.
    Left(Left),
}

/// Why a file stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It is no ELF file.
    NotElf,
    /// It has nothing of what was to go.
    Nothing,
    /// It is a module with a signature, which is over all its bytes (Documentation/admin-guide/module-signing.rst).
    Signed,
    /// Something is appended to it, which it may look for at its own end.
    Appended,
}

impl Left {
    /// Why, as the end of a sentence that begins with the file's name; nothing where nobody needs to know.
    #[must_use]
    pub const fn why(self) -> Option<&'static str> {
        match self {
            Self::NotElf | Self::Nothing => None,
            Self::Signed => Some("is signed, and a kernel would not take it any more"),
            Self::Appended => {
                Some("has something appended to it, which it may look for at its own end")
            }
        }
    }
}

/// The end of a module with a signature.
const SIGNATURE: &[u8] = b"~Module signature appended~\n";

/// Sections with these beginnings are for debuggers (binutils' bfd/elf.c, `_bfd_elf_make_section_from_shdr`).
const DEBUG: [&[u8]; 7] = [
    b".debug",
    b".zdebug",
    b".gdb_index",
    b".gnu.debuglto_.debug_",
    b".gnu.linkonce.wi.",
    b".line",
    b".stab",
];

/// Sections that go along with the symbols: who compiled it, and where its debugging data are.
const ABOUT: [&[u8]; 4] = [
    b".comment",
    b".gnu_debugaltlink",
    b".gnu_debugdata",
    b".gnu_debuglink",
];

/// Strips a file.
///
/// # Errors
/// [`Kind::Source`] when it is an ELF file that is damaged, or is built in a way that this cannot take apart; it can be used as it is then.
pub fn strip(bytes: &[u8], what: Strip) -> Result<Stripped> {
    if what == Strip::None {
        return Ok(Stripped::Left(Left::Nothing));
    }
    if !bytes.starts_with(b"\x7fELF") {
        return Ok(Stripped::Left(Left::NotElf));
    }
    if bytes.ends_with(SIGNATURE) {
        return Ok(Stripped::Left(Left::Signed));
    }
    let file = file::read(bytes).map_err(|why| refused(&why))?;
    let Some(file) = file.filter(|file| file.sections.len() > 1) else {
        return Ok(Stripped::Left(Left::Nothing));
    };
    let goes = choose(&file, what).map_err(|why| refused(&why))?;
    if !goes.contains(&true) {
        return Ok(Stripped::Left(Left::Nothing));
    }
    if file.end < bytes.len() && bytes[file.end..].iter().any(|&byte| byte != 0) {
        return Ok(Stripped::Left(Left::Appended));
    }
    let stripped = layout::write(&file, &goes).map_err(|why| refused(&why))?;
    Ok(Stripped::Smaller(stripped))
}

fn refused(why: &str) -> Failure {
    Failure::new(
        Kind::Source,
        format!("an ELF file cannot be stripped: {why}"),
    )
    .hint("leave it as it is (`strip = \"none\"` in [closure]), or take a whole one")
}

/// What is only about something that goes, goes too; and what is only about that, and so on. No compiler makes a longer chain.
const DEEPEST: usize = 16;

/// Which sections go, by number. What is loaded never does.
fn choose(file: &File<'_>, what: Strip) -> Result<Vec<bool>, String> {
    let all = what == Strip::All && file.kind != elf::ET_REL;
    let stays = |number: usize, section: &Section<'_>| {
        number == 0 || number == file.names || section.is_loaded()
    };
    let mut goes: Vec<bool> = file
        .sections
        .iter()
        .enumerate()
        .map(|(number, section)| {
            let by_name = DEBUG.iter().any(|name| section.name.starts_with(name));
            let about = ABOUT.contains(&section.name);
            let is_chosen = by_name || all && (about || section.kind == elf::SHT_SYMTAB);
            is_chosen && !stays(number, section)
        })
        .collect();
    for _ in 0..DEEPEST {
        let strings = unused_strings(file, &goes);
        let mut changed = false;
        for (number, section) in file.sections.iter().enumerate() {
            let is_alone = strings[number] || follows(file, section, &goes);
            if !goes[number] && !stays(number, section) && is_alone {
                goes[number] = true;
                changed = true;
            }
        }
        if !changed {
            return Ok(goes);
        }
    }
    Err("its sections depend on each other in a long chain".to_owned())
}

/// Tables of names that only sections use which go, by number.
fn unused_strings(file: &File<'_>, goes: &[bool]) -> Vec<bool> {
    let mut users = vec![(0_usize, 0_usize); goes.len()];
    for (section, is_gone) in file.sections.iter().zip(goes) {
        if let Some((all, gone)) = users.get_mut(section.link as usize) {
            *all += 1;
            *gone += usize::from(*is_gone);
        }
    }
    let strings = file.sections.iter().zip(users);
    strings
        .map(|(section, (all, gone))| section.kind == elf::SHT_STRTAB && all > 0 && all == gone)
        .collect()
}

/// Whether a section is of use only together with others, all of which go.
fn follows(file: &File<'_>, section: &Section<'_>, goes: &[bool]) -> bool {
    let gone = |number: u32| goes.get(number as usize) == Some(&true);
    match section.kind {
        elf::SHT_REL | elf::SHT_RELA => gone(section.info) || gone(section.link),
        elf::SHT_SYMTAB_SHNDX => gone(section.link),
        elf::SHT_GROUP => {
            let mut members = file.group(section).peekable();
            members.peek().is_some() && members.all(gone)
        }
        _ => section.flags & elf::SHF_LINK_ORDER.0 != 0 && gone(section.link),
    }
}
