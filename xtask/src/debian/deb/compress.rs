//! How a package's archives are compressed: what dpkg can unpack, with the settings of `dpkg-deb`. The bytes depend on the input and the libraries' versions only, never
//! on the number of processors. (`image::compress` writes what a kernel can unpack, as small as it gets; here, time counts too.)

use std::fs::File;
use std::io::{self, Write};

use flate2::GzBuilder;
use flate2::write::GzEncoder;

use super::xz;

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
}

/// How a package is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compression {
    /// The format.
    pub format: Format,
    /// How hard: of gzip 1 to 9, of xz 0 to 9, of zstd 1 to 19; as `dpkg-deb` does otherwise.
    pub level: Option<u32>,
}

impl Compression {
    /// A writer that compresses into a file that is empty.
    pub(super) fn encoder(self, output: File) -> io::Result<Encoder> {
        let level = self.level.unwrap_or(self.format.level());
        Ok(match self.format {
            Format::None => Encoder::None(output),
            Format::Gzip => {
                Encoder::Gzip(GzBuilder::new().write(output, flate2::Compression::new(level)))
            }
            Format::Xz => Encoder::Xz(xz::Writer::new(output, level)?),
            Format::Zstd => {
                let mut encoder = zstd::Encoder::new(output, level as i32)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
        })
    }
}

/// A writer that compresses. Nothing is whole before [`Encoder::finish`].
pub(super) enum Encoder {
    None(File),
    Gzip(GzEncoder<File>),
    Xz(xz::Writer),
    Zstd(zstd::Encoder<'static, File>),
}

impl Encoder {
    /// Writes what is left, and returns the file, which stands at its end.
    pub(super) fn finish(self) -> io::Result<File> {
        match self {
            Self::None(output) => Ok(output),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Xz(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl Write for Encoder {
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
