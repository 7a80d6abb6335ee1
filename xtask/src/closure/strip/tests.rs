//! Stripping, on files that the host's compiler makes, held against readelf and against running them.

use std::path::Path;

use object::Endianness;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};

use super::{Left, Strip, Stripped, strip};
use crate::tool::Tool;

const LIBRARY: &str =
    "int twice(int x) { return 2 * x; } static int unused = 3; int *at(void) { return &unused; }";
const PROGRAM: &str = "#include <stdio.h>\nint twice(int);\n__attribute__((constructor)) static void before(void) { puts(\"before\"); }\n\
    int main(int n, char **v) { printf(\"%d %p\\n\", twice(n + 20), v == 0 ? v : 0); return 0; }";
/// What makes a module of an object file, as far as it can be seen in one.
const MODULE: &str = "__attribute__((section(\".modinfo\"), used)) static const char license[] = \"license=GPL\";\n\
    int printk(const char *, ...); static int helper(int x) { return printk(\"%d\", x) + x; }\n\
    int init_module(void) { return helper(1); } int (*table[])(void) = { init_module };";

fn compile(folder: &Path, source: &str, arguments: &[&str]) -> Vec<u8> {
    fs_err::write(folder.join("a.c"), source).unwrap();
    Tool::new("gcc")
        .args(["-g", "-O1", "a.c", "-o", "made"])
        .args(arguments)
        .folder(folder)
        .read()
        .unwrap();
    fs_err::read(folder.join("made")).unwrap()
}

fn smaller(bytes: &[u8], what: Strip) -> Vec<u8> {
    match strip(bytes, what).unwrap() {
        Stripped::Smaller(stripped) => {
            assert!(stripped.len() < bytes.len());
            stripped
        }
        Stripped::Left(left) => panic!("{left:?}"),
    }
}

/// What readelf says, which complains of whatever is wrong on standard error.
fn readelf(bytes: &[u8], option: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), bytes).unwrap();
    let path = file.path().display().to_string();
    let said = Tool::new("readelf")
        .args(["--wide", "--lint", option, &path])
        .read()
        .unwrap();
    assert!(!said.contains("arning"), "{said}");
    said
}

fn has(bytes: &[u8], section: &str) -> bool {
    readelf(bytes, "--sections").contains(&format!(" {section} "))
}

/// What is loaded: all but the three fields of the header that tell of sections.
fn loaded(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    bytes[0x28..0x30].fill(0);
    bytes[0x3c..0x40].fill(0);
    let header = FileHeader64::<Endianness>::parse(&*bytes).unwrap();
    let segments = header.program_headers(Endianness::Little, &*bytes).unwrap();
    segments
        .iter()
        .map(|segment| segment.data(Endianness::Little, &*bytes).unwrap().to_vec())
        .collect()
}

#[test]
fn programs_and_libraries_run_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile(folder.path(), LIBRARY, &["-shared", "-fPIC"]);
    fs_err::write(folder.path().join("libtwice.so"), &library).unwrap();
    let program = compile(
        folder.path(),
        PROGRAM,
        &["-L.", "-ltwice", "-Wl,-rpath,$ORIGIN"],
    );
    for what in [Strip::Debug, Strip::All] {
        let (new_library, new_program) = (smaller(&library, what), smaller(&program, what));
        assert_eq!(loaded(&new_library), loaded(&library));
        assert_eq!(loaded(&new_program), loaded(&program));
        for bytes in [&new_library, &new_program] {
            assert!(!has(bytes, ".debug_info"));
            assert_eq!(has(bytes, ".symtab"), what == Strip::Debug);
            assert_eq!(has(bytes, ".comment"), what == Strip::Debug);
            readelf(bytes, "--all");
        }
        fs_err::write(folder.path().join("libtwice.so"), &new_library).unwrap();
        fs_err::write(folder.path().join("made"), &new_program).unwrap();
        let said = Tool::new(folder.path().join("made").display().to_string())
            .folder(folder.path())
            .read()
            .unwrap();
        assert_eq!(said, "before\n42 (nil)\n");
    }
}

#[test]
fn static_programs_run_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("{PROGRAM}\n{LIBRARY}");
    for arguments in [
        &["-static"][..],
        &["-static-pie"],
        &["-Wl,--emit-relocs"],
        &["-no-pie"],
    ] {
        let program = compile(folder.path(), &source, arguments);
        for what in [Strip::Debug, Strip::All] {
            let stripped = smaller(&program, what);
            assert_eq!(loaded(&stripped), loaded(&program));
            readelf(&stripped, "--all");
            fs_err::write(folder.path().join("made"), &stripped).unwrap();
            let said = Tool::new(folder.path().join("made").display().to_string())
                .folder(folder.path())
                .read()
                .unwrap();
            assert_eq!(said, "before\n42 (nil)\n", "{arguments:?}");
        }
    }
}

// But for the names of source files, which are a few dozen bytes.
#[test]
fn binutils_finds_no_more_to_take() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile(folder.path(), &format!("{PROGRAM}\n{LIBRARY}"), &[]);
    for (what, option) in [(Strip::Debug, "--strip-debug"), (Strip::All, "--strip-all")] {
        let ours = smaller(&program, what);
        fs_err::write(folder.path().join("theirs"), &program).unwrap();
        Tool::new("strip")
            .args([option, "theirs"])
            .folder(folder.path())
            .run()
            .unwrap();
        let theirs = fs_err::read(folder.path().join("theirs")).unwrap();
        assert!(
            ours.len() <= theirs.len() + 256,
            "{what:?}: {} and {}",
            ours.len(),
            theirs.len()
        );
    }
}

#[test]
fn modules_keep_what_the_kernel_links_them_by() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["-c"][..],
        &["-c", "-m32"],
        &["-c", "-ffunction-sections", "-fdata-sections"],
    ] {
        let module = compile(folder.path(), MODULE, arguments);
        // Of a module, all is no more than this.
        let stripped = smaller(&module, Strip::Debug);
        assert_eq!(stripped, smaller(&module, Strip::All));
        for section in [".modinfo", ".symtab", ".strtab"] {
            assert!(has(&stripped, section), "{section}");
        }
        let sections = readelf(&stripped, "--sections");
        assert!(!sections.contains("debug"), "{sections}");
        // Offsets of relocations, their kinds and the names of their symbols are those from before, all but of debugging data.
        assert_eq!(relocations(&stripped), relocations(&module));
        assert_eq!(disassembled(&stripped), disassembled(&module));
        // It links as before.
        fs_err::write(folder.path().join("stripped.o"), &stripped).unwrap();
        let emulation = if arguments.contains(&"-m32") {
            "elf_i386"
        } else {
            "elf_x86_64"
        };
        Tool::new("ld")
            .args(["-m", emulation, "-r", "stripped.o", "-o", "linked.o"])
            .folder(folder.path())
            .run()
            .unwrap();
    }
}

fn relocations(bytes: &[u8]) -> Vec<String> {
    let said = readelf(bytes, "--relocs");
    let mut is_debug = false;
    let mut lines = Vec::new();
    for line in said.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with("Relocation section") {
            is_debug = line.contains(".debug");
        } else if !is_debug && !line.trim_start().starts_with("Offset") {
            // The second column has the symbol's number in it.
            let words: Vec<&str> = line.split_whitespace().collect();
            lines.push([&words[..1], &words[2..]].concat().join(" "));
        }
    }
    assert!(!lines.is_empty());
    lines
}

fn disassembled(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), bytes).unwrap();
    let path = file.path().display().to_string();
    let said = Tool::new("objdump").args(["-dr", &path]).read().unwrap();
    said.replace(&path, "")
}

#[test]
fn what_is_signed_or_has_something_appended_stays() {
    let folder = tempfile::tempdir().unwrap();
    let module = compile(folder.path(), MODULE, &["-c"]);
    let signed = [&module[..], b"PKCS#7~Module signature appended~\n"].concat();
    assert_eq!(
        strip(&signed, Strip::Debug).unwrap(),
        Stripped::Left(Left::Signed)
    );
    assert!(Left::Signed.why().is_some());
    let archive = [&module[..], b"PK\x05\x06"].concat();
    assert_eq!(
        strip(&archive, Strip::Debug).unwrap(),
        Stripped::Left(Left::Appended)
    );
}

#[test]
fn what_has_nothing_to_go_stays() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile(folder.path(), &format!("{PROGRAM}\n{LIBRARY}"), &[]);
    for what in [Strip::Debug, Strip::All] {
        let stripped = smaller(&program, what);
        assert_eq!(
            strip(&stripped, what).unwrap(),
            Stripped::Left(Left::Nothing)
        );
    }
    assert_eq!(
        strip(&program, Strip::None).unwrap(),
        Stripped::Left(Left::Nothing)
    );
    assert_eq!(
        strip(b"#!/bin/sh\n", Strip::All).unwrap(),
        Stripped::Left(Left::NotElf)
    );
}

#[test]
fn stripping_is_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile(folder.path(), &format!("{PROGRAM}\n{LIBRARY}"), &[]);
    assert_eq!(smaller(&program, Strip::All), smaller(&program, Strip::All));
}

#[test]
fn both_byte_orders_are_written() {
    // A relocatable file of two sections, for a 32-bit machine whose byte order is the other one (PowerPC).
    let put = |bytes: &mut Vec<u8>, numbers: &[u32]| {
        bytes.extend(numbers.iter().flat_map(|n| n.to_be_bytes()));
    };
    let mut bytes = b"\x7fELF\x01\x02\x01\0\0\0\0\0\0\0\0\0\0\x01\0\x14".to_vec();
    put(
        &mut bytes,
        &[1, 0, 0, 72, 0, 0x0034_0000, 0x0000_0028, 0x0003_0002],
    );
    bytes.extend(b"\0.debug_x\0.sh\0abcdef");
    put(&mut bytes, &[0; 10]);
    put(&mut bytes, &[1, 1, 0, 0, 66, 6, 0, 0, 1, 0]);
    put(&mut bytes, &[10, 3, 0, 0, 52, 14, 0, 0, 1, 0]);
    let stripped = smaller(&bytes, Strip::Debug);
    let said = readelf(&stripped, "--sections");
    assert!(said.contains(".sh") && !said.contains(".debug_x"), "{said}");
}

#[test]
fn what_is_cut_short_or_altered_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["-c"][..],
        &["-c", "-m32"],
        &["-shared", "-fPIC", "-nostdlib"],
    ] {
        let bytes = compile(folder.path(), MODULE, arguments);
        for length in (0..bytes.len()).step_by(7) {
            let _ = strip(&bytes[..length], Strip::All);
        }
        // The headers of file and sections, byte by byte.
        let header = FileHeader64::<Endianness>::parse(&*bytes);
        let table = header.map_or(bytes.len() - 40 * 20, |h| {
            h.e_shoff(Endianness::Little) as usize
        });
        for at in (0..64).chain(table..bytes.len()) {
            for value in [0, 1, 0x7f, 0xff, bytes[at].wrapping_add(1)] {
                let mut altered = bytes.clone();
                altered[at] = value;
                for what in [Strip::Debug, Strip::All] {
                    if let Ok(Stripped::Smaller(stripped)) = strip(&altered, what) {
                        assert!(stripped.len() <= bytes.len() + (2 << 20));
                    }
                }
            }
        }
    }
    assert_eq!(elf::ELFCLASS64.0, 2);
}
