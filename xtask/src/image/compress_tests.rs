//! What is compressed comes back, is the same everywhere, and is noticed when it is damaged.

use proptest::prelude::*;

use super::compress::{Compression, Filter, Shape};
use super::stream::{Format, unpack};
use crate::digest::Digest;
use crate::failure::{Failure, Kind, Result};

/// Bytes that look like programs and scripts to a compressor, the same every time.
fn sample(length: usize) -> Vec<u8> {
    const WORDS: [&[u8]; 8] = [
        b"\xe8\x10\x02\x00\x00",
        b"\x48\x89\xe5",
        b"/usr/sbin/",
        b"lib",
        b"echo ",
        b"\n",
        b"\0\0\0\0",
        b"\xff\x7f",
    ];
    let mut state = 1u32;
    let mut bytes = Vec::new();
    while bytes.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend(WORDS[(state >> 29) as usize]);
        bytes.push((state >> 20) as u8);
    }
    bytes.truncate(length);
    bytes
}

fn packed(compression: Compression, plain: &[u8], filter: Filter) -> Vec<u8> {
    let shape = Shape {
        length: plain.len() as u64,
        filter,
        level: None,
    };
    compression.encode(shape, plain, Vec::new()).unwrap()
}

/// Name, size and digest of a compressed sample.
fn pin(compression: Compression, plain: &[u8], filter: Filter) -> String {
    let packed = packed(compression, plain, filter);
    let digest = Digest::of(&packed).short();
    format!("{} {} {digest}", compression.name(), packed.len())
}

#[test]
fn the_bytes_are_pinned() {
    let plain = sample(300_000);
    let pins = Compression::ALL.map(|compression| pin(compression, &plain, Filter::None));
    let expected = [
        "none 300000 21a58826",
        "gzip 120741 811e51cb",
        "xz 111652 3001df3f",
        "zstd 115074 6c97f9de",
        "lz4 190336 8ae8ebe3",
    ];
    assert_eq!(pins, expected);
    let filtered = pin(Compression::Xz, &plain, Filter::X86);
    assert_eq!(filtered, "xz 129992 c8edcc4d");
}

#[test]
fn several_blocks_and_jobs_are_pinned_too() {
    // Larger than a block of lz4 and a job of zstd.
    let plain = sample(1 << 20).repeat(20);
    let pins = [Compression::Zstd, Compression::Lz4];
    let pins = pins.map(|compression| pin(compression, &plain, Filter::None));
    assert_eq!(pins, ["zstd 388239 514a3a53", "lz4 13226022 6c0f7192"]);
}

#[test]
fn the_kernel_s_limits_are_kept() {
    let small = packed(Compression::Xz, &sample(100_000), Filter::X86);
    // .xz file format 2.1.1.2 and 3.1.2: stream flags say CRC32, the block has two filters (x86 is 4, LZMA2 is 0x21), and a dictionary of 2^17 bytes is encoded as 10.
    assert_eq!(small[6..8], [0, 1]);
    assert_eq!(small[13] & 3, 1);
    let filters = small
        .windows(5)
        .find(|window| window[..2] == [4, 0])
        .unwrap();
    assert_eq!(filters, [4, 0, 0x21, 1, 10]);
    let lz4 = packed(Compression::Lz4, b"x", Filter::None);
    assert_eq!(lz4[..4], [0x02, 0x21, 0x4c, 0x18]);
}

/// What is in a compressed segment, all of which has to be read for that.
fn decode(bytes: &[u8]) -> Result<Vec<u8>> {
    let failed = |what: &str| Failure::new(Kind::Source, what);
    let format = Format::told_by(bytes).ok_or_else(|| failed("no compression"))?;
    let (plain, taken) = unpack("x", format, bytes, 1 << 20)?;
    match bytes.len() - taken {
        0 => Ok(plain),
        _ => Err(failed("something follows")),
    }
}

#[test]
fn damage_is_noticed() {
    for compression in &Compression::ALL[1..] {
        let whole = packed(*compression, &sample(20_000), Filter::None);
        // What is cut within the magic number passes for uncompressed; lz4's magic alone is an empty segment.
        for length in (6..whole.len()).step_by(61) {
            let failure = decode(&whole[..length]).unwrap_err();
            assert_eq!(failure.kind, Kind::Source, "{}", compression.name());
        }
        let longer = [&whole[..], b"garbage"].concat();
        assert!(decode(&longer).is_err(), "{}", compression.name());
    }
}

#[test]
fn bombs_end_at_the_limit() {
    let zeros = vec![0; 9 << 20];
    for compression in &Compression::ALL[1..] {
        let bomb = packed(*compression, &zeros, Filter::None);
        let failure = decode(&bomb).unwrap_err();
        assert!(failure.what.contains("more than"), "{failure}");
    }
}

#[test]
fn a_wrong_announcement_is_a_bug() {
    for compression in Compression::ALL {
        for length in [4, 6] {
            let shape = Shape {
                length,
                filter: Filter::None,
                level: None,
            };
            assert!(
                compression
                    .encode(shape, &b"plain"[..], Vec::new())
                    .is_err()
            );
        }
    }
}

#[test]
fn names_are_those_of_recipes() {
    for compression in Compression::ALL {
        let json = serde_json::to_value(compression).unwrap();
        assert_eq!(json, compression.name());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn everything_comes_back(plain in prop::collection::vec(any::<u8>(), 0..5000)) {
        for compression in &Compression::ALL[1..] {
            for filter in [Filter::None, Filter::X86] {
                let packed = packed(*compression, &plain, filter);
                prop_assert_eq!(&decode(&packed).unwrap(), &plain);
            }
        }
    }

    #[test]
    fn random_bytes_do_no_harm(magic in 0usize..4, bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        let magic: &[u8] = [&b"\x1f\x8b\x08"[..], b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18"][magic];
        let _plain = decode(&[magic, &bytes].concat());
    }
}
