//! Authenticode signatures, by which UEFI's Secure Boot knows what it may run: Microsoft's "Windows Authenticode Portable Executable
//! Signature Format", a `SignedData` of PKCS #7 (RFC 2315). SHA-256 and RSA only, which is what firmware takes.
//!
//! The private key is somebody else's: [`Unsigned`] says what has to be signed, and takes the signature. No time is written, so equal input
//! makes equal bytes. What is read back is what firmware looks at, except whose certificate it trusts.

use sha2::{Digest, Sha256};

use super::certificate::{Certificate, RSA};
use super::der::{self, Reader};
use super::{Malformed, Pe, Result, bad, fix_checksum, number, put, u16_at, u32_at};

/// `WIN_CERT_REVISION_2_0`, and the type `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const REVISION: u16 = 0x0200;
const PKCS_SIGNED_DATA: u16 = 2;
/// Length of a `WIN_CERTIFICATE`'s header, and what each begins at a multiple of.
const HEADER: usize = 8;
const ALIGNMENT: usize = 8;
/// The most certificates and signatures that are looked at.
const MOST: usize = 32;

/// OIDs: `signedData` and the attributes `contentType` and `messageDigest` of PKCS #7 and #9; SHA-256; Microsoft's `SPC_INDIRECT_DATA_OBJID`
/// and `SPC_PE_IMAGE_DATAOBJ`.
const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const CONTENT_TYPE: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SHA256: [u8; 9] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SPC_INDIRECT_DATA: [u8; 10] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04];
const SPC_PE_IMAGE_DATA: [u8; 10] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0f];

/// What Microsoft wants to stand where a file's name once stood.
const OBSOLETE: &str = "<<<Obsolete>>>";

/// The SHA-256 of an image as Authenticode reckons it: without its checksum and its signatures ("Calculating the PE Image Hash").
///
/// # Errors
/// When it has no room for signatures, or they are not at its end.
pub fn hash(pe: &Pe<'_>) -> Result<[u8; 32]> {
    let (bytes, headers) = (pe.bytes, pe.size_of_headers()?);
    let (checksum, security) = (pe.checksum_at(), pe.security_at()?);
    let signatures = pe.signatures()?;
    let mut hash = Sha256::new();
    let mut take = |from: usize, to: usize| match bytes.get(from..to) {
        Some(part) => {
            hash.update(part);
            Ok(())
        }
        None => bad("has headers that end before they say what it is"),
    };
    take(0, checksum)?;
    take(checksum + 4, security)?;
    take(security + 8, headers)?;
    let mut sum = headers;
    for section in pe.by_offset() {
        take(section.file.start, section.file.end)?;
        sum += section.file.len();
    }
    // Sections do not overlap, so the sum is not beyond the end of the last.
    take(sum, signatures.start)?;
    Ok(hash.finalize().into())
}

/// An image that waits for its signature.
pub struct Unsigned {
    image: Vec<u8>,
    chain: Vec<Certificate>,
    content: Vec<u8>,
    attributes: Vec<u8>,
}

impl Unsigned {
    /// An image and the signer's certificate, followed by those that lead from there to one that firmware trusts. Signatures that the image
    /// has already are dropped.
    ///
    /// # Errors
    /// What is wrong with the image, or that there is no certificate.
    pub fn new(image: &[u8], chain: Vec<Certificate>) -> Result<Self> {
        if chain.is_empty() {
            return bad("has no certificate to be signed with");
        }
        let pe = Pe::parse(image)?;
        let (end, security) = (pe.signatures()?.start, pe.security_at()?);
        let mut image = image[..end].to_vec();
        image.resize(end.next_multiple_of(ALIGNMENT), 0);
        put(&mut image, security, 0)?;
        put(&mut image, security + 4, 0)?;
        let content = indirect_data(&hash(&Pe::parse(&image)?)?);
        // What is in the sequence is hashed, without its tag and length (RFC 2315, section 9.3).
        let digest = Sha256::digest(Reader::new(&content).expect(der::SEQUENCE)?.content);
        let attributes = der::set_of(vec![
            attribute(&CONTENT_TYPE, &der::value(der::OID, &SPC_INDIRECT_DATA)),
            attribute(&MESSAGE_DIGEST, &der::value(der::OCTET_STRING, &digest)),
        ]);
        Ok(Self {
            image,
            chain,
            content,
            attributes,
        })
    }

    /// The bytes that the private key has to sign: RSA with PKCS #1 v1.5 and SHA-256.
    #[must_use]
    pub fn to_be_signed(&self) -> &[u8] {
        &self.attributes
    }

    /// The signed image.
    ///
    /// # Errors
    /// When the signature was not made with the certificate's key.
    pub fn sign(self, signature: &[u8]) -> Result<Vec<u8>> {
        let signer = &self.chain[0];
        let sha256 = Sha256::digest(&self.attributes).into();
        if !signer.key.verifies(&sha256, signature) {
            return bad(
                "has a signature that was made with another key than that of its certificate",
            );
        }
        let message = self.signed_data(signature);
        let mut image = self.image;
        // The padding counts as part of it, as others write it: osslsigncode takes nothing else.
        let length = (HEADER + message.len()).next_multiple_of(ALIGNMENT);
        let [Ok(start), Ok(length)] = [image.len(), length].map(u32::try_from) else {
            return bad("would be larger than 4 GiB");
        };
        let security = Pe::parse(&image)?.security_at()?;
        put(&mut image, security, start)?;
        put(&mut image, security + 4, length)?;
        image.extend_from_slice(&length.to_le_bytes());
        image.extend_from_slice(&REVISION.to_le_bytes());
        image.extend_from_slice(&PKCS_SIGNED_DATA.to_le_bytes());
        image.extend_from_slice(&message);
        image.resize(image.len().next_multiple_of(ALIGNMENT), 0);
        fix_checksum(&mut image)?;
        Ok(image)
    }

    fn signed_data(&self, signature: &[u8]) -> Vec<u8> {
        let version = der::value(der::INTEGER, &[1]);
        let mut attributes = self.attributes.clone();
        attributes[0] = der::CONTEXT_0;
        let signer = der::all(
            der::SEQUENCE,
            &[
                &version,
                &self.chain[0].identity,
                &algorithm(&SHA256),
                &attributes,
                &algorithm(&RSA),
                &der::value(der::OCTET_STRING, signature),
            ],
        );
        let content = der::all(
            der::SEQUENCE,
            &[
                &der::value(der::OID, &SPC_INDIRECT_DATA),
                &der::value(der::CONTEXT_0, &self.content),
            ],
        );
        let certificates = self.chain.iter().map(|it| it.der().to_vec()).collect();
        let mut certificates = der::set_of(certificates);
        certificates[0] = der::CONTEXT_0;
        let signed = der::all(
            der::SEQUENCE,
            &[
                &version,
                &der::value(der::SET, &algorithm(&SHA256)),
                &content,
                &certificates,
                &der::value(der::SET, &signer),
            ],
        );
        der::all(
            der::SEQUENCE,
            &[
                &der::value(der::OID, &SIGNED_DATA),
                &der::value(der::CONTEXT_0, &signed),
            ],
        )
    }
}

/// `AlgorithmIdentifier`.
fn algorithm(oid: &[u8]) -> Vec<u8> {
    let null = der::value(der::NULL, &[]);
    der::all(der::SEQUENCE, &[&der::value(der::OID, oid), &null])
}

fn attribute(oid: &[u8], value: &[u8]) -> Vec<u8> {
    let parts: [&[u8]; 2] = [&der::value(der::OID, oid), &der::value(der::SET, value)];
    der::all(der::SEQUENCE, &parts)
}

/// `SpcIndirectDataContent` of a PE image with this hash.
fn indirect_data(hash: &[u8; 32]) -> Vec<u8> {
    let utf16: Vec<u8> = OBSOLETE.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let file = der::value(der::CONTEXT_2, &der::value(der::CONTEXT_0_PLAIN, &utf16));
    let data = der::all(
        der::SEQUENCE,
        &[
            // No flags.
            &der::value(der::BIT_STRING, &[0]),
            &der::value(der::CONTEXT_0, &file),
        ],
    );
    let kind = der::value(der::OID, &SPC_PE_IMAGE_DATA);
    let digest = der::value(der::OCTET_STRING, hash);
    der::all(
        der::SEQUENCE,
        &[
            &der::all(der::SEQUENCE, &[&kind, &data]),
            &der::all(der::SEQUENCE, &[&algorithm(&SHA256), &digest]),
        ],
    )
}

/// What the signatures of an image say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// There are none.
    Unsigned,
    /// One of them is whole: the image is what the owner of this certificate's key signed.
    Signed(Box<Certificate>),
    /// None is whole; why the first is not.
    Broken(Malformed),
}

/// What the signatures of an image say. Firmware wants one that is whole, by a certificate that it trusts.
///
/// # Errors
/// What is wrong with the image itself.
pub fn seal(image: &[u8]) -> Result<Seal> {
    let pe = Pe::parse(image)?;
    let place = match pe.security_at() {
        Ok(_) => pe.signatures()?,
        Err(_) => return Ok(Seal::Unsigned),
    };
    let mut rest = &image[place];
    if rest.is_empty() {
        return Ok(Seal::Unsigned);
    }
    let hash = hash(&pe)?;
    let mut why = None;
    for _ in 0..MOST {
        if rest.is_empty() {
            break;
        }
        match next_signature(rest) {
            Ok((message, behind)) => {
                rest = behind;
                match message.and_then(|message| signer(message, &hash)) {
                    Ok(certificate) => return Ok(Seal::Signed(Box::new(certificate))),
                    Err(broken) => why = why.or(Some(broken)),
                }
            }
            Err(broken) => {
                why = why.or(Some(broken));
                break;
            }
        }
    }
    Ok(Seal::Broken(why.unwrap_or_else(|| {
        Malformed::new("has no signature where one should be")
    })))
}

/// A `WIN_CERTIFICATE`'s message, and what follows it.
fn next_signature(bytes: &[u8]) -> Result<(Result<&[u8]>, &[u8])> {
    let length = u32_at(bytes, 0)? as usize;
    let Some(message) = bytes.get(HEADER..length) else {
        return bad("has a signature that is cut off");
    };
    let behind = bytes
        .get(length.next_multiple_of(ALIGNMENT)..)
        .unwrap_or(&[]);
    let kind: [u16; 2] = [u16_at(bytes, 4)?, u16_at(bytes, 6)?];
    let message = match kind {
        [REVISION, PKCS_SIGNED_DATA] => Ok(message),
        _ => bad("has a signature of an unknown kind"),
    };
    Ok((message, behind))
}

/// Who signed an image with this hash.
fn signer(message: &[u8], hash: &[u8; 32]) -> Result<Certificate> {
    // Zeros may follow.
    let mut outer = Reader::new(message).within(der::SEQUENCE)?;
    if outer.expect(der::OID)?.content != SIGNED_DATA {
        return bad("has a signature that is no SignedData");
    }
    let mut signed = outer.within(der::CONTEXT_0)?.within(der::SEQUENCE)?;
    signed.expect(der::INTEGER)?;
    signed.expect(der::SET)?;
    let content = signed_content(signed.within(der::SEQUENCE)?, hash)?;
    let mut certificates = signed.within(der::CONTEXT_0)?;
    if signed.tag() != Some(der::SET) {
        // Revocation lists.
        signed.next()?;
    }
    let info = signed.within(der::SET)?.within(der::SEQUENCE)?;
    let info = SignerInfo::read(info)?;
    if info.digest != Sha256::digest(content).as_slice() {
        return bad("has a signature of something else");
    }
    for _ in 0..MOST {
        if certificates.is_empty() {
            break;
        }
        // Those that are not the signer's may be of any kind.
        let Ok(certificate) = Certificate::parse(certificates.next()?.whole) else {
            continue;
        };
        if certificate.identity == info.identity {
            let sha256 = Sha256::digest(&info.attributes).into();
            return match certificate.key.verifies(&sha256, info.signature) {
                true => Ok(certificate),
                false => bad("has a signature that its certificate's key did not make"),
            };
        }
    }
    bad("has a signature without the signer's certificate")
}

/// What is in `SpcIndirectDataContent`, when it is about an image with this hash.
fn signed_content<'a>(mut info: Reader<'a>, hash: &[u8; 32]) -> Result<&'a [u8]> {
    if info.expect(der::OID)?.content != SPC_INDIRECT_DATA {
        return bad("has a signature of something that is no PE image");
    }
    let content = info.within(der::CONTEXT_0)?.expect(der::SEQUENCE)?.content;
    let mut data = Reader::new(content);
    data.expect(der::SEQUENCE)?;
    let mut digest = data.within(der::SEQUENCE)?;
    if digest.within(der::SEQUENCE)?.expect(der::OID)?.content != SHA256 {
        return bad("has a signature with another hash than SHA-256");
    }
    let signed: [u8; 32] = number(digest.expect(der::OCTET_STRING)?.content, 0)?;
    match signed == *hash {
        true => Ok(content),
        false => bad("was altered after it was signed"),
    }
}

/// What is needed of a `SignerInfo`.
struct SignerInfo<'a> {
    identity: Vec<u8>,
    /// The attributes as they were signed: as a SET.
    attributes: Vec<u8>,
    /// The attribute `messageDigest`.
    digest: &'a [u8],
    signature: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    fn read(mut info: Reader<'a>) -> Result<Self> {
        info.expect(der::INTEGER)?;
        let identity = info.expect(der::SEQUENCE)?.whole.to_vec();
        info.expect(der::SEQUENCE)?;
        let signed = info.expect(der::CONTEXT_0)?;
        info.expect(der::SEQUENCE)?;
        let signature = info.expect(der::OCTET_STRING)?.content;
        let (mut list, mut digest) = (Reader::new(signed.content), None);
        while !list.is_empty() {
            let mut attribute = list.within(der::SEQUENCE)?;
            if attribute.expect(der::OID)?.content == MESSAGE_DIGEST {
                let value = attribute.within(der::SET)?.expect(der::OCTET_STRING)?;
                digest = Some(value.content);
            }
        }
        let Some(digest) = digest else {
            return bad("has a signature that does not say of what");
        };
        let mut attributes = signed.whole.to_vec();
        attributes[0] = der::SET;
        Ok(Self {
            identity,
            attributes,
            digest,
            signature,
        })
    }
}
