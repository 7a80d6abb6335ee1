//! Indexes as they are kept: compressed by gzip, with the digests of both forms.
//!
//! An index is several members of gzip, one behind the other (RFC 1952, section 2.2), which readers take for one file. Where a member ends follows from the stanzas
//! around its end alone, so that adding a package changes one or two of them, and the others are copied from the index that is there: compressing is most of
//! what publishing would take. What comes out is what compressing the whole text gives, as long as the library compresses as it did.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use memchr::memmem;

use super::release::{Indexed, Sum};
use crate::failure::{Failure, Kind, Result};

/// No index may be longer than this, unpacked: Debian's own main index has 50 MB.
pub(super) const LONGEST: u64 = 1 << 30;

/// A member is not shorter than this, but for the last one: each begins with nothing to refer to, and deflate looks back for 32 KiB.
const SHORTEST_MEMBER: usize = 48 << 10;

/// A member that is longer ends after the stanza.
const LONGEST_MEMBER: usize = 256 << 10;

/// In between, one stanza of so many ends a member.
const ONE_IN: u32 = 16;

/// Which one, so much of it decides: package and version are in there.
const HEAD: usize = 128;

/// An index, compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    /// The compressed bytes.
    pub(super) bytes: Vec<u8>,
    /// The digests.
    pub(super) sums: Indexed,
}

/// An index that was unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    /// Its text.
    pub(super) text: String,
    /// What it was unpacked from.
    pub(super) members: Members,
}

/// Members of gzip, one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    /// All of their bytes.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Ends,
}

/// Where members end, in the text and in the compressed bytes.
type Ends = Vec<(usize, usize)>;

/// Compressed members, by what they unpack to.
#[derive(Clone, Debug, Default)]
pub(super) struct Known<'a>(BTreeMap<&'a [u8], &'a [u8]>);

impl<'a> Known<'a> {
    /// Learns those that this text was unpacked from.
    pub(super) fn learn(&mut self, text: &'a str, members: &'a Members) {
        let mut begin = (0, 0);
        for &end in &members.ends {
            let plain = text.as_bytes().get(begin.0..end.0);
            let packed = members.bytes.get(begin.1..end.1);
            self.0.extend(plain.zip(packed));
            begin = end;
        }
    }
}

/// Compresses a text and digests both forms. The same text gives the same bytes: no name, no time. Members that are known are not compressed again.
///
/// # Errors
/// When something is compressed that does not unpack to itself again, which no library does.
pub(super) fn pack(text: &str, known: &Known<'_>) -> io::Result<Packed> {
    let mut bytes = Vec::with_capacity(text.len() / 8);
    for plain in members(text) {
        if let Some(packed) = known.0.get(plain) {
            bytes.extend_from_slice(packed);
            continue;
        }
        let begin = bytes.len();
        let mut gzip = GzEncoder::new(bytes, Compression::default());
        gzip.write_all(plain)?;
        bytes = gzip.finish()?;
        if !unpacks_to(&bytes[begin..], plain)? {
            let what = "an index unpacks to something else than was compressed";
            return Err(io::Error::other(what));
        }
    }
    let sums = Indexed {
        plain: Sum::of(text.as_bytes()),
        gzip: Sum::of(&bytes),
    };
    Ok(Packed { bytes, sums })
}

/// A text in the parts that become members. Each end depends on the stanzas since the one before only, so that they are found again behind what was put in.
fn members(text: &str) -> Vec<&[u8]> {
    let text = text.as_bytes();
    let (mut members, mut begin, mut stanza) = (Vec::new(), 0, 0);
    for at in memmem::find_iter(text, b"\n\n") {
        let end = at + 2;
        let length = end - begin;
        let may_end = length >= SHORTEST_MEMBER;
        if may_end
            && (length >= LONGEST_MEMBER
                || crc(&text[stanza..end.min(stanza + HEAD)]).is_multiple_of(ONE_IN))
        {
            members.push(&text[begin..end]);
            begin = end;
        }
        stanza = end;
    }
    // gzip has no file without a member.
    if begin < text.len() || members.is_empty() {
        members.push(&text[begin..]);
    }
    members
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Unpacks an index, as a client does: both forms have to be what the Release file says.
///
/// # Errors
/// [`Kind::Source`] when one is not. `name` is what the failure calls it.
pub(super) fn unpack(name: &str, bytes: Vec<u8>, sums: &Indexed) -> Result<Unpacked> {
    let unpacked = open(name, bytes, sums)?;
    if Sum::of(unpacked.text.as_bytes()) == sums.plain {
        return Ok(unpacked);
    }
    let what = format!("{name} unpacks to something else than the Release file says");
    Err(Failure::new(Kind::Source, what))
}

/// Unpacks an index whose compressed form is what the Release file says: enough to know that it is the one that was signed.
///
/// # Errors
/// As [`unpack`].
pub(super) fn open(name: &str, bytes: Vec<u8>, sums: &Indexed) -> Result<Unpacked> {
    let wrong = |what: &str| Failure::new(Kind::Source, format!("{name} {what}"));
    if Sum::of(&bytes) != sums.gzip {
        return Err(wrong("is not what the Release file says it is"));
    }
    let most = sums.plain.size.min(LONGEST);
    let (text, ends) =
        inflate(&bytes, most).map_err(|error| wrong(&format!("cannot be unpacked: {error}")))?;
    if text.len() as u64 > most {
        return Err(wrong("unpacks to more than the Release file says"));
    }
    let text = String::from_utf8(text).map_err(|_| wrong("is not UTF-8"))?;
    let members = Members { bytes, ends };
    Ok(Unpacked { text, members })
}

/// What bytes unpack to, up to a byte more than `most`, and where each member ends.
fn inflate(bytes: &[u8], most: u64) -> io::Result<(Vec<u8>, Ends)> {
    let most = usize::try_from(most).unwrap_or(usize::MAX - 1);
    // As much at once as it will need, but not on the word of somebody who says it is huge.
    let mut text = vec![0; most.min(bytes.len().saturating_mul(20)) + 1];
    let (mut length, mut ends) = (0, Vec::new());
    let mut member = GzDecoder::new(bytes);
    loop {
        if length == text.len() && length <= most {
            text.resize(length.saturating_mul(2).min(most + 1), 0);
        }
        let read = member.read(&mut text[length..])?;
        length += read;
        if read > 0 {
            continue;
        }
        let rest = *member.get_ref();
        ends.push((length, bytes.len() - rest.len()));
        if rest.is_empty() || length > most {
            text.truncate(length);
            return Ok((text, ends));
        }
        member.reset(rest);
    }
}

/// Whether a member unpacks to this text.
fn unpacks_to(member: &[u8], text: &[u8]) -> io::Result<bool> {
    let (unpacked, ends) = inflate(member, text.len() as u64)?;
    Ok(unpacked == text && ends.len() == 1)
}

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;
