//! One compressed stream as the kernel takes it (lib/decompress.c): told by its first bytes, read up to its own end, so that
//! what follows it can be looked at. What is in it is left to others.

use std::io::{self, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use serde::{Deserialize, Serialize};
use xz2::bufread::XzDecoder;
use xz2::stream::Stream;

use crate::archive;
use crate::failure::{Failure, Kind, Result};

use super::lz4;

/// A compression that the kernel has a symbol for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
    /// The format before xz, without a check of its contents.
    Lzma,
    /// xz.
    Xz,
    /// lzop; known, and not readable here.
    Lzo,
    /// The legacy frame of lz4.
    Lz4,
    /// RFC 8878.
    Zstd,
}

/// What the kernel looks for, its name for it, and its symbol.
const FORMATS: [(&[u8], Format, &str, &str); 8] = [
    (b"\x1f\x8b", Format::Gzip, "gzip", "RD_GZIP"),
    (b"\x1f\x9e", Format::Gzip, "gzip", "RD_GZIP"),
    (b"BZ", Format::Bzip2, "bzip2", "RD_BZIP2"),
    (b"\x5d\x00", Format::Lzma, "lzma", "RD_LZMA"),
    (b"\xfd7", Format::Xz, "xz", "RD_XZ"),
    (b"\x89L", Format::Lzo, "lzo", "RD_LZO"),
    (b"\x02\x21", Format::Lz4, "lz4", "RD_LZ4"),
    (b"\x28\xb5", Format::Zstd, "zstd", "RD_ZSTD"),
];

/// The newer frame of lz4, which the kernel does not know.
const LZ4_FRAME: &[u8] = b"\x04\x22\x4d\x18";

/// No decoder of xz or lzma may need more than this many bytes: `xz -9` asks for 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;

/// The largest window that the kernel's zstd takes, 128 MiB (`lib/decompress_unzstd.c`: `ZSTD_WINDOWSIZE_MAX`).
const ZSTD_WINDOW_LOG: u32 = 27;

/// Why lz4 may seem damaged.
const NO_END_MARK: &str = "this format has no end mark: where another segment follows, eight zeros have to come between, for \
    the kernel, too; otherwise, fetch it again";

impl Format {
    /// What these bytes begin with.
    #[must_use]
    pub fn told_by(bytes: &[u8]) -> Option<Self> {
        let found = FORMATS.iter().find(|(magic, ..)| bytes.starts_with(magic));
        found.map(|(_, format, ..)| *format)
    }

    fn row(self) -> &'static (&'static [u8], Self, &'static str, &'static str) {
        let found = FORMATS.iter().find(|(_, format, ..)| *format == self);
        found.unwrap_or(&FORMATS[0])
    }

    /// Its name, as in a recipe.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// The kernel's configuration symbol for unpacking it, without `CONFIG_`.
    #[must_use]
    pub fn kernel_symbol(self) -> &'static str {
        self.row().3
    }
}

/// A compression that nothing here and no kernel reads, where bytes begin with one; to be named in a failure.
pub(super) fn unknown_to_kernels(bytes: &[u8]) -> Option<&'static str> {
    bytes
        .starts_with(LZ4_FRAME)
        .then_some("lz4 in its newer frame; the kernel reads what `lz4 -l` writes")
}

/// Unpacks the stream that `bytes` begin with; returns what is in it and how many bytes it takes. `name` is what failures call it.
///
/// # Errors
/// [`Kind::Source`] when it is damaged, cut short, cannot be read here, or unpacks to more than `limit` bytes.
pub(super) fn unpack(
    name: &str,
    format: Format,
    bytes: &[u8],
    limit: u64,
) -> Result<(Vec<u8>, usize)> {
    let failed = |error| archive::unreadable(name, error);
    let mut plain = Vec::new();
    let left = match format {
        Format::Gzip => {
            let mut decoder = GzDecoder::new(bytes);
            fill(name, &mut decoder, limit, &mut plain)?;
            decoder.into_inner().len()
        }
        Format::Bzip2 => {
            let mut decoder = BzDecoder::new(bytes);
            fill(name, &mut decoder, limit, &mut plain)?;
            decoder.into_inner().len()
        }
        Format::Xz | Format::Lzma => {
            let stream = if format == Format::Xz {
                Stream::new_stream_decoder(XZ_MEMORY, 0)
            } else {
                Stream::new_lzma_decoder(XZ_MEMORY)
            };
            let stream = stream.map_err(io::Error::from).map_err(failed)?;
            let mut decoder = XzDecoder::new_stream(bytes, stream);
            fill(name, &mut decoder, limit, &mut plain)?;
            decoder.into_inner().len()
        }
        Format::Zstd => {
            let decoder = zstd::Decoder::with_buffer(bytes).map_err(failed)?;
            let mut decoder = decoder.single_frame();
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(failed)?;
            fill(name, &mut decoder, limit, &mut plain)?;
            decoder.finish().len()
        }
        Format::Lz4 => {
            let end = lz4::end(bytes);
            let mut decoder = lz4::Decoder::new(&bytes[..end]);
            let filled = fill(name, &mut decoder, limit, &mut plain);
            let too_much = plain.len() as u64 > limit;
            filled.map_err(|failure| {
                if too_much {
                    failure
                } else {
                    failure.hint(NO_END_MARK)
                }
            })?;
            bytes.len() - end
        }
        Format::Lzo => {
            let what = format!("{name} is compressed with lzo, which cannot be read here");
            return Err(Failure::new(Kind::Source, what)
                .hint("unpack it with `lzop -d`, and name what comes out"));
        }
    };
    plain.shrink_to_fit();
    Ok((plain, bytes.len() - left))
}

fn fill(name: &str, decoder: &mut impl Read, limit: u64, plain: &mut Vec<u8>) -> Result<()> {
    decoder
        .take(limit.saturating_add(1))
        .read_to_end(plain)
        .map_err(|error| archive::unreadable(name, error))?;
    if plain.len() as u64 > limit {
        return Err(too_large(name));
    }
    Ok(())
}

/// The failure that an archive unpacks to more than it may.
pub(super) fn too_large(name: &str) -> Failure {
    Failure::new(
        Kind::Source,
        format!("{name} unpacks to more than is read here"),
    )
    .hint("2 GiB are the limit: it was made to fill somebody's memory, or it is no initramfs")
}
