use std::io::Cursor;

use proptest::prelude::{any, prop};
use proptest::proptest;

use super::content::Content;
use super::microcode::{Maker, Source, tree};
use super::newc;
use super::path::ImagePath;
use super::tree::{FileTree, Node, Origin};
use crate::failure::{Kind, Result};

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Makes the sum of all words 0 by the word at `at`.
fn balance(bytes: &mut [u8], at: usize) {
    bytes[at..at + 4].fill(0);
    let (all, _) = bytes.as_chunks::<4>();
    let sum = all.iter().fold(0_u32, |sum, word| {
        sum.wrapping_add(u32::from_le_bytes(*word))
    });
    bytes[at..at + 4].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
}

/// An update of Intel's: header, `data` bytes, and a table with `signatures` further processors.
fn intel(data: usize, signatures: u32) -> Vec<u8> {
    let table = if signatures == 0 {
        0
    } else {
        20 + 12 * signatures as usize
    };
    let total = 48 + data + table;
    assert_eq!(total % 1024, 0);
    let mut update = words(&[
        1,
        0x2b,
        0x0101_2026,
        0x906ea,
        0,
        1,
        2,
        data as u32,
        total as u32,
        0,
        0,
        0,
    ]);
    update.extend((0..data).map(|at| at as u8));
    balance(&mut update, 16);
    if signatures > 0 {
        let checksum = u32::from_le_bytes(update[16..20].try_into().unwrap());
        let mut table = words(&[signatures, 0, 0, 0, 0]);
        for at in 0..signatures {
            // Signature, flags and checksum have the same sum as the header's.
            let signature = 0x906eb + at;
            let sum = 0x906ea_u32.wrapping_add(checksum).wrapping_add(2);
            table.extend(words(&[
                signature,
                4,
                sum.wrapping_sub(signature).wrapping_sub(4),
            ]));
        }
        balance(&mut table, 4);
        update.extend(table);
    }
    update
}

fn amd(patches: &[usize]) -> Vec<u8> {
    let mut container = words(&[0x0041_4d44, 0, 32, 0x0080_0f11, 0, 0, 0x8011, 0, 0, 0, 0]);
    for length in patches {
        container.extend(words(&[1, *length as u32]));
        container.extend(vec![0x5a; *length]);
    }
    container
}

fn early(makers: &[(Maker, Vec<Vec<u8>>)]) -> Result<FileTree> {
    let source = |bytes: &Vec<u8>| Source {
        name: "06-9e-0a".to_owned(),
        content: bytes.clone().into(),
    };
    let makers: Vec<(Maker, Vec<Source>)> = makers
        .iter()
        .map(|(maker, files)| (*maker, files.iter().map(source).collect()))
        .collect();
    tree(
        &makers,
        &Origin::Recipe {
            table: "image".to_owned(),
        },
    )
}

fn refusal(maker: Maker, file: Vec<u8>) -> String {
    let failure = early(&[(maker, vec![file])]).unwrap_err();
    assert_eq!(failure.kind, Kind::Source);
    failure.what.clone()
}

fn bytes(tree: &FileTree, path: &str) -> Vec<u8> {
    let entry = tree.get(&path.parse().unwrap()).unwrap();
    let Node::File(Content::Bytes(bytes)) = &entry.node else {
        panic!("{entry:?}")
    };
    bytes.to_vec()
}

#[test]
fn the_files_of_a_maker_become_one_in_their_order() {
    let (one, other) = (intel(2000, 0), intel(2000 - 44, 2));
    let tree = early(&[
        (Maker::Intel, vec![one.clone(), other.clone()]),
        (Maker::Amd, vec![amd(&[64, 100])]),
    ])
    .unwrap();
    assert_eq!(
        bytes(&tree, "kernel/x86/microcode/GenuineIntel.bin"),
        [one, other].concat()
    );
    assert_eq!(
        bytes(&tree, "kernel/x86/microcode/AuthenticAMD.bin"),
        amd(&[64, 100])
    );
}

#[test]
fn intels_data_begin_at_a_multiple_of_16() {
    for patch in [64, 68, 72, 76, 77] {
        let tree = early(&[
            (Maker::Intel, vec![intel(2000, 0)]),
            (Maker::Amd, vec![amd(&[patch])]),
        ])
        .unwrap();
        let mut archive = Vec::new();
        newc::write(&tree, 0, &mut archive).unwrap();
        let path: ImagePath = "kernel/x86/microcode/GenuineIntel.bin".parse().unwrap();
        let offset = newc::data_offset(&tree, &path).unwrap() as usize;
        assert!(offset.is_multiple_of(16), "{offset}");
        assert!(archive[offset..].starts_with(&intel(2000, 0)));
        assert!(archive.len().is_multiple_of(512));
    }
}

/// As `find_cpio_data` of the kernel looks: names without `./`, regular files.
#[test]
fn another_reader_finds_the_file_by_its_name() {
    let tree = early(&[(Maker::Intel, vec![intel(2000, 0)])]).unwrap();
    let mut archive = Vec::new();
    newc::write(&tree, 0, &mut archive).unwrap();
    let mut input = Cursor::new(archive);
    let mut names = Vec::new();
    loop {
        let reader = cpio::newc::Reader::new(input).unwrap();
        if reader.entry().is_trailer() {
            break;
        }
        names.push(reader.entry().name().to_owned());
        input = reader.finish().unwrap();
    }
    assert!(
        names.contains(&"kernel/x86/microcode/GenuineIntel.bin".to_owned()),
        "{names:?}"
    );
}

#[test]
fn a_size_of_zero_means_2048_bytes() {
    let mut update = intel(2000, 0);
    update[28..36].fill(0);
    balance(&mut update, 16);
    early(&[(Maker::Intel, vec![update])]).unwrap();
}

#[test]
fn what_is_wrong_with_an_update_is_said() {
    let changed = |at: usize, value: u32| {
        let mut update = intel(2000 - 32, 1);
        update[at..at + 4].copy_from_slice(&value.to_le_bytes());
        refusal(Maker::Intel, update)
    };
    assert!(changed(0, 2).contains("header version"));
    assert!(changed(20, 0).contains("loader revision"));
    assert!(changed(100, 7).contains("the checksum is wrong"));
    assert!(changed(28, 5000).contains("more than there are"));
    assert!(changed(28, u32::MAX).contains("more than there are"));
    assert!(changed(32, 1 << 20).contains("more than there are"));
    assert!(changed(28, 1970).contains("multiples"));
    assert!(changed(2048 - 32, 2).contains("2 entries"));
    assert!(changed(2048 - 32 + 8, 2).contains("checksum of the extended signature table"));
    let mut update = intel(2000 - 32, 1);
    update[2048 - 12] ^= 1;
    balance(&mut update[2048 - 32..], 4);
    assert!(refusal(Maker::Intel, update).contains("checksum of an extended signature is"));
}

#[test]
fn what_is_wrong_with_a_container_is_said() {
    assert!(refusal(Maker::Amd, intel(2000, 0)).contains("does not begin as"));
    assert!(refusal(Maker::Amd, amd(&[])).contains("no patch"));
    assert!(refusal(Maker::Amd, amd(&[12])).contains("shorter than its header"));
    let mut other = amd(&[64]);
    other[44] = 9;
    assert!(refusal(Maker::Amd, other).contains("type 9"));
    let mut table = amd(&[64]);
    table[8] = 31;
    assert!(refusal(Maker::Amd, table).contains("equivalence table has 31 bytes"));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for length in 0..2048 {
        refusal(Maker::Intel, intel(2000, 0)[..length].to_vec());
    }
    let whole = amd(&[64]);
    for length in 0..whole.len() {
        refusal(Maker::Amd, whole[..length].to_vec());
    }
}

#[test]
fn a_maker_without_files_is_a_failure_that_names_the_package() {
    let failure = early(&[(Maker::Amd, Vec::new())]).unwrap_err();
    assert!(
        failure.hint.as_ref().unwrap().contains("amd64-microcode"),
        "{failure}"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<prop::sample::Index>()) {
        for (maker, mut file) in [(Maker::Intel, intel(2000 - 44, 2)), (Maker::Amd, amd(&[64, 80]))] {
            for (at, value) in &changes {
                let at = at.index(file.len());
                file[at] = *value;
            }
            file.truncate(cut.index(file.len()) + 1);
            if let Ok(tree) = early(&[(maker, vec![file])]) {
                newc::write(&tree, 0, std::io::sink()).unwrap();
            }
        }
    }
}
