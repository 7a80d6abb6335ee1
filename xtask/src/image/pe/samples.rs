//! A small PE image of two sections, for tests that cannot have a real one: laid out as systemd-boot's stub of Debian 12 is, with
//! symbols behind the sections. And keys that are made for a test.

use std::path::PathBuf;

use super::authenticode::Unsigned;
use super::certificate::Certificate;
use super::{COFF, OPTIONAL, SECTION};
use crate::tool::Tool;

/// Where its headers are: the PE header, the section table.
pub(crate) const PE: usize = 0x40;
pub(crate) const TABLE: usize = PE + COFF + OPTIONAL + 16 * 8;
/// The end of its last section.
pub(crate) const END: usize = 0x600;

/// The image, for this type of machine.
pub(crate) fn stub(machine: u16) -> Vec<u8> {
    let mut bytes = vec![0; END];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    let word = |number: u32| number.to_le_bytes();
    put(0, b"MZ");
    put(0x3c, &word(PE as u32));
    put(PE, b"PE\0\0");
    put(PE + 4, &machine.to_le_bytes());
    put(PE + 6, &2_u16.to_le_bytes());
    put(PE + 12, &word(END as u32));
    put(PE + 16, &word(3));
    put(PE + 20, &240_u16.to_le_bytes());
    put(PE + 22, &0x206_u16.to_le_bytes());
    let optional = PE + COFF;
    put(optional, &0x20b_u16.to_le_bytes());
    // Entry point, alignments, lengths of image and headers, subsystem, number of directories.
    for (at, number) in [
        (16, 0x4000),
        (32, 0x1000),
        (36, 0x200),
        (56, 0x6000),
        (60, 0x200),
    ] {
        put(optional + at, &word(number));
    }
    put(optional + 68, &10_u16.to_le_bytes());
    put(optional + 108, &word(16));
    let sections: [(&[u8], [u32; 4], u32); 2] = [
        (b".text", [0x180, 0x4000, 0x200, 0x200], 0x6000_0020),
        (b".sdmagic", [0x33, 0x5000, 0x200, 0x400], 0x4000_0040),
    ];
    for (number, (name, numbers, flags)) in sections.into_iter().enumerate() {
        let at = TABLE + number * SECTION;
        put(at, name);
        for (field, number) in numbers.into_iter().enumerate() {
            put(at + 8 + field * 4, &word(number));
        }
        put(at + 36, &word(flags));
    }
    put(0x200, &[0xc3; 0x180]);
    put(0x400, b"#### LoaderInfo: systemd-stub 252 ####");
    bytes.extend_from_slice(b"symbols");
    bytes
}

/// A key with a certificate of its own, in a folder that goes when it does.
pub(crate) struct Key(tempfile::TempDir);

impl Key {
    /// A new RSA key of this many bits.
    pub(crate) fn new(bits: u32) -> Self {
        let key = Self(tempfile::tempdir().unwrap());
        let make = ["req", "-x509", "-newkey", &format!("rsa:{bits}"), "-sha256"];
        let form = ["-days", "3650", "-nodes", "-subj", "/O=Test/CN=a key"];
        let openssl = Tool::new("openssl").folder(key.0.path());
        let openssl = openssl.args(make).args(form);
        let files = ["-keyout", "key.pem", "-out", "certificate.pem"];
        openssl.args(files).run().unwrap();
        key
    }

    /// `key.pem`, `certificate.pem`, or a place for another file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn certificate(&self) -> Certificate {
        let file = fs_err::read(self.path("certificate.pem")).unwrap();
        Certificate::read(&file).unwrap()
    }

    /// What its private half makes of these bytes.
    pub(crate) fn signature(&self, bytes: &[u8]) -> Vec<u8> {
        let openssl = Tool::new("openssl").args(["dgst", "-sha256", "-sign"]);
        openssl
            .arg(self.path("key.pem"))
            .stdin(bytes)
            .bytes()
            .unwrap()
    }

    /// The image, signed.
    pub(crate) fn sign(&self, image: &[u8]) -> Vec<u8> {
        let unsigned = Unsigned::new(image, vec![self.certificate()]).unwrap();
        let signature = self.signature(unsigned.to_be_signed());
        unsigned.sign(&signature).unwrap()
    }
}
