//! `manifest.json` and `SHA256SUMS`: what is in a bundle, and what it was made from.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use walkdir::WalkDir;

use crate::arch::Arch;
use crate::digest::Digest;
use crate::failure::{Failure, Result};
use crate::plan::Stamps;

/// Version of the manifest's form.
const FORMAT: u32 = 1;

/// The manifest's name in the bundle.
pub const MANIFEST: &str = "manifest.json";
/// The list of digests, as `sha256sum --check` reads it.
pub const SUMS: &str = "SHA256SUMS";

/// One file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Digest of its bytes.
    pub sha256: Digest,
    /// Bytes.
    pub size: u64,
}

/// What is in the image, and what is put on top of it.
#[derive(Debug, Serialize)]
pub struct Contents<'a> {
    /// What a machine without a configuration of its own boots.
    pub default: Boots<'a>,
    /// What is in the initramfs: path, mode, digest, and why it is there.
    pub initramfs: Value,
    /// What is in each segment on top of it, likewise, by the segment's name.
    pub segments: BTreeMap<String, Value>,
    /// The packages that something in the initramfs was taken from: name → versions.
    pub packages: Value,
}

/// What a machine without a configuration of its own boots.
#[derive(Debug, Serialize)]
pub struct Boots<'a> {
    /// The files that make up its initramfs, in order.
    pub initramfs: &'a [String],
    /// The segments that are among them or in them, in order.
    pub segments: &'a [String],
}

/// What `manifest.json` says.
#[derive(Debug, Serialize)]
pub struct Manifest<'a> {
    format: u32,
    /// The machines it is for.
    pub arch: Arch,
    /// Name, version, build id, date.
    #[serde(flatten)]
    pub stamps: &'a Stamps,
    /// The kernel's release.
    pub kernel: &'a str,
    /// busybox's version.
    pub busybox: &'a str,
    /// Every file of the bundle but this one and `SHA256SUMS`, by path.
    pub files: BTreeMap<String, File>,
    /// What is in the image.
    #[serde(flatten)]
    pub contents: Contents<'a>,
    /// Sources, steps and tools.
    pub made_from: &'a Value,
}

/// Every file below a folder.
///
/// # Errors
/// When one cannot be read.
pub fn files(folder: &Path) -> Result<BTreeMap<String, File>> {
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(folder).min_depth(1) {
        let entry = entry.map_err(std::io::Error::from)?;
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            let (sha256, size) = Digest::of_file(entry.path())?;
            files.insert(path.to_string_lossy().into_owned(), File { sha256, size });
        }
    }
    Ok(files)
}

/// Writes both into the bundle's folder, about what is there already.
///
/// # Errors
/// When they cannot be written.
pub fn write(
    folder: &Path,
    arch: Arch,
    stamps: &Stamps,
    (kernel, busybox): (&str, &str),
    contents: Contents<'_>,
    made_from: &Value,
) -> Result<()> {
    let files = files(folder)?;
    let manifest = Manifest {
        format: FORMAT,
        arch,
        stamps,
        kernel,
        busybox,
        files: files.clone(),
        contents,
        made_from,
    };
    let mut bytes = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Failure::bug(format!("the manifest cannot be written: {error}")))?;
    bytes.push(b'\n');
    fs_err::write(folder.join(MANIFEST), &bytes)?;
    let mut digests: BTreeMap<String, Digest> = files
        .into_iter()
        .map(|(path, file)| (path, file.sha256))
        .collect();
    digests.insert(MANIFEST.to_owned(), Digest::of(&bytes));
    let sums: String = digests
        .iter()
        .map(|(path, digest)| format!("{digest}  {path}\n"))
        .collect();
    Ok(fs_err::write(folder.join(SUMS), sums)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::Tool;

    #[test]
    fn sha256sum_agrees() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("pxelinux.cfg")).unwrap();
        fs_err::write(
            folder.path().join("pxelinux.cfg/default"),
            "DEFAULT image\n",
        )
        .unwrap();
        let stamps = Stamps {
            name: "demo".to_owned(),
            version: "1".to_owned(),
            build_id: "0".to_owned(),
            date: "1970-01-01T00:00:00Z".to_owned(),
        };
        write(
            folder.path(),
            Arch::Amd64,
            &stamps,
            ("6.1", "1.35"),
            Contents {
                default: Boots {
                    initramfs: &[],
                    segments: &[],
                },
                initramfs: Value::Null,
                segments: BTreeMap::new(),
                packages: Value::Null,
            },
            &Value::Null,
        )
        .unwrap();
        let checked = Tool::new("sha256sum")
            .args(["--check", "--strict", SUMS])
            .folder(folder.path())
            .read()
            .unwrap();
        assert_eq!(checked, "manifest.json: OK\npxelinux.cfg/default: OK\n");
        fs_err::write(folder.path().join("pxelinux.cfg/default"), "altered").unwrap();
        assert!(
            !Tool::new("sha256sum")
                .args(["--check", SUMS])
                .folder(folder.path())
                .succeeds()
        );
    }
}
