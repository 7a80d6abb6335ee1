//! SHA-256 digests, and the canonical encoding that keys are digests of.
//!
//! The canonical encoding is canonical JSON: RFC 8785 (JCS) restricted to what a step is made
//! of: objects with sorted keys, arrays, strings, integers, booleans and null, no white space, no floating
//! point. So anybody can recompute a key: `jq -jcS . | sha256sum` over what `plan --format json` prints.
//! (JCS sorts keys by UTF-16 unit, we by byte: the same for every key below U+10000.)

mod seen;

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

#[cfg(test)]
pub(crate) use self::seen::tests::{later, write_anew};
pub use self::seen::{Identity, Seen};
use crate::failure::{Failure, Kind, Result};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// So many bytes are read at a time.
const STRETCH: usize = 64 << 10;

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of everything that `input` yields, with the number of bytes.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn of_reader(mut input: impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::new(io::sink());
        // `io::copy` reads 8 KiB at a time.
        let mut buffer = vec![0; STRETCH];
        loop {
            match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => hasher.write_all(&buffer[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let (digest, length, _) = hasher.finish();
        Ok((digest, length))
    }

    /// The digest and length of a file.
    ///
    /// # Errors
    /// What opening and reading fail with.
    pub fn of_file(path: &Path) -> io::Result<(Self, u64)> {
        Self::of_reader(fs_err::File::open(path)?)
    }

    /// The digest of the canonical encoding of a value.
    ///
    /// # Panics
    /// Never for the types of this crate: they have string keys and no floats.
    pub fn of_value(value: &impl Serialize) -> Self {
        Self::of(canonical(value))
    }

    /// The first eight digits: enough for a person to tell two apart.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        let digits = text.as_bytes();
        let mut bytes = [0; 32];
        let valid = digits.len() == 64
            && digits.chunks(2).zip(&mut bytes).all(|(pair, byte)| {
                let digit = |c: u8| (c as char).to_digit(16);
                let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                    return false;
                };
                *byte = (high * 16 + low) as u8;
                true
            });
        if valid {
            Ok(Self(bytes))
        } else {
            Err(Failure::new(
                Kind::Recipe,
                format!("{text:?} is not a SHA-256 digest (64 hexadecimal digits)"),
            ))
        }
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Digest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9a-fA-F]{64}$",
            "description": "SHA-256, 64 hexadecimal digits"
        })
    }
}

/// The canonical encoding of a value; see the module's documentation.
///
/// # Panics
/// When a map has keys that are not strings: a bug.
#[must_use]
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    // serde_json's own map is sorted by key, so passing through `Value` sorts structs too.
    let value = serde_json::to_value(value).expect("steps have string keys");
    serde_json::to_vec(&value).expect("a JSON value can be written")
}

/// Passes bytes on and digests them on the way.
pub struct Hasher<W> {
    inner: W,
    state: Sha256,
    length: u64,
}

impl<W: Write> Hasher<W> {
    /// Digests what is written into `inner`.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            state: Sha256::new(),
            length: 0,
        }
    }

    /// The digest, the number of bytes, and the writer.
    pub fn finish(self) -> (Digest, u64, W) {
        (
            Digest(self.state.finalize().into()),
            self.length,
            self.inner,
        )
    }
}

impl<W: Write> Write for Hasher<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.state.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn known_answer_of_fips_180_2() {
        assert_eq!(Digest::of("abc").to_string(), ABC);
        assert_eq!(ABC.parse::<Digest>().unwrap(), Digest::of("abc"));
    }

    #[test]
    fn anything_but_64_hex_digits_is_refused() {
        for bad in [
            "",
            "abc",
            &ABC[1..],
            &format!("{}g", &ABC[1..]),
            &format!("{ABC}0"),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn canonical_json_is_sorted_and_tight() {
        #[derive(Serialize)]
        struct Unsorted {
            b: u8,
            a: Vec<&'static str>,
        }
        let bytes = canonical(&Unsorted {
            b: 1,
            a: vec!["x\"", "é"],
        });
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "{\"a\":[\"x\\\"\",\"é\"],\"b\":1}"
        );
    }

    #[test]
    fn streaming_and_whole_agree() {
        let (digest, length) = Digest::of_reader(&b"abc"[..]).unwrap();
        assert_eq!((digest, length), (Digest::of("abc"), 3));
    }
}
