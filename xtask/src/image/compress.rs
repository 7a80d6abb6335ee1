//! Compression of image segments: the formats that the kernel unpacks, with settings that it can take, and the same bytes on every machine.
//!
//! What the kernel can take is in its lib/decompress_*.c and Documentation/staging/xz.rst. The bytes depend on the input and on the versions of the
//! libraries (all of them built from source at the versions that `Cargo.lock` names), never on the number of processors; tests pin them.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use flate2::GzBuilder;
use flate2::write::GzEncoder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xz2::stream::{Check, Filters, LzmaOptions, MtStreamBuilder, PRESET_EXTREME, Stream};
use xz2::write::XzEncoder;

use crate::failure::{Failure, Result};

use super::lz4;

/// How a segment is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// The smallest; slowest to unpack.
    #[default]
    Xz,
    /// Quick to unpack.
    Zstd,
    /// Quickest to unpack.
    Lz4,
}

/// A filter that makes machine code compress better with xz. (The kernel has had more of them only since 6.11.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// None.
    #[default]
    None,
    /// Branch targets of x86 code are made absolute.
    X86,
}

/// What an encoder has to know beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many bytes will be written into it, exactly.
    pub length: u64,
    /// What most of the code in it is for; xz only.
    pub filter: Filter,
    /// How hard to try: see [`Compression::levels`]; as hard as is worth it otherwise.
    pub level: Option<u32>,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Xz, Self::Zstd, Self::Lz4];

    /// Its name in a recipe.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }

    /// The kernel's configuration symbol for unpacking it, without `CONFIG_`; none where it needs no support.
    #[must_use]
    pub const fn kernel_symbol(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("RD_GZIP"),
            Self::Xz => Some("RD_XZ"),
            Self::Zstd => Some("RD_ZSTD"),
            Self::Lz4 => Some("RD_LZ4"),
        }
    }

    /// The levels that it has; none where there is nothing to choose. Of zstd's, those with `--ultra` need more memory than the kernel takes.
    #[must_use]
    pub const fn levels(self) -> Option<RangeInclusive<u32>> {
        match self {
            Self::None | Self::Lz4 => None,
            Self::Gzip => Some(1..=9),
            Self::Xz => Some(0..=9),
            Self::Zstd => Some(1..=ZSTD_LEVEL as u32),
        }
    }

    /// A writer that compresses into `output`. Nothing is whole before [`Encoder::finish`].
    ///
    /// # Errors
    /// What the compressor refuses: a bug, or no memory.
    pub fn encoder<W: Write>(self, shape: Shape, output: W) -> Result<Encoder<W>> {
        let stage = match self {
            Self::None => Stage::None(output),
            Self::Gzip => Stage::Gzip(
                GzBuilder::new().write(
                    output,
                    shape
                        .level
                        .map_or_else(flate2::Compression::best, flate2::Compression::new),
                ),
            ),
            Self::Xz => Stage::Xz(XzEncoder::new_stream(
                output,
                xz(shape).map_err(io::Error::from)?,
            )),
            Self::Zstd => Stage::Zstd(zstd_encoder(shape, output)?),
            Self::Lz4 => Stage::Lz4(lz4::Encoder::new(output)),
        };
        Ok(Encoder {
            stage,
            left: shape.length,
        })
    }

    /// Compresses all of `input`, which has to have the length that `shape` tells.
    ///
    /// # Errors
    /// As [`Compression::encoder`] and [`Encoder::finish`]; what reading fails with.
    pub fn encode<W: Write>(self, shape: Shape, mut input: impl io::Read, output: W) -> Result<W> {
        let mut encoder = self.encoder(shape, output)?;
        io::copy(&mut input, &mut encoder)?;
        encoder.finish()
    }
}

/// Dictionary and block of xz: the kernel allocates the dictionary while it unpacks, and a block is what one thread compresses.
const XZ_BLOCK: u64 = 32 << 20;

/// Each thread of xz takes some 12 times its dictionary in memory.
const XZ_THREADS: u64 = 4;

/// `xz -9e --check=crc32` where no other level is asked for (the kernel knows no CRC64) with as small a dictionary as will do. Blocks are compressed side by side: how many at once changes nothing but the time.
fn xz(shape: Shape) -> Result<Stream, xz2::stream::Error> {
    let dictionary = shape.length.next_power_of_two().clamp(1 << 16, XZ_BLOCK);
    let mut options = LzmaOptions::new_preset(shape.level.unwrap_or(9 | PRESET_EXTREME))?;
    options.dict_size(dictionary as u32);
    let mut filters = Filters::new();
    if shape.filter == Filter::X86 {
        filters.x86();
    }
    filters.lzma2(&options);
    let threads = shape
        .length
        .div_ceil(XZ_BLOCK)
        .clamp(1, processors().min(XZ_THREADS));
    MtStreamBuilder::new()
        .threads(threads as u32)
        .block_size(dictionary)
        .filters(filters)
        .check(Check::Crc32)
        .encoder()
}

/// The highest level without `--ultra`: its window of 8 MiB is what the kernel is built to take. The library's result with workers differs from the one without, but not with their number.
const ZSTD_LEVEL: i32 = 19;

fn zstd_encoder<W: Write>(shape: Shape, output: W) -> io::Result<zstd::Encoder<'static, W>> {
    let level = shape.level.map_or(ZSTD_LEVEL, |level| level as i32);
    let mut encoder = zstd::Encoder::new(output, level)?;
    encoder.multithread(processors().min(4) as u32)?;
    encoder.set_pledged_src_size(Some(shape.length))?;
    encoder.include_checksum(true)?;
    Ok(encoder)
}

fn processors() -> u64 {
    std::thread::available_parallelism().map_or(1, |number| number.get() as u64)
}

/// A writer that compresses. Flushing it does nothing: it would cost size, and what is not finished is of no use.
pub struct Encoder<W: Write> {
    stage: Stage<W>,
    /// How many bytes are still to come.
    left: u64,
}

enum Stage<W: Write> {
    None(W),
    Gzip(GzEncoder<W>),
    Xz(XzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
    Lz4(lz4::Encoder<W>),
}

impl<W: Write> Encoder<W> {
    /// Writes what is left and the end mark, and returns the output.
    ///
    /// # Errors
    /// [`crate::failure::Kind::Bug`] when less was written than announced; what writing fails with.
    pub fn finish(self) -> Result<W> {
        if self.left > 0 {
            return Err(Failure::bug(format!(
                "{} bytes less were to be compressed than announced",
                self.left
            )));
        }
        let mut output = match self.stage {
            Stage::None(output) => output,
            Stage::Gzip(encoder) => encoder.finish()?,
            Stage::Xz(encoder) => encoder.finish()?,
            Stage::Zstd(encoder) => encoder.finish()?,
            Stage::Lz4(encoder) => encoder.finish()?,
        };
        output.flush()?;
        Ok(output)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.stage {
            Stage::None(output) => output.write(bytes),
            Stage::Gzip(encoder) => encoder.write(bytes),
            Stage::Xz(encoder) => encoder.write(bytes),
            Stage::Zstd(encoder) => encoder.write(bytes),
            Stage::Lz4(encoder) => encoder.write(bytes),
        }?;
        self.left = self
            .left
            .checked_sub(written as u64)
            .ok_or_else(|| io::Error::other("more bytes were to be compressed than announced"))?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
