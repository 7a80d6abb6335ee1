//! What the header of a compressed stream asks of the kernel that is to unpack it: pure, bytes in, symbols and problems out.
//!
//! xz: the .xz File Format 1.1.0, and the kernel's lib/xz and Documentation/staging/xz.rst; lzma: xz's doc/lzma-file-format.txt; zstd: RFC 8878, 3.1.1.1.

use super::problem::Problem;
use super::stream::Format;

/// What a stream asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Demands {
    /// Symbols of the kernel's configuration, without `CONFIG_`.
    pub(super) symbols: Vec<&'static str>,
    /// What no kernel, or only some, can take.
    pub(super) problems: Vec<Problem>,
}

/// `xz -9`'s dictionary. What is larger is worth a word.
const DICTIONARY: u64 = 64 << 20;

/// The largest window that `lib/decompress_unzstd.c` takes.
const WINDOW: u64 = 128 << 20;

/// Reads what the beginning of a stream says of it.
pub(super) fn demands(format: Format, bytes: &[u8]) -> Demands {
    let mut demands = Demands {
        symbols: vec![format.kernel_symbol()],
        ..Demands::default()
    };
    match format {
        Format::Xz => {
            xz(bytes, &mut demands);
        }
        Format::Lzma => {
            let size = bytes.get(1..5).and_then(|bytes| bytes.try_into().ok());
            demands.dictionary(size.map_or(0, |size| u64::from(u32::from_le_bytes(size))));
        }
        Format::Zstd => {
            let window = zstd_window(bytes).unwrap_or(0);
            if window > WINDOW {
                demands.problems.push(Problem::Window { bytes: window });
            }
        }
        Format::Gzip | Format::Bzip2 | Format::Lzo | Format::Lz4 => {}
    }
    demands
}

impl Demands {
    fn dictionary(&mut self, bytes: u64) {
        if bytes > DICTIONARY {
            self.problems.push(Problem::Dictionary { bytes });
        }
    }

    fn filter(&mut self, filter: impl Into<String>) {
        let filter = filter.into();
        self.problems.push(Problem::XzFilter { filter });
    }
}

/// Names of the checks that are not none (0) and not CRC32 (1), by their number.
const CHECKS: [(u8, &str); 2] = [(4, "crc64"), (10, "sha256")];

const LZMA2: u64 = 0x21;

/// Filters for machine code by their number: name, symbol, and since when the kernel has it where that is not for ever.
const FILTERS: [(u64, &str, &str, &str); 8] = [
    (0x04, "x86", "XZ_DEC_X86", ""),
    (0x05, "powerpc", "XZ_DEC_POWERPC", ""),
    (
        0x06,
        "ia64",
        "XZ_DEC_IA64",
        "which kernels have until 6.8 only",
    ),
    (0x07, "arm", "XZ_DEC_ARM", ""),
    (0x08, "armthumb", "XZ_DEC_ARMTHUMB", ""),
    (0x09, "sparc", "XZ_DEC_SPARC", ""),
    (
        0x0a,
        "arm64",
        "XZ_DEC_ARM64",
        "which kernels have since 6.11 only",
    ),
    (
        0x0b,
        "riscv",
        "XZ_DEC_RISCV",
        "which kernels have since 6.11 only",
    ),
];

/// Stream header (2.1.1) and the header of the first block (3.1).
fn xz(bytes: &[u8], demands: &mut Demands) -> Option<()> {
    const STREAM_HEADER: usize = 12;
    let check = bytes.get(7)? & 0x0f;
    if check > 1 {
        let name = CHECKS.iter().find(|(number, _)| *number == check);
        let check = name.map_or_else(|| check.to_string(), |(_, name)| (*name).to_owned());
        demands.problems.push(Problem::XzCheck { check });
    }
    let &size = bytes.get(STREAM_HEADER).filter(|&&size| size > 0)?;
    let mut block = bytes.get(STREAM_HEADER + 1..STREAM_HEADER + (usize::from(size) + 1) * 4)?;
    let (&flags, rest) = block.split_first()?;
    block = rest;
    for _ in 0..(flags >> 6).count_ones() {
        multibyte(&mut block)?;
    }
    let count = usize::from(flags & 3) + 1;
    for index in 0..count {
        let (id, length) = (multibyte(&mut block)?, multibyte(&mut block)?);
        let properties = block.get(..usize::try_from(length).ok()?)?;
        block = &block[properties.len()..];
        let known = FILTERS.iter().find(|(number, ..)| *number == id);
        match known {
            _ if id == LZMA2 => demands.dictionary(dictionary(*properties.first()?)),
            Some((_, name, symbol, since)) => {
                demands.symbols.push(symbol);
                if index > 0 {
                    demands.filter("more filters than one and LZMA2, which no kernel takes");
                } else if !properties.is_empty() {
                    demands.filter(format!(
                        "the filter `{name}` with an offset, which no kernel takes"
                    ));
                } else if !since.is_empty() {
                    demands.filter(format!("the filter `{name}`, {since}"));
                }
            }
            None if id == 0x03 => demands.filter("the filter `delta`, which no kernel has"),
            None => demands.filter(format!("the filter {id:#x}, which no kernel has")),
        }
    }
    Some(())
}

/// 5.3.1: LZMA2's only property.
fn dictionary(bits: u8) -> u64 {
    match bits {
        0..40 => (2 | u64::from(bits & 1)) << (u32::from(bits) / 2 + 11),
        _ => u64::from(u32::MAX),
    }
}

/// 1.2: integers of seven bits a byte.
fn multibyte(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The window that a frame needs (3.1.1.1.2); for a frame of a single segment, its whole size.
fn zstd_window(bytes: &[u8]) -> Option<u64> {
    let &descriptor = bytes.get(4)?;
    if descriptor & 0x20 == 0 {
        let &window = bytes.get(5)?;
        let base = 1u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let length = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let size = bytes.get(5 + dictionary..)?.get(..length)?;
    let mut digits = [0; 8];
    digits[..length].copy_from_slice(size);
    let size = u64::from_le_bytes(digits);
    Some(if length == 2 { size + 256 } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use xz2::stream::{Check, Filters, LzmaOptions, Stream};

    fn xz_of(check: Check, dictionary: u32, filters: impl Fn(&mut Filters)) -> Demands {
        let mut options = LzmaOptions::new_preset(0).unwrap();
        options.dict_size(dictionary);
        let mut chain = Filters::new();
        filters(&mut chain);
        chain.lzma2(&options);
        let stream = Stream::new_stream_encoder(&chain, check).unwrap();
        let mut packed = Vec::new();
        xz2::bufread::XzEncoder::new_stream(&b"something"[..], stream)
            .read_to_end(&mut packed)
            .unwrap();
        for length in 0..packed.len() {
            demands(Format::Xz, &packed[..length]);
        }
        demands(Format::Xz, &packed)
    }

    #[test]
    fn what_the_kernel_takes_has_no_problem() {
        let x86 = xz_of(Check::Crc32, 1 << 20, |chain| {
            chain.x86();
        });
        assert_eq!(x86.symbols, ["RD_XZ", "XZ_DEC_X86"]);
        assert_eq!(x86.problems, []);
        assert_eq!(xz_of(Check::None, 64 << 20, |_| {}).problems, []);
    }

    #[test]
    fn what_it_does_not_take_is_said() {
        let crc64 = xz_of(Check::Crc64, 1 << 20, |_| {}).problems;
        assert_eq!(
            crc64,
            [Problem::XzCheck {
                check: "crc64".to_owned()
            }]
        );
        let large = xz_of(Check::Crc32, 96 << 20, |_| {}).problems;
        assert_eq!(large, [Problem::Dictionary { bytes: 96 << 20 }]);
        let arm64 = xz_of(Check::Crc32, 1 << 20, |chain| {
            chain.arm64();
        });
        assert!(
            matches!(&*arm64.problems, [Problem::XzFilter { filter }] if filter.contains("arm64"))
        );
        let two = xz_of(Check::Crc32, 1 << 20, |chain| {
            chain.x86().arm();
        });
        assert!(
            matches!(&*two.problems, [Problem::XzFilter { filter }] if filter.contains("more filters"))
        );
    }

    #[test]
    fn windows_are_read_from_either_form() {
        let of = |level, long: Option<u32>, single: bool| {
            let mut encoder = zstd::Encoder::new(Vec::new(), level).unwrap();
            if let Some(log) = long {
                encoder.window_log(log).unwrap();
                encoder.long_distance_matching(true).unwrap();
            }
            if single {
                encoder.set_pledged_src_size(Some(9)).unwrap();
            }
            std::io::Write::write_all(&mut encoder, b"something").unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(zstd_window(&of(19, None, false)), Some(8 << 20));
        assert_eq!(zstd_window(&of(3, None, true)), Some(9));
        let long = demands(Format::Zstd, &of(3, Some(29), false)).problems;
        assert_eq!(long, [Problem::Window { bytes: 512 << 20 }]);
    }
}
