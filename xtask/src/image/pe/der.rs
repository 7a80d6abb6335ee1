//! DER (ITU-T X.690): the little of it that certificates and signatures need. What the values mean is `certificate`'s and
//! `authenticode`'s.

use super::{Result, bad};

/// Tags (X.690, section 8.1.2), with the bit of constructed values.
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;
/// `[2]`, constructed.
pub(super) const CONTEXT_2: u8 = 0xa2;
/// `[0]`, a plain value.
pub(super) const CONTEXT_0_PLAIN: u8 = 0x80;

/// A value with this tag and content.
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let zeros = length.iter().take_while(|&&byte| byte == 0).count();
            let length = &length[zeros..];
            // At most eight bytes.
            out.push(0x80 | length.len() as u8);
            out.extend_from_slice(length);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A value that is made of these, in this order.
pub(super) fn all(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    value(tag, &parts.concat())
}

/// A SET OF these, in the order that DER wants (X.690, section 11.6).
pub(super) fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    value(SET, &parts.concat())
}

/// A value that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) content: &'a [u8],
    /// Tag and length, too.
    pub(super) whole: &'a [u8],
}

/// Reads values one after the other.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next value.
    pub(super) fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value, whatever it is.
    pub(super) fn next(&mut self) -> Result<Value<'a>> {
        let [tag, length, rest @ ..] = self.0 else {
            return bad("ends where a value should begin");
        };
        // No type that we read has a tag of several bytes.
        if tag & 0x1f == 0x1f {
            return bad("has a tag of several bytes");
        }
        let (length, rest) = match usize::from(*length) {
            short if short < 0x80 => (short, rest),
            0x80 => return bad("has a value of unknown length, which DER does not have"),
            long => self::length(rest, long & 0x7f)?,
        };
        let Some((content, behind)) = rest.split_at_checked(length) else {
            return bad(format!(
                "is cut off: a value of {length} bytes has only {}",
                rest.len()
            ));
        };
        let whole = &self.0[..self.0.len() - behind.len()];
        self.0 = behind;
        Ok(Value { content, whole })
    }

    /// The next value, which has to have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Value<'a>> {
        match self.tag() {
            Some(found) if found == tag => self.next(),
            Some(found) => bad(format!(
                "has a value with the tag {found:#04x} where {tag:#04x} should be"
            )),
            None => bad("ends where a value should begin"),
        }
    }

    /// What is in the next value, which has to have this tag.
    pub(super) fn within(&mut self, tag: u8) -> Result<Self> {
        Ok(Self(self.expect(tag)?.content))
    }
}

fn length(bytes: &[u8], count: usize) -> Result<(usize, &[u8])> {
    match bytes.split_at_checked(count) {
        Some((length, rest)) if count <= 4 => {
            let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
            Ok((length.iter().fold(0, add), rest))
        }
        _ => bad("has a value whose length cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn lengths_have_the_shortest_form() {
        assert_eq!(value(OCTET_STRING, b"ab"), b"\x04\x02ab");
        assert_eq!(value(OCTET_STRING, &[0; 127])[..2], [4, 127]);
        assert_eq!(value(OCTET_STRING, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(value(OCTET_STRING, &[0; 256])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn sets_are_sorted_by_their_bytes() {
        let set = set_of(vec![value(NULL, b""), value(INTEGER, b"\x01")]);
        assert_eq!(set, b"\x31\x05\x02\x01\x01\x05\x00");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (bytes, why) in [
            (&b""[..], "ends where a value should begin"),
            (b"\x04", "ends where a value should begin"),
            (b"\x04\x80\0\0", "of unknown length"),
            (b"\x04\x05ab", "a value of 5 bytes has only 2"),
            (b"\x04\x89\x01", "length cannot be read"),
            (b"\x04\x84\xff\xff\xff\xff", "is cut off"),
            (b"\x1f\x81\x01\x00", "a tag of several bytes"),
        ] {
            let said = Reader::new(bytes).next().unwrap_err().to_string();
            assert!(said.contains(why), "{bytes:x?}: {said}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(content in proptest::collection::vec(any::<u8>(), 0..700)) {
            let bytes = value(OCTET_STRING, &content);
            let read = Reader::new(&bytes).expect(OCTET_STRING).unwrap();
            assert_eq!((read.content, read.whole), (&content[..], &bytes[..]));
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while !reader.is_empty() && reader.next().is_ok() {}
        }
    }
}
