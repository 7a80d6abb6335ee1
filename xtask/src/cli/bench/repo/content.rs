//! What is published: many small packages, each another, written once and kept for the next time.

use std::io::Write;
use std::path::{Path, PathBuf};

use xz2::write::XzEncoder;

use crate::digest::Digest;
use crate::failure::Result;

/// Each package has so many bytes of files, which do not compress.
const BYTES: usize = 16 << 10;

/// Raised when what is written becomes another.
const EDITION: u32 = 1;

/// The packages' files, made where they are not there yet.
///
/// # Errors
/// What writing fails with.
pub(super) fn packages(number: usize) -> Result<Vec<PathBuf>> {
    let folder = std::env::temp_dir().join(format!("cordwainer-bench-repo-{EDITION}"));
    fs_err::create_dir_all(&folder)?;
    let mut paths = Vec::with_capacity(number);
    for at in 0..number {
        let path = folder.join(format!("sample-{at:05}_1.{}-1_all.deb", at % 10));
        if !path.is_file() {
            let part = path.with_extension("part");
            write(&part, at)?;
            fs_err::rename(part, &path)?;
        }
        paths.push(path);
    }
    Ok(paths)
}

/// deb(5): an ar archive of two tar archives.
fn write(path: &Path, at: usize) -> Result<()> {
    let package = format!("sample-{at:05}");
    let control = format!(
        "Package: {package}\nVersion: 1.{}-1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nInstalled-Size: 20\nDepends: sample-common (>= 1.0), sample-data | sample-extra\nRecommends: sample-doc\nSection: misc\nPriority: optional\nHomepage: https://example.org/{package}\nDescription: package number {at} of many\n It has a description of several lines, as packages have, and\n nothing else that anybody could want.\n .\n This is its last paragraph.\n",
        at % 10
    );
    let control = xz(&tar(&[("./control", control.as_bytes())])?)?;
    let file = format!("./usr/share/{package}/data");
    let data = xz(&tar(&[(&file, &noise(at))])?)?;
    let mut deb = b"!<arch>\n".to_vec();
    for (name, bytes) in [
        ("debian-binary", b"2.0\n".as_slice()),
        ("control.tar.xz", &control),
        ("data.tar.xz", &data),
    ] {
        let size = bytes.len();
        writeln!(
            deb,
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`",
            0, 0, 0, 100_644
        )?;
        deb.extend_from_slice(bytes);
        deb.resize(deb.len().next_multiple_of(2), b'\n');
    }
    Ok(fs_err::write(path, deb)?)
}

fn tar(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *bytes)?;
    }
    Ok(tar.into_inner()?)
}

fn xz(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut xz = XzEncoder::new(Vec::new(), 6);
    xz.write_all(bytes)?;
    Ok(xz.finish()?)
}

/// Bytes that look random and are the same each time.
fn noise(seed: usize) -> Vec<u8> {
    let block = |at: usize| Digest::of(format!("{seed} {at}")).to_string().into_bytes();
    (0..BYTES / 64).flat_map(block).collect()
}
