//! Packing, from nothing and from what is known, and what is refused.

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::digest::Digest;
use crate::tool::Tool;

fn whole(text: &str) -> Packed {
    pack(text, &Known::default()).unwrap()
}

fn unpacked(packed: &Packed) -> Unpacked {
    unpack("x", packed.bytes.clone(), &packed.sums).unwrap()
}

/// What is not of a known length does not compress well.
fn stanza(number: u32, lines: u32) -> String {
    let line = |at| format!("X-{at}: {}\n", Digest::of(format!("{number} {at}")));
    let lines: String = (0..lines).map(line).collect();
    format!("Package: p{number}\n{lines}\n")
}

fn text(stanzas: impl IntoIterator<Item = u32>) -> String {
    stanzas.into_iter().map(|one| stanza(one, 40)).collect()
}

#[test]
fn what_was_packed_is_unpacked() {
    for text in ["", "\n", "x", &text(0..400), &"\n".repeat(1 << 20)] {
        let packed = whole(text);
        assert_eq!(packed, whole(text));
        assert_eq!(unpacked(&packed).text, text);
        assert_eq!(packed.sums.plain, Sum::of(text.as_bytes()));
    }
}

#[test]
fn what_is_not_as_it_was_signed_is_refused() {
    let (one, other) = (whole("one"), whole("another"));
    assert!(unpack("x", other.bytes, &one.sums).is_err());
    let lying = Indexed {
        plain: other.sums.plain,
        ..one.sums
    };
    assert!(unpack("x", one.bytes, &lying).is_err());
    let long = whole(&text(0..400));
    let junk = [long.bytes.as_slice(), b"x"].concat();
    for bytes in [&long.bytes[..long.bytes.len() - 9], &junk, b""] {
        let gzip = Sum::of(bytes);
        let sums = Indexed { gzip, ..long.sums };
        assert!(unpack("x", bytes.to_owned(), &sums).is_err());
    }
    let mut short = long.sums;
    short.plain.size -= 1;
    let failure = unpack("x", long.bytes, &short).unwrap_err();
    assert!(failure.what.contains("more than"), "{failure}");
}

/// The bytes of released indexes never change, whatever becomes of the library: `gzip -n` of the same level is another encoder.
#[test]
fn the_header_has_no_name_and_no_time() {
    let bytes = whole("x").bytes;
    assert_eq!(bytes[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
}

#[test]
fn members_end_with_stanzas_and_are_neither_short_nor_long() {
    let text = text(0..2000);
    let members = members(&text);
    assert!(members.len() > 10);
    let (_, but_last) = members.split_last().unwrap();
    for member in but_last {
        assert!(member.ends_with(b"\n\n"));
        assert!((SHORTEST_MEMBER..LONGEST_MEMBER + 4096).contains(&member.len()));
    }
    assert_eq!(members.concat(), text.as_bytes());
}

#[test]
fn one_more_package_changes_few_members() {
    let all = || 0..2000;
    let before = text(all().filter(|at| *at != 1000));
    let (before, after) = (members(&before), text(all()));
    let after = members(&after);
    let fresh = after.iter().filter(|member| !before.contains(member));
    assert!(fresh.count() <= 3);
}

#[test]
fn members_of_others_are_taken_for_what_they_unpack_to() {
    let text = text(0..300);
    let mut foreign = GzEncoder::new(Vec::new(), Compression::fast());
    foreign.write_all(members(&text)[0]).unwrap();
    let foreign = foreign.finish().unwrap();
    let (plain, ends) = inflate(&foreign, LONGEST).unwrap();
    let plain = String::from_utf8(plain).unwrap();
    let kept = Members {
        bytes: foreign.clone(),
        ends,
    };
    let mut known = Known::default();
    known.learn(&plain, &kept);
    let packed = pack(&text, &known).unwrap();
    assert!(packed.bytes.starts_with(&foreign));
    assert_eq!(unpacked(&packed).text, text);
}

#[test]
fn gzip_reads_all_members() {
    let text = text(0..1000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Packages.gz");
    fs_err::write(&path, whole(&text).bytes).unwrap();
    let read = Tool::new("gzip").arg("-dc").arg(&path).read().unwrap();
    assert_eq!(read.trim_end(), text.trim_end());
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn a_change_gives_what_a_full_build_gives(
        there in proptest::collection::btree_map(0_u32..400, 0_u32..120, 0..200),
        gone in proptest::collection::btree_set(0_u32..400, 0..20),
        more in proptest::collection::btree_map(0_u32..400, 0_u32..120, 0..6),
    ) {
        let render = |of: &BTreeMap<u32, u32>| -> String {
            of.iter().map(|(&number, &lines)| stanza(number, lines)).collect()
        };
        let mut next = there.clone();
        next.retain(|number, _| !gone.contains(number));
        next.extend(more);
        let old = unpacked(&whole(&render(&there)));
        let mut known = Known::default();
        known.learn(&old.text, &old.members);
        let text = render(&next);
        let packed = pack(&text, &known).unwrap();
        prop_assert_eq!(&packed, &whole(&text));
        prop_assert_eq!(unpacked(&packed).text, text);
    }

    #[test]
    fn damage_is_never_taken_for_an_index(at in any::<proptest::sample::Index>(), bit in 0..8_u8) {
        let packed = whole(&text(0..120));
        let mut bytes = packed.bytes.clone();
        bytes[at.index(packed.bytes.len())] ^= 1_u8 << bit;
        let sums = Indexed { gzip: Sum::of(&bytes), ..packed.sums };
        if let Ok(read) = unpack("x", bytes, &sums) {
            // Fields of the header that mean nothing: time, level, system.
            prop_assert!(read.text == unpacked(&packed).text);
        }
    }
}
