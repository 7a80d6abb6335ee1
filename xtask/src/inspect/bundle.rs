//! Reads a bundle's folder: its manifest names the initramfs, and says of what is in it why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Image, Package};
use crate::failure::{Failure, Kind, Result};
use crate::image::tree::FileTree;

const MANIFEST: &str = "manifest.json";

/// What is of interest here of what a manifest says.
#[derive(Debug, Deserialize)]
struct Manifest {
    name: String,
    version: String,
    #[serde(default)]
    kernel: Option<String>,
    #[serde(default)]
    files: BTreeMap<String, Value>,
    #[serde(default)]
    initramfs: Option<FileTree>,
    #[serde(default)]
    packages: Option<BTreeMap<String, Package>>,
}

/// The name and version of a bundle, its initramfs, and the rest of what its manifest says.
fn read(folder: &Path) -> Result<(Manifest, PathBuf)> {
    let path = folder.join(MANIFEST);
    let text = fs_err::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let what = format!("{} is no bundle: it has no {MANIFEST}", folder.display());
            Failure::new(Kind::Usage, what).hint(
                "name a folder that `cargo xtask build` made (out/RECIPE/VERSION), or an initramfs itself",
            )
        }
        _ => error.into(),
    })?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| {
        Failure::new(Kind::Source, format!("{} cannot be read", path.display()))
            .note(error.to_string())
            .hint("`cargo xtask build` writes the bundle anew; or name the initramfs itself")
    })?;
    let Manifest { name, version, .. } = &manifest;
    let own = format!("initramfs-{name}-{version}.img");
    let of_its_own = |file: &&String| **file == own;
    let the_only_one = || {
        let mut named = manifest
            .files
            .keys()
            .filter(|file| file.starts_with("initramfs"));
        named.next().filter(|_| named.next().is_none())
    };
    let initramfs = manifest.files.keys().find(of_its_own).or_else(the_only_one);
    let initramfs = initramfs
        .filter(|file| !file.contains('/'))
        .ok_or_else(|| {
            Failure::new(
                Kind::Source,
                format!("{} names no initramfs", path.display()),
            )
            .hint("name the initramfs itself")
        })?;
    let initramfs = folder.join(initramfs);
    Ok((manifest, initramfs))
}

/// Where the initramfs of a bundle's folder is.
///
/// # Errors
/// [`Kind::Usage`] when the folder is no bundle; [`Kind::Source`] when its manifest cannot be read or names no initramfs.
pub fn initramfs_of(folder: &Path) -> Result<PathBuf> {
    Ok(read(folder)?.1)
}

impl Image {
    /// Reads a bundle's initramfs, with what its manifest says of it.
    ///
    /// # Errors
    /// As [`initramfs_of`]; what is wrong with the initramfs.
    pub fn of_bundle(folder: &Path) -> Result<Self> {
        let (manifest, path) = read(folder)?;
        let mut image = Self::of_file(format!("{} {}", manifest.name, manifest.version), &path)?;
        if let Some(listing) = &manifest.initramfs {
            image.explain(listing);
        }
        image.kernel = manifest.kernel.or(image.kernel);
        image.packages = manifest.packages.unwrap_or_default();
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(manifest: Option<&str>) -> Failure {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = manifest {
            fs_err::write(folder.path().join(MANIFEST), text).unwrap();
        }
        Image::of_bundle(folder.path()).unwrap_err()
    }

    #[test]
    fn what_is_no_bundle_is_refused_by_name() {
        assert_eq!(refused(None).kind, Kind::Usage);
        assert_eq!(refused(Some("{")).kind, Kind::Source);
        for files in [
            "{}",
            r#"{"initramfs-a": 0, "initramfs-b": 0}"#,
            r#"{"initramfs/../../x": 0}"#,
        ] {
            let text = format!(r#"{{"name": "demo", "version": "1", "files": {files}}}"#);
            let failure = refused(Some(&text));
            assert!(failure.what.contains("names no initramfs"), "{failure}");
        }
    }
}
