//! From compressed bytes to plain ones; the compression is told by its magic number, never by a file's name.
//!
//! A stream counts as whole only when its own end mark and checksum were read and nothing follows it.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use xz2::bufread::XzDecoder;
use xz2::stream::{MtStreamBuilder, Stream};

use crate::failure::{Failure, Kind, Result};

use super::unreadable;

/// Input buffer: large enough that system calls do not count.
const BUFFER: usize = 256 << 10;

/// No xz decoder may need more than this many bytes: `xz -9` asks for 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;

/// More than this many bytes are not spent on decoding xz blocks side by side.
const XZ_THREADS_MEMORY: u64 = 512 << 20;

/// `zstd --ultra` may ask for windows of 2 GiB; the format's own recommended limit for decoders is 128 MiB (RFC 8878, 3.1.1.1.2 leaves it to the decoder).
const ZSTD_WINDOW_LOG: u32 = 27;

const XZ: &[u8] = b"\xfd7zXZ\0";

/// What begins like this is known and cannot be read; everything else is taken for uncompressed.
const UNREADABLE: &[(&[u8], &str)] = &[
    (b"\x5d\x00\x00", "lzma"),
    (b"LZIP", "lzip"),
    (b"\x1f\x9d", "compress"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
];

/// A reader whose first bytes were looked at already.
pub type Headed<R> = io::Chain<io::Cursor<Vec<u8>>, R>;

/// Reads up to the first `N` bytes, and returns them with a reader that yields them again.
///
/// # Errors
/// What reading fails with.
pub fn head<const N: usize, R: Read>(mut input: R) -> io::Result<(Vec<u8>, Headed<R>)> {
    let mut first = Vec::with_capacity(N);
    input.by_ref().take(N as u64).read_to_end(&mut first)?;
    Ok((first.clone(), io::Cursor::new(first).chain(input)))
}

/// Reads what `input` decompresses to: gzip (RFC 1952), bzip2, xz, zstd (RFC 8878), or the bytes as they are. `archive` is what failures call it.
///
/// # Errors
/// [`Kind::Source`] for a compression that is known but cannot be read. Damage turns up while reading, as `InvalidData`, `UnexpectedEof` or `Other`.
pub fn decoded<'a, R: Read + Send + 'a>(
    archive: &str,
    input: R,
) -> Result<Box<dyn Read + Send + 'a>> {
    let failed = |error| unreadable(archive, error);
    let (first, input) = head::<6, R>(input).map_err(failed)?;
    let input = BufReader::with_capacity(BUFFER, input);
    if let Some((_, name)) = UNREADABLE
        .iter()
        .find(|(magic, _)| first.starts_with(magic))
    {
        return Err(Failure::new(
            Kind::Source,
            format!("{archive} is compressed with {name}, which cannot be read"),
        )
        .hint("use a copy that is compressed with gzip, bzip2, xz or zstd, or not at all"));
    }
    if first.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(MultiGzDecoder::new(input)))
    } else if first.starts_with(b"BZh") {
        Ok(Box::new(MultiBzDecoder::new(input)))
    } else if first.starts_with(XZ) {
        Ok(Box::new(Xz::new(input).map_err(failed)?))
    } else if first.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut decoder = zstd::Decoder::with_buffer(input).map_err(failed)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(failed)?;
        Ok(Box::new(decoder))
    } else {
        Ok(Box::new(input))
    }
}

/// An xz decoder that decodes blocks side by side and reads concatenated streams. (The crate's own decoders do either.)
struct Xz<R: BufRead> {
    /// Nothing only after a failure.
    decoder: Option<XzDecoder<R>>,
}

impl<R: BufRead> Xz<R> {
    fn new(input: R) -> io::Result<Self> {
        Ok(Self {
            decoder: Some(XzDecoder::new_stream(input, xz_stream()?)),
        })
    }

    /// Goes on with the stream that follows; whether there is one.
    fn next_stream(&mut self) -> io::Result<bool> {
        let Some(decoder) = self.decoder.take() else {
            return Ok(false);
        };
        let mut input = decoder.into_inner();
        let more = !input.fill_buf()?.is_empty();
        // Whatever follows has to be a stream again, or the decoder fails.
        self.decoder = Some(XzDecoder::new_stream(input, xz_stream()?));
        Ok(more)
    }
}

fn xz_stream() -> io::Result<Stream> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let stream = MtStreamBuilder::new()
        .threads(u32::try_from(threads).unwrap_or(1))
        .memlimit_threading(XZ_THREADS_MEMORY)
        .memlimit_stop(XZ_MEMORY)
        .decoder()?;
    Ok(stream)
}

impl<R: BufRead> Read for Xz<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else {
                return Ok(0);
            };
            let read = decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if !self.next_stream()? {
                self.decoder = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::samples;

    fn whole(bytes: &[u8]) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        decoded("test", bytes)?
            .read_to_end(&mut plain)
            .map_err(|error| unreadable("test", error))?;
        Ok(plain)
    }

    #[test]
    fn every_compression_is_told_by_its_magic() {
        let plain = samples::text(300_000);
        for packed in samples::compressed(&plain) {
            assert!(whole(&packed).unwrap() == plain);
        }
        assert_eq!(whole(b"").unwrap(), b"");
    }

    #[test]
    fn a_stream_cut_anywhere_is_refused() {
        for packed in samples::compressed(&samples::text(3000)) {
            // The magic number has to be there: what is cut inside it passes for plain bytes.
            for length in 6..packed.len() {
                let failure = whole(&packed[..length]).unwrap_err();
                assert_eq!(failure.kind, Kind::Source, "{failure}");
            }
        }
    }

    #[test]
    fn garbage_after_the_end_is_refused() {
        for mut packed in samples::compressed(b"plain") {
            packed.extend(b"garbage, long enough to be looked at");
            assert_eq!(whole(&packed).unwrap_err().kind, Kind::Source);
        }
    }

    #[test]
    fn concatenated_streams_are_one() {
        for packed in samples::compressed(b"plain") {
            assert_eq!(
                whole(&[&packed[..], &packed].concat()).unwrap(),
                b"plainplain"
            );
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        for packed in samples::compressed(&samples::text(3000)) {
            let mut damaged = packed.clone();
            damaged[packed.len() / 2] ^= 1;
            assert_eq!(whole(&damaged).unwrap_err().kind, Kind::Source);
        }
    }

    #[test]
    fn other_compressions_are_named() {
        let failure = whole(b"LZIP\x01\x0c").unwrap_err();
        assert!(failure.what.contains("lzip"), "{failure}");
    }

    #[test]
    fn a_dictionary_beyond_reason_is_refused() {
        let mut options = xz2::stream::LzmaOptions::new_preset(0).unwrap();
        options.dict_size(1 << 30);
        let mut filters = xz2::stream::Filters::new();
        filters.lzma2(&options);
        let stream = Stream::new_stream_encoder(&filters, xz2::stream::Check::Crc32).unwrap();
        let mut packed = Vec::new();
        xz2::bufread::XzEncoder::new_stream(&b"small"[..], stream)
            .read_to_end(&mut packed)
            .unwrap();
        assert_eq!(whole(&packed).unwrap_err().kind, Kind::Source);
    }
}
