//! How a package's archives are compressed: what dpkg can unpack, with the settings of `dpkg-deb`. The bytes depend on the input and the libraries' versions only, never
//! on the number of processors. (`image::compress` writes what a kernel can unpack, as small as it gets; here, time counts too.)

use std::io::{self, Write};

use flate2::GzBuilder;
use flate2::write::GzEncoder;
use xz2::stream::{Check, MtStreamBuilder};
use xz2::write::XzEncoder;

use crate::failure::Result;
use crate::image::tree::{FileTree, Node};

/// A format of a package's archives (deb(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Not compressed.
    None,
    /// RFC 1952.
    Gzip,
    /// What Debian's packages have.
    #[default]
    Xz,
    /// Quick to unpack; dpkg can since 1.21.18.
    Zstd,
}

impl Format {
    /// The end of a member's name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
        }
    }

    /// `dpkg-deb`'s own level.
    const fn level(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Gzip => 9,
            Self::Xz => 6,
            Self::Zstd => 19,
        }
    }

    /// The level for what hardly gets smaller, whatever is done about it.
    const fn quick(self) -> u32 {
        match self {
            Self::None | Self::Xz => 0,
            Self::Gzip | Self::Zstd => 1,
        }
    }
}

/// How a package is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compression {
    /// The format.
    pub format: Format,
    /// How hard: of gzip 1 to 9, of xz 0 to 9, of zstd 1 to 19. Otherwise as `dpkg-deb` does; or as little as possible where nearly everything is compressed already.
    pub level: Option<u32>,
}

/// So many bytes of 100 have to be in compressed files for a package to be taken for compressed already.
const COMPRESSED: u64 = 90;

impl Compression {
    /// The level that these files get.
    pub(super) fn for_files(self, files: &FileTree) -> Result<Self> {
        let level = match self.level {
            Some(level) => level,
            None if is_compressed(files)? => self.format.quick(),
            None => self.format.level(),
        };
        Ok(Self {
            level: Some(level),
            ..self
        })
    }

    pub(super) fn encoder<W: Write>(self, output: W) -> Result<Encoder<W>> {
        let level = self.level.unwrap_or(self.format.level());
        Ok(match self.format {
            Format::None => Encoder::None(output),
            Format::Gzip => {
                Encoder::Gzip(GzBuilder::new().write(output, flate2::Compression::new(level)))
            }
            Format::Xz => {
                // Blocks of the level's usual size, each compressed by one thread.
                let threads =
                    std::thread::available_parallelism().map_or(1, |many| many.get().min(4));
                let stream = MtStreamBuilder::new()
                    .threads(threads as u32)
                    .preset(level)
                    .check(Check::Crc32)
                    .encoder()
                    .map_err(io::Error::from)?;
                Encoder::Xz(XzEncoder::new_stream(output, stream))
            }
            Format::Zstd => {
                let mut encoder = zstd::Encoder::new(output, level as i32)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
        })
    }
}

/// So far a file is looked into, and so much of that is looked at: the beginning of a kernel unpacks the rest, and is not compressed.
const LOOK: usize = 256 << 10;
const PIECE: usize = 64 << 10;

/// Whether most of the bytes are in files that are compressed.
fn is_compressed(files: &FileTree) -> Result<bool> {
    let (mut all, mut compressed) = (0, 0);
    for (_, entry) in files.iter() {
        let Node::File(content) = &entry.node else {
            continue;
        };
        all += content.size();
        if content.size() >= PIECE as u64 && is_even(&content.head(LOOK)?) {
            compressed += content.size();
        }
    }
    Ok(compressed * 100 > all * COMPRESSED)
}

/// Whether each byte is about as frequent as any other in the last piece of these: then nothing is left to compress. (The index of coincidence; it takes no logarithms,
/// which could differ from machine to machine.)
fn is_even(bytes: &[u8]) -> bool {
    let piece = &bytes[bytes.len().saturating_sub(PIECE)..];
    let mut counts = [0u64; 256];
    for byte in piece {
        counts[usize::from(*byte)] += 1;
    }
    let squares: u64 = counts.iter().map(|count| count * count).sum();
    let length = piece.len() as u64;
    squares * 256 * 100 < length * length * 125
}

/// A writer that compresses. Nothing is whole before [`Encoder::finish`].
pub(super) enum Encoder<W: Write> {
    None(W),
    Gzip(GzEncoder<W>),
    Xz(XzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// Writes what is left, and returns the output.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::None(output) => Ok(output),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Xz(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(output) => output.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Xz(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    /// Nothing: it would cost size, and what is not finished is of no use.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tree::{Entry, Origin};

    fn files(contents: &[Vec<u8>]) -> FileTree {
        let mut files = FileTree::default();
        for (at, content) in contents.iter().enumerate() {
            let what = "a test".to_owned();
            let entry = Entry::file(content.clone(), false, Origin::Generated { what });
            files.add(at.to_string().parse().unwrap(), entry).unwrap();
        }
        files
    }

    fn level(contents: &[Vec<u8>]) -> Option<u32> {
        let compression = Compression::default().for_files(&files(contents));
        compression.unwrap().level
    }

    #[test]
    fn what_is_compressed_is_not_compressed_in_earnest_again() {
        let text = crate::archive::samples::text(3 << 20);
        let [gzip, bzip2, xz, zstd] = crate::archive::samples::compressed(&text);
        // As a kernel is: what unpacks it, zeros, and what is packed.
        let kernel = [text[..32 << 10].to_vec(), vec![0; 32 << 10], xz.clone()].concat();
        for packed in [&gzip, &bzip2, &xz, &zstd, &kernel] {
            assert_eq!(level(std::slice::from_ref(packed)), Some(0));
        }
        assert_eq!(
            level(&[kernel, gzip.clone(), text[..99_999].to_vec()]),
            Some(0)
        );
        assert_eq!(level(&[gzip, text]), Some(6));
        assert_eq!(level(&[vec![0; 1 << 20]]), Some(6));
        assert_eq!(level(&[]), Some(6));
    }

    #[test]
    fn a_level_that_is_asked_for_is_taken() {
        let compression = Compression {
            format: Format::Zstd,
            level: Some(3),
        };
        assert_eq!(
            compression.for_files(&FileTree::default()).unwrap(),
            compression
        );
    }
}
