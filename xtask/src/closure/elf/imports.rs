//! Imported functions that make glibc load something while the program runs, without any note of it: unwinding, and name services.
//!
//! Sources: glibc's `misc/unwind-link.c` and who calls it, and `nss/`, `inet/`, `pwd/`, `grp/`.

use object::elf;
use object::pod::Pod;
use object::read::elf::{FileHeader, Sym};
use object::{Endian, Endianness};

use super::reader::Wrong;
use super::{Parse, slice_of};

/// A function that glibc does not do alone.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
}

/// What glibc loads for a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// `libgcc_s.so.1`; without it, the process is aborted.
    Unwinder,
    /// `libgcc_s.so.1`; without it, the function does nothing.
    UnwinderIfThere,
    /// The modules that `nsswitch.conf` names for these databases.
    Names(&'static [&'static str]),
}

const fn import(name: &'static str, takes: Takes) -> Import {
    Import { name, takes }
}

macro_rules! imports {
    ($($takes:expr => $($name:literal)+;)+) => {
        &[$($(import($name, $takes),)+)+]
    };
}

use Takes::{Names, Unwinder, UnwinderIfThere};

/// All of them.
const IMPORTS: &[Import] = imports! {
    Unwinder => "pthread_cancel" "pthread_exit" "thrd_exit";
    UnwinderIfThere => "backtrace";
    Names(&["passwd"]) => "getpwnam" "getpwuid" "getpwnam_r" "getpwuid_r" "getpwent" "getpwent_r" "setpwent";
    Names(&["group"]) => "getgrnam" "getgrgid" "getgrnam_r" "getgrgid_r" "getgrent" "getgrent_r" "setgrent";
    Names(&["group", "initgroups"]) => "initgroups" "getgrouplist";
    Names(&["shadow"]) => "getspnam" "getspnam_r" "getspent" "getspent_r" "setspent";
    Names(&["gshadow"]) => "getsgnam" "getsgnam_r" "getsgent" "getsgent_r";
    Names(&["hosts", "services"]) => "getaddrinfo" "getaddrinfo_a" "getnameinfo";
    Names(&["hosts"]) => "gethostbyname" "gethostbyname_r" "gethostbyname2" "gethostbyname2_r" "gethostbyaddr" "gethostbyaddr_r"
        "gethostent" "gethostent_r";
    Names(&["services"]) => "getservbyname" "getservbyname_r" "getservbyport" "getservbyport_r" "getservent" "getservent_r";
    Names(&["protocols"]) => "getprotobyname" "getprotobyname_r" "getprotobynumber" "getprotobynumber_r" "getprotoent";
    Names(&["networks"]) => "getnetbyname" "getnetbyname_r" "getnetbyaddr" "getnetbyaddr_r" "getnetent";
    Names(&["rpc"]) => "getrpcbyname" "getrpcbynumber" "getrpcent";
    Names(&["netgroup"]) => "innetgr" "setnetgrent" "getnetgrent";
    Names(&["ethers"]) => "ether_hostton" "ether_ntohost";
};

/// Tables that may lie behind the symbols.
const TABLES: &[elf::DynamicTag] = &[
    elf::DT_STRTAB,
    elf::DT_HASH,
    elf::DT_GNU_HASH,
    elf::DT_VERSYM,
    elf::DT_VERNEED,
    elf::DT_VERDEF,
    elf::DT_RELA,
    elf::DT_REL,
    elf::DT_RELR,
    elf::DT_JMPREL,
    elf::DT_INIT,
    elf::DT_INIT_ARRAY,
];

impl<H: FileHeader<Endian = Endianness>> Parse<'_, '_, H> {
    /// The functions of the table that it imports.
    pub(super) fn imports(&mut self) -> Result<Vec<&'static Import>, Wrong> {
        let (Some(symbols), Some(strings)) =
            (self.value(elf::DT_SYMTAB), self.value(elf::DT_STRTAB))
        else {
            return Ok(Vec::new());
        };
        let endian = self.endian;
        let strings = self.offset(strings)?;
        let size = size_of::<H::Sym>() as u64;
        let length = self.symbols(symbols)?.saturating_mul(size);
        let symbols = self.offset(symbols)?;
        let bytes = self.reader.bytes(symbols, length)?;
        let mut found = Vec::new();
        for symbol in slice_of::<H::Sym>(&bytes)? {
            if symbol.st_shndx(endian) != elf::SHN_UNDEF {
                continue;
            }
            let at = strings.saturating_add(symbol.st_name(endian).into());
            if let Some(index) = self.reader.one_of(at, known)? {
                found.push(&IMPORTS[index]);
            }
        }
        Ok(found)
    }

    /// How many dynamic symbols there may be imports among.
    fn symbols(&mut self, symbols: u64) -> Result<u64, Wrong> {
        if let Some(table) = self.value(elf::DT_GNU_HASH) {
            // Buckets, first symbol in them, words and shift of the filter. What is defined is sorted to the end, into the buckets.
            let at = self.offset(table)?;
            let header = self.words(at, 4)?;
            let bucket = at
                .saturating_add(16)
                .saturating_add(u64::from(header[2]) * size_of::<H::Word>() as u64);
            // GNU ld says 1 where nothing is defined, and so nothing sorted.
            return match header[0] {
                1 if self.words(bucket, 1)? == [0] => Ok(self.symbols_at_most(symbols)),
                _ => Ok(header[1].into()),
            };
        }
        match self.value(elf::DT_HASH) {
            Some(table) => {
                let at = self.offset(table)?;
                Ok(self.words(at, 2)?[1].into())
            }
            None => Ok(0),
        }
    }

    /// How many symbols fit before the next table, given where they are.
    fn symbols_at_most(&self, symbols: u64) -> u64 {
        let tables = self.dynamic.iter().filter(|(tag, _)| TABLES.contains(tag));
        let next = tables
            .map(|(_, address)| *address)
            .filter(|&address| address > symbols)
            .min();
        next.map_or(0, |next| (next - symbols) / size_of::<H::Sym>() as u64)
    }

    fn words(&mut self, at: u64, count: u64) -> Result<Vec<u32>, Wrong> {
        let bytes = self.reader.bytes(at, count * 4)?;
        let word = |word: &[u8]| {
            let word = [word[0], word[1], word[2], word[3]];
            self.endian.read_u32(word)
        };
        Ok(bytes.chunks_exact(4).map(word).collect())
    }

    /// Whether it defines a symbol version.
    pub(super) fn defines(&mut self, version: &[u8]) -> Result<bool, Wrong> {
        let (Some(table), Some(count), Some(strings)) = (
            self.value(elf::DT_VERDEF),
            self.value(elf::DT_VERDEFNUM),
            self.value(elf::DT_STRTAB),
        ) else {
            return Ok(false);
        };
        let strings = self.offset(strings)?;
        let mut at = self.offset(table)?;
        // glibc has about fifty.
        for _ in 0..count.min(4096) {
            let definition: elf::Verdef<Endianness> = self.structure(at)?;
            let names = at.saturating_add(definition.vd_aux.get(self.endian).into());
            let name: elf::Verdaux<Endianness> = self.structure(names)?;
            let name = strings.saturating_add(name.vda_name.get(self.endian).into());
            if self.reader.text(name)? == version {
                return Ok(true);
            }
            match definition.vd_next.get(self.endian) {
                0 => break,
                next => at = at.saturating_add(next.into()),
            }
        }
        Ok(false)
    }

    fn structure<T: Pod>(&mut self, at: u64) -> Result<T, Wrong> {
        let bytes = self.reader.bytes(at, size_of::<T>() as u64)?;
        Ok(slice_of::<T>(&bytes)?[0])
    }
}

fn known(name: &[u8]) -> Option<usize> {
    // Most names are none of these, and are seen to be by their beginning.
    if !matches!(
        name,
        [
            b'p' | b't' | b'b' | b'g' | b's' | b'i' | b'e',
            b't' | b'h' | b'a' | b'e' | b'n',
            ..
        ]
    ) {
        return None;
    }
    IMPORTS
        .iter()
        .position(|import| import.name.as_bytes() == name)
}
