//! Damaged and hostile files: whatever they claim, an answer comes, and nothing breaks.

use std::collections::BTreeMap;

use crate::closure::Settings;
use crate::closure::elf::{self, Read};

use super::lab::Lab;
use super::oracle;

/// Numbers that look like chance and are the same each time (xorshift64, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Words that break sums, products and bounds.
const WORDS: &[u64] = &[
    0,
    1,
    0x7f,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0000,
    i64::MAX as u64,
    u64::MAX,
];

/// A file with some damage: in its headers, its dynamic section, or anywhere; or cut off.
fn damaged(original: &[u8], dynamic: usize, numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=numbers.below(4) {
        let (start, length) = match numbers.below(4) {
            0 => (0, 64),
            1 => (64, 56 * 12),
            2 => (dynamic, 1024),
            _ => (0, bytes.len()),
        };
        let at = (start + numbers.below(length)).min(bytes.len().saturating_sub(8));
        match numbers.below(4) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = numbers.next() as u8,
            2 => {
                let word = WORDS[numbers.below(WORDS.len())].to_le_bytes();
                bytes[at & !7..][..8].copy_from_slice(&word);
            }
            _ => {
                let word = WORDS[numbers.below(WORDS.len())] as u32;
                bytes[at & !3..][..4].copy_from_slice(&word.to_le_bytes());
            }
        }
    }
    if numbers.below(8) == 0 {
        bytes.truncate(numbers.below(bytes.len()));
    }
    bytes
}

/// Where the dynamic section is, by `PT_DYNAMIC` of a 64-bit file.
fn dynamic_of(bytes: &[u8]) -> usize {
    let headers = bytes[64..].chunks_exact(56);
    let dynamic = headers
        .into_iter()
        .find(|header| header[..4] == [2, 0, 0, 0])
        .unwrap();
    u64::from_le_bytes(dynamic[8..16].try_into().unwrap()) as usize
}

/// A root with a program that has a bit of everything.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.system();
    lab.library("usr/lib/x86_64-linux-gnu/liba.so", &[]);
    let note = r#"__attribute__((used, section(".note.dlopen"), aligned(4)))
        static const struct { int a, b, c; char name[4]; char text[28]; } said =
        { 4, 28, 0x407c0c0a, "FDO", "[{\"soname\":[\"liba.so\"]}]" };
        void getpwnam(void); void use(void) { getpwnam(); }"#;
    let arguments = [
        "-L@/usr/lib/x86_64-linux-gnu",
        "-l:liba.so",
        "-Wl,-rpath,$ORIGIN/$LIB/$PLATFORM",
        "-Wl,-z,undefs",
    ];
    lab.program_of("usr/bin/program", note, &arguments);
    lab
}

#[test]
fn whatever_a_damaged_file_claims_an_answer_comes() {
    let lab = lab();
    let program = lab.at("usr/bin/program");
    let mut originals = vec![fs_err::read(&program).unwrap()];
    for path in ["/usr/bin/env", "/lib/x86_64-linux-gnu/libdl.so.2"] {
        originals.push(fs_err::read(path).unwrap());
    }
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut answers: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..4000 {
        let original = &originals[round % originals.len()];
        let bytes = damaged(original, dynamic_of(original), &mut numbers);
        let answer = match elf::read_bytes(&bytes) {
            Read::Elf(elf) => {
                assert!(
                    elf.needed.len() <= bytes.len() / 8 && elf.imports.len() <= bytes.len() / 16
                );
                "elf"
            }
            Read::Other(_) => "other",
            Read::Damaged(why) => {
                assert!(!why.is_empty());
                "damaged"
            }
        };
        *answers.entry(answer).or_default() += 1;
    }
    // The damage is neither harmless nor fatal every time.
    assert!(
        answers.len() == 3 && answers.values().all(|&number| number > 50),
        "{answers:?}"
    );
}

#[test]
fn the_closure_of_a_damaged_program_is_an_answer_or_a_failure() {
    let lab = lab();
    let program = lab.at("usr/bin/program");
    let original = fs_err::read(&program).unwrap();
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let mut answers = [0, 0];
    for _ in 0..1000 {
        let bytes = damaged(&original, dynamic_of(&original), &mut numbers);
        fs_err::remove_file(&program).unwrap();
        lab.program_bytes("usr/bin/program", &bytes);
        let answer = oracle::of(&lab.root(), &["/usr/bin/program"], &Settings::default());
        answers[usize::from(answer.is_ok())] += 1;
    }
    assert!(answers.iter().all(|&number| number > 50), "{answers:?}");
}

#[test]
fn every_beginning_of_a_program_is_an_answer() {
    let lab = lab();
    let program = lab.at("usr/bin/program");
    let bytes = fs_err::read(&program).unwrap();
    for length in (0..bytes.len()).step_by(7) {
        let _ = elf::read_bytes(&bytes[..length]);
    }
}

#[test]
fn a_huge_file_is_not_read_whole() {
    use std::os::unix::fs::FileExt;
    // Sparse: a terabyte of program headers that are not there, and names at its end.
    let lab = lab();
    let bytes = fs_err::read(lab.at("usr/bin/program")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all_at(&bytes, 0).unwrap();
    file.as_file().set_len(1 << 40).unwrap();
    let claims_much = |word: u64| {
        let at = dynamic_of(&bytes) as u64;
        // Every entry a library, named by nothing but NULs.
        let entries: Vec<u8> = [1_u64.to_le_bytes(), word.to_le_bytes()]
            .concat()
            .repeat(20);
        file.as_file().write_all_at(&entries, at).unwrap();
        elf::read(file.path()).unwrap()
    };
    assert!(matches!(claims_much(1 << 39), Read::Damaged(_)));
    let much = |header: u64| {
        let mut bytes = bytes.clone();
        bytes[64 + 56 * header as usize + 32..][..8].copy_from_slice(&(1_u64 << 39).to_le_bytes());
        file.as_file().write_all_at(&bytes, 0).unwrap();
        elf::read(file.path()).unwrap()
    };
    for header in 0..8 {
        much(header);
    }
}

#[test]
fn links_scripts_and_conf_files_in_circles_end() {
    let lab = Lab::new();
    lab.file(
        "etc/ld.so.conf",
        "include /etc/ld.so.conf /etc/other.conf\n",
    );
    lab.link("etc/other.conf", "ld.so.conf");
    lab.link("lib", "lib");
    lab.link("up", "..");
    lab.link("round/about", "../round");
    lab.file("bin/a", "#!/bin/b\n");
    lab.file("bin/b", "#!/bin/a\n");
    lab.closure(&["/bin/a", "/up", "/round/**", "/**/a"])
        .unwrap();
}
