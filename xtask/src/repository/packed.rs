//! Indexes as they are kept: compressed by gzip, with the digests of both forms.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::release::{Indexed, Sum};
use crate::digest::Hasher;
use crate::failure::{Failure, Kind, Result};

/// No index may be longer than this, unpacked: Debian's own main index has 50 MB.
pub(super) const LONGEST: u64 = 1 << 30;

/// An index, compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    /// The compressed bytes.
    pub(super) bytes: Vec<u8>,
    /// The digests.
    pub(super) sums: Indexed,
}

/// Compresses a text and digests both forms on the way. The same text gives the same bytes: no name, no time.
///
/// # Errors
/// None that writing to memory does not have.
pub(super) fn pack(text: &str) -> io::Result<Packed> {
    let gzip = GzEncoder::new(Hasher::new(Vec::new()), Compression::default());
    let mut plain = Hasher::new(gzip);
    plain.write_all(text.as_bytes())?;
    let (sha256, size, gzip) = plain.finish();
    let plain = Sum { sha256, size };
    let (sha256, size, bytes) = gzip.finish()?.finish();
    let gzip = Sum { sha256, size };
    Ok(Packed {
        bytes,
        sums: Indexed { plain, gzip },
    })
}

/// Unpacks an index, as a client does: both forms have to be what the Release file says.
///
/// # Errors
/// [`Kind::Source`] when one is not. `name` is what the failure calls it.
pub(super) fn unpack(name: &str, bytes: &[u8], sums: &Indexed) -> Result<String> {
    let text = open(name, bytes, sums)?;
    if Sum::of(text.as_bytes()) == sums.plain {
        return Ok(text);
    }
    let what = format!("{name} unpacks to something else than the Release file says");
    Err(Failure::new(Kind::Source, what))
}

/// Unpacks an index whose compressed form is what the Release file says: enough to know that it is the one that was signed.
///
/// # Errors
/// As [`unpack`].
pub(super) fn open(name: &str, bytes: &[u8], sums: &Indexed) -> Result<String> {
    let wrong = |what: &str| Failure::new(Kind::Source, format!("{name} {what}"));
    if Sum::of(bytes) != sums.gzip {
        return Err(wrong("is not what the Release file says it is"));
    }
    let most = sums.plain.size.min(LONGEST);
    // As much at once as it will need, but not on the word of somebody who says it is huge.
    let likely = most.min(bytes.len() as u64 * 20);
    let mut text = Vec::with_capacity(usize::try_from(likely).unwrap_or(0) + 1);
    MultiGzDecoder::new(bytes)
        .take(most + 1)
        .read_to_end(&mut text)
        .map_err(|error| wrong(&format!("cannot be unpacked: {error}")))?;
    if text.len() as u64 > most {
        return Err(wrong("unpacks to more than the Release file says"));
    }
    String::from_utf8(text).map_err(|_| wrong("is not UTF-8"))
}

/// Whether these bytes unpack to this text.
///
/// # Errors
/// When they cannot be unpacked.
pub(super) fn unpacks_to(bytes: &[u8], text: &str) -> io::Result<bool> {
    let mut unpacked = MultiGzDecoder::new(bytes);
    let mut rest = text.as_bytes();
    let mut buffer = [0; 64 << 10];
    loop {
        let read = unpacked.read(&mut buffer)?;
        if read == 0 {
            return Ok(rest.is_empty());
        }
        match rest.strip_prefix(&buffer[..read]) {
            Some(after) => rest = after,
            None => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked() {
        let text = "Package: a\n\n".repeat(10_000);
        let packed = pack(&text).unwrap();
        assert_eq!(packed, pack(&text).unwrap());
        assert_eq!(unpack("x", &packed.bytes, &packed.sums).unwrap(), text);
        assert_eq!(packed.sums.plain, Sum::of(text.as_bytes()));
        assert!(unpacks_to(&packed.bytes, &text).unwrap());
        for other in [&text[1..], &format!("{text}x"), ""] {
            assert!(!unpacks_to(&packed.bytes, other).unwrap());
        }
        assert!(unpacks_to(&packed.bytes[..99], &text).is_err());
    }

    #[test]
    fn what_is_not_as_it_was_signed_is_refused() {
        let (one, other) = (pack("one").unwrap(), pack("another").unwrap());
        assert!(unpack("x", &other.bytes, &one.sums).is_err());
        let lying = Indexed {
            plain: other.sums.plain,
            ..one.sums
        };
        assert!(unpack("x", &one.bytes, &lying).is_err());
        let cut = &one.bytes[..one.bytes.len() - 9];
        let cut_sums = Indexed {
            gzip: Sum::of(cut),
            ..one.sums
        };
        assert!(unpack("x", cut, &cut_sums).is_err());
    }

    /// The bytes of released indexes never change, whatever becomes of the library: `gzip -n` of the same level is another encoder.
    #[test]
    fn the_header_has_no_name_and_no_time() {
        let bytes = pack("x").unwrap().bytes;
        assert_eq!(bytes[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    }
}
