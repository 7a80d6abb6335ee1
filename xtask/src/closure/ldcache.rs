//! `ld.so.cache`: how glibc finds libraries outside its default folders. `ldconfig` would have to run in the image to make
//! one; what it would find is known already.
//!
//! The format is `struct cache_file_new` of glibc's `sysdeps/generic/dl-cache.h`, which all glibc from 2.2 on read; those from 2.32 on can do
//! without the older one in front of it. Ways to the variants of glibc-hwcaps are not in it.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

use super::machine::Machine;

/// Where it is.
pub const PATH: &str = "etc/ld.so.cache";

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const LITTLE_ENDIAN: u8 = 2;
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// `FLAG_ELF_LIBC6`: a library of glibc.
const LIBC6: u32 = 3;

/// A library that is found by the cache alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cached {
    /// The name that programs need it by.
    pub name: String,
    /// Its path in the image, with a leading slash.
    pub path: String,
    /// What `ldconfig` calls its machine: the second byte of its flags.
    pub abi: u8,
}

impl Cached {
    /// A library of this machine.
    #[must_use]
    pub fn new(name: &str, path: &str, machine: Machine) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            abi: machine.known().map_or(0, |known| known.cache),
        }
    }
}

/// The cache of these libraries.
#[must_use]
pub fn bytes(libraries: &BTreeSet<Cached>) -> Vec<u8> {
    let mut sorted: Vec<&Cached> = libraries.iter().collect();
    // The loader halves its way through names that go down.
    sorted.sort_by(|one, other| compare(&other.name, &one.name));
    let word = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let start = HEADER + ENTRY * sorted.len();
    let mut entries = Vec::new();
    let mut strings = Vec::new();
    for library in &sorted {
        let mut place = |text: &str| {
            let at = start + strings.len();
            strings.extend_from_slice(text.as_bytes());
            strings.push(0);
            word(at)
        };
        let (key, value) = (place(&library.name), place(&library.path));
        let flags = LIBC6 | u32::from(library.abi) << 8;
        entries.extend_from_slice(&flags.to_le_bytes());
        entries.extend_from_slice(&key);
        entries.extend_from_slice(&value);
        // Oldest kernel, and hardware capabilities: none.
        entries.extend_from_slice(&[0; 12]);
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&word(sorted.len()));
    bytes.extend_from_slice(&word(strings.len()));
    bytes.push(LITTLE_ENDIAN);
    bytes.resize(HEADER, 0);
    bytes.extend(entries);
    bytes.extend(strings);
    bytes
}

/// `_dl_cache_libcmp` of glibc's `elf/dl-cache.c`: digits in a row are a number, and come behind everything else.
fn compare(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.chars().peekable(), other.chars().peekable());
    loop {
        let digits = |letters: &Peekable<Chars<'_>>| {
            let next = letters.clone().next();
            next.is_some_and(|letter| letter.is_ascii_digit())
        };
        let ordering = match (digits(&one), digits(&other)) {
            (true, true) => number(&mut one).cmp(&number(&mut other)),
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => match (one.next(), other.next()) {
                (None, None) => return Ordering::Equal,
                (one, other) => one.cmp(&other),
            },
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}

fn number(letters: &mut Peekable<Chars<'_>>) -> u64 {
    let mut number: u64 = 0;
    while let Some(digit) = letters.next_if(char::is_ascii_digit) {
        let digit = digit.to_digit(10).unwrap_or(0);
        number = number.saturating_mul(10).saturating_add(digit.into());
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;
    use crate::tool::Tool;

    #[test]
    fn ldconfig_reads_the_cache_of_each_machine() {
        let words = [
            (Arch::Amd64, "libc6,x86-64"),
            (Arch::Arm64, "libc6,AArch64"),
            (Arch::Armhf, "libc6,hard-float"),
            (Arch::Ppc64el, "libc6,64bit"),
        ];
        for (arch, word) in words {
            let machine = Machine::of(arch);
            let libraries = ["libb.so.9", "libb.so.10", "liba.so"]
                .map(|name| Cached::new(name, &format!("/opt/{name}"), machine));
            let file = tempfile::NamedTempFile::new().unwrap();
            fs_err::write(file.path(), bytes(&BTreeSet::from(libraries))).unwrap();
            let read = Tool::new("ldconfig").args(["-p", "-C"]).arg(file.path());
            let read = read.read().unwrap();
            let lines: Vec<&str> = read.lines().skip(1).map(str::trim).take(3).collect();
            let expected = ["libb.so.10", "libb.so.9", "liba.so"]
                .map(|name| format!("{name} ({word}) => /opt/{name}"));
            assert_eq!(lines, expected);
        }
    }

    #[test]
    fn numbers_in_names_are_numbers() {
        for (less, more) in [
            ("a9", "a10"),
            ("a", "b"),
            ("a", "a1"),
            ("a.", "a1"),
            ("a01", "a2"),
        ] {
            assert_eq!(compare(less, more), Ordering::Less);
            assert_eq!(compare(more, less), Ordering::Greater);
        }
        assert_eq!(compare("a1", "a01"), Ordering::Equal);
    }
}
