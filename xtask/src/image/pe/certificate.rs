//! X.509 certificates (RFC 5280): as much of them as a signature names and its verification needs. Whether firmware trusts one is
//! its own to know; dates are not looked at, as firmware does not look at them either.

use sha2::{Digest, Sha256};

use super::der::{self, Reader};
use super::rsa::PublicKey;
use super::{Result, bad};
use crate::text::quoted;

/// OID of `rsaEncryption` (RFC 8017, appendix A.1).
pub(super) const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// OID of an attribute `commonName`.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// The most bytes of a file with certificates.
const MOST: usize = 1 << 20;

/// A certificate with an RSA key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    /// Its issuer's name and its serial number, as DER has them: what signatures know it by.
    pub(super) identity: Vec<u8>,
    subject: String,
    pub(super) key: PublicKey,
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// What is wrong with it, or that its key is not one of RSA with 2048 to 4096 bits.
    pub fn parse(der: &[u8]) -> Result<Self> {
        let mut file = Reader::new(der);
        let whole = file.expect(der::SEQUENCE)?;
        if !file.is_empty() {
            return bad("has something behind the certificate");
        }
        let mut to_be_signed = Reader::new(whole.content).within(der::SEQUENCE)?;
        if to_be_signed.tag() == Some(der::CONTEXT_0) {
            to_be_signed.next()?;
        }
        let serial = to_be_signed.expect(der::INTEGER)?;
        to_be_signed.expect(der::SEQUENCE)?;
        let issuer = to_be_signed.expect(der::SEQUENCE)?;
        to_be_signed.expect(der::SEQUENCE)?;
        let subject = to_be_signed.expect(der::SEQUENCE)?;
        let key = to_be_signed.within(der::SEQUENCE)?;
        Ok(Self {
            der: der.to_vec(),
            identity: der::all(der::SEQUENCE, &[issuer.whole, serial.whole]),
            subject: common_name(subject.content)?,
            key: public_key(key)?,
        })
    }

    /// The certificate in a file of PEM (RFC 7468) or DER; the first, where PEM has several.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(file: &[u8]) -> Result<Self> {
        let chain = Self::chain(file)?;
        match chain.into_iter().next() {
            Some(first) => Ok(first),
            None => bad("has no certificate"),
        }
    }

    /// All certificates in a file of PEM or DER: the signer's, and those that lead from there to one that firmware trusts.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn chain(file: &[u8]) -> Result<Vec<Self>> {
        if file.len() > MOST {
            return bad(format!(
                "has {} bytes, too many for certificates",
                file.len()
            ));
        }
        if file.first() == Some(&der::SEQUENCE) {
            return Ok(vec![Self::parse(file)?]);
        }
        let Ok(text) = std::str::from_utf8(file) else {
            return bad("is neither PEM nor DER");
        };
        let all: Vec<Self> = pem(text)?
            .iter()
            .map(|der| Self::parse(der))
            .collect::<Result<_>>()?;
        if all.is_empty() {
            return bad("has no certificate: no line says `-----BEGIN CERTIFICATE-----`");
        }
        Ok(all)
    }

    /// As DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name of whoever has the key; empty where it has none.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The SHA-256 of its DER, as `openssl x509 -fingerprint -sha256` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }
}

/// The last common name of a distinguished name.
fn common_name(name: &[u8]) -> Result<String> {
    let (mut sets, mut found) = (Reader::new(name), String::new());
    while !sets.is_empty() {
        let mut set = sets.within(der::SET)?;
        while !set.is_empty() {
            let mut attribute = set.within(der::SEQUENCE)?;
            if attribute.expect(der::OID)?.content == COMMON_NAME {
                found = String::from_utf8_lossy(attribute.next()?.content).into_owned();
            }
        }
    }
    Ok(found)
}

/// `SubjectPublicKeyInfo`.
fn public_key(mut info: Reader<'_>) -> Result<PublicKey> {
    let algorithm = info.within(der::SEQUENCE)?.expect(der::OID)?.content;
    if algorithm != RSA {
        return bad("has a key of another kind than RSA, which firmware need not take");
    }
    let bits = info.expect(der::BIT_STRING)?.content;
    let Some((0, bits)) = bits.split_first().map(|(unused, bits)| (*unused, bits)) else {
        return bad("has a key that is no whole number of bytes");
    };
    let mut numbers = Reader::new(bits).within(der::SEQUENCE)?;
    let modulus = numbers.expect(der::INTEGER)?.content;
    PublicKey::new(modulus, numbers.expect(der::INTEGER)?.content)
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// What is between the lines of PEM. Text around it is passed over; a private key is not.
fn pem(text: &str) -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut inside: Option<String> = None;
    for line in text.lines().map(str::trim_end) {
        match (&mut inside, line) {
            (None, BEGIN) => inside = Some(String::new()),
            (None, line) if line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY") => {
                return bad("has a private key in it, which has no place beside a certificate");
            }
            (None, _) => {}
            (Some(text), END) => {
                found.push(base64(text)?);
                inside = None;
            }
            (Some(_), line) if line.starts_with("-----") => {
                return bad(format!(
                    "has the line {} within a certificate",
                    quoted(line)
                ));
            }
            (Some(text), line) => text.push_str(line),
        }
    }
    match inside {
        None => Ok(found),
        Some(_) => bad("is cut off: it ends within a certificate"),
    }
}

/// Base64 (RFC 4648, section 4).
fn base64(text: &str) -> Result<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let mut out = Vec::with_capacity(digits.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for c in digits.bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => {
                return bad(format!(
                    "has the character {:?} within a certificate",
                    char::from(c)
                ));
            }
        };
        bits = (bits << 6 | u32::from(digit)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            // The bits above were written before.
            out.push((bits >> count & 0xff) as u8);
        }
    }
    match text.len().is_multiple_of(4) && text.len() - digits.len() <= 2 {
        true => Ok(out),
        false => bad("has a certificate whose base64 is cut off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(base64(text).unwrap(), bytes.as_bytes());
        }
        for wrong in ["Zg", "Zg=", "Z===", "Zm9v YmF", "Zm9-"] {
            assert!(base64(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_told_apart() {
        for (text, why) in [
            ("", "has no certificate"),
            ("hello\n", "has no certificate"),
            (
                "-----BEGIN CERTIFICATE-----\nZg==\n",
                "ends within a certificate",
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
                "has a private key in it",
            ),
            (
                "\x30\x03\x02\x01\x01",
                "has a value with the tag 0x02 where 0x30 should be",
            ),
        ] {
            let said = Certificate::chain(text.as_bytes()).unwrap_err().to_string();
            assert!(said.contains(why), "{text:?}: {said}");
        }
    }
}
