//! Modules made here byte by byte, good ones and hostile ones.

use proptest::prelude::{any, proptest};

use super::*;

/// The smallest shared object that is linked against these: header, one `PT_LOAD` over all, one `PT_DYNAMIC`.
fn module(needs: &[&str]) -> Vec<u8> {
    const HEADER: u32 = 52;
    const SEGMENT: u32 = 32;
    let mut strings = vec![0];
    let mut dynamic: Vec<u32> = Vec::new();
    for name in needs {
        dynamic.extend([1, strings.len() as u32]);
        strings.extend(name.bytes().chain([0]));
    }
    let dynamic_at = HEADER + 2 * SEGMENT;
    let dynamic_size = (dynamic.len() as u32 + 6) * 4;
    let strings_at = dynamic_at + dynamic_size;
    dynamic.extend([5, strings_at, 10, strings.len() as u32, 0, 0]);
    let size = strings_at + strings.len() as u32;

    let mut bytes = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x03\0".to_vec();
    let words = |bytes: &mut Vec<u8>, words: &[u32]| {
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    };
    words(&mut bytes, &[1, 0, HEADER, 0, 0]);
    for half in [HEADER as u16, SEGMENT as u16, 2, 0, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    words(&mut bytes, &[1, 0, 0, 0, size, size, 7, 4]);
    words(
        &mut bytes,
        &[
            2,
            dynamic_at,
            dynamic_at,
            dynamic_at,
            dynamic_size,
            dynamic_size,
            6,
            4,
        ],
    );
    words(&mut bytes, &dynamic);
    bytes.extend(strings);
    bytes
}

fn library(name: &str) -> Result<Option<Vec<u8>>> {
    Ok(match name {
        "ldlinux.c32" | "libutil.c32" | "libcom32.c32" => Some(module(&[])),
        "chain.c32" => Some(module(&["libutil.c32", "libcom32.c32"])),
        "menu.c32" => Some(module(&["libutil.c32"])),
        "circle.c32" => Some(module(&["circle.c32", "chain.c32"])),
        "broken.c32" => Some(module(&["chain.c32", "gone.c32"])),
        "escape.c32" => Some(module(&["../../etc/passwd"])),
        _ => None,
    })
}

fn names(entries: &[(&str, &str)]) -> Vec<String> {
    let needed = needed(Flavour::Bios, entries, library).unwrap();
    needed
        .into_iter()
        .map(|one| format!("{}: {}", one.name, one.reason))
        .collect()
}

#[test]
fn each_module_has_its_reason() {
    assert_eq!(names(&[]), ["ldlinux.c32: needed by pxelinux.0"]);
    assert_eq!(
        names(&[("chain.c32", "pxelinux.cfg/chain"), ("menu.c32", "a menu")]),
        [
            "ldlinux.c32: needed by pxelinux.0",
            "chain.c32: needed by pxelinux.cfg/chain",
            "libutil.c32: needed by chain.c32",
            "libcom32.c32: needed by chain.c32",
            "menu.c32: needed by a menu",
        ]
    );
    assert_eq!(names(&[("circle.c32", "x")]).len(), 5);
}

#[test]
fn a_missing_module_is_told_with_the_chain() {
    let failure = needed(Flavour::Bios, &[("broken.c32", "a menu")], library).unwrap_err();
    assert_eq!(failure.kind, Kind::Source);
    assert_eq!(
        failure.what,
        "the module gone.c32 is missing, needed by broken.c32, needed by a menu"
    );
}

#[test]
fn what_is_no_module_is_refused() {
    let cases: [(&str, Vec<u8>); 6] = [
        ("64-bit", {
            let mut bytes = module(&[]);
            bytes[4] = 2;
            bytes
        }),
        ("another processor", {
            let mut bytes = module(&[]);
            bytes[18] = 40;
            bytes
        }),
        ("no shared object", {
            let mut bytes = module(&[]);
            bytes[16] = 2;
            bytes
        }),
        ("ELF", b"PXELINUX".to_vec()),
        ("has no end", {
            let mut bytes = module(&["libutil.c32"]);
            *bytes.last_mut().unwrap() = b'x';
            bytes
        }),
        ("an address that it does not hold", {
            let mut bytes = module(&["libutil.c32"]);
            bytes[52] = 0;
            bytes
        }),
    ];
    for (why, bytes) in cases {
        let failure = needed(Flavour::Bios, &[], |_| Ok(Some(bytes.clone()))).unwrap_err();
        assert!(failure.what.contains(why), "{why}: {failure}");
    }
    let failure = needed(Flavour::Bios, &[("escape.c32", "x")], library).unwrap_err();
    assert!(failure.what.contains("../../etc/passwd"), "{failure}");
}

#[test]
fn pxelinux_says_its_version() {
    assert_eq!(
        version(b"\0\0PXELINUX 6.04 PXE 20200816 \0").unwrap(),
        "6.04"
    );
    for bytes in [&b""[..], b"iPXE", b"PXELINUX ", b"PXELINUX 4.05 PXE"] {
        assert_eq!(version(bytes).unwrap_err().kind, Kind::Source);
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        needs(Flavour::Bios, &bytes).ok();
        version(&bytes).ok();
    }

    #[test]
    fn no_damage_panics(damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6), cut in any::<usize>()) {
        let mut bytes = module(&["libutil.c32", "libcom32.c32"]);
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - cut % 40);
        needs(Flavour::Bios, &bytes).ok();
    }
}
