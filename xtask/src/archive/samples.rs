//! Archives for tests, made in memory, hostile ones included: headers are written byte by byte, because a decent tar writer would refuse.

use std::io::{Read, Write};

/// Some bytes that compress, but not to nothing.
pub(crate) fn text(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"etaoin shrdlu\n"[(state >> 24) as usize % 14]
    };
    (0..length).map(|_| next()).collect()
}

/// The same bytes in every compression that can be read.
pub(crate) fn compressed(plain: &[u8]) -> [Vec<u8>; 4] {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain).unwrap();
    let mut bzip2 = Vec::new();
    bzip2::bufread::BzEncoder::new(plain, bzip2::Compression::fast())
        .read_to_end(&mut bzip2)
        .unwrap();
    let mut xz = Vec::new();
    xz2::bufread::XzEncoder::new(plain, 1)
        .read_to_end(&mut xz)
        .unwrap();
    let mut zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
    zstd.include_checksum(true).unwrap();
    zstd.write_all(plain).unwrap();
    [gzip.finish().unwrap(), bzip2, xz, zstd.finish().unwrap()]
}

/// A tar archive that is built member by member.
#[derive(Clone, Default)]
pub(crate) struct Tar(pub(crate) Vec<u8>);

impl Tar {
    /// Adds a member: name, type, link target, contents, all as they are given.
    pub(crate) fn raw(mut self, name: &[u8], kind: u8, link: &[u8], contents: &[u8]) -> Self {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..108].copy_from_slice(b"0004755\0");
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", contents.len()).as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[156] = kind;
        header[157..157 + link.len()].copy_from_slice(link);
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(header);
        self.0.extend(contents);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str, contents: &str) -> Self {
        self.raw(name.as_bytes(), b'0', b"", contents.as_bytes())
    }

    pub(crate) fn directory(self, name: &str) -> Self {
        self.raw(name.as_bytes(), b'5', b"", b"")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.raw(name.as_bytes(), b'2', target.as_bytes(), b"")
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.raw(name.as_bytes(), b'1', target.as_bytes(), b"")
    }

    /// The whole archive, with its end mark.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

/// A member of an ar archive.
pub(crate) fn member(name: &str, contents: &[u8]) -> Vec<u8> {
    let size = contents.len();
    let mut bytes = format!(
        "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n",
        0, 0, 0, 100_644
    )
    .into_bytes();
    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(2), b'\n');
    bytes
}

/// A Debian package of these two archives; the first is compressed here.
pub(crate) fn package(control: &[u8], (name, data): (&str, &[u8])) -> Vec<u8> {
    let [control, ..] = compressed(control);
    [
        b"!<arch>\n".to_vec(),
        member("debian-binary", b"2.0\n"),
        member("control.tar.gz", &control),
        member(name, data),
    ]
    .concat()
}

/// A Debian package with this `control` file and these files.
pub(crate) fn deb(control: &str, files: Tar) -> Vec<u8> {
    let control = Tar::default().file("./control", control).end();
    package(&control, ("data.tar", &files.end()))
}
