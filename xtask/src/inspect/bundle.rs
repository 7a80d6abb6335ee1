//! Reads a bundle's folder: its manifest names the initramfs, and says of what is in it why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::Image;
use crate::debian::installed::Packages;
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
    segments: BTreeMap<String, FileTree>,
    #[serde(default)]
    default: Option<Boots>,
    #[serde(default)]
    packages: Option<Packages>,
}

/// What a machine without a configuration of its own boots; bundles without segments need not say it.
#[derive(Debug, Deserialize)]
struct Boots {
    /// Files, in order.
    initramfs: Vec<String>,
    /// Names of the segments among them or in them, in order.
    segments: Vec<String>,
}

/// What a bundle's manifest says, and where the files are that make up its initramfs.
fn read(folder: &Path) -> Result<(Manifest, Vec<PathBuf>)> {
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
    let files = initramfs(&manifest).ok_or_else(|| {
        let what = format!("{} names no initramfs", path.display());
        Failure::new(Kind::Source, what).hint("name the initramfs itself")
    })?;
    let files = files.iter().map(|file| folder.join(file)).collect();
    Ok((manifest, files))
}

/// The files that a machine without a configuration of its own boots.
fn initramfs(manifest: &Manifest) -> Option<Vec<&String>> {
    let there = |file: &&String| manifest.files.contains_key(*file) && !file.contains('/');
    if let Some(Boots { initramfs, .. }) = &manifest.default {
        return (!initramfs.is_empty() && initramfs.iter().all(|file| there(&file)))
            .then(|| initramfs.iter().collect());
    }
    let Manifest { name, version, .. } = manifest;
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
    initramfs.filter(there).map(|file| vec![file])
}

impl Image {
    /// Reads a bundle's initramfs as a machine without a configuration of its own gets it, with what its manifest says of it.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the folder is no bundle; [`Kind::Source`] when its manifest cannot be read or names no initramfs; what is wrong
    /// with the initramfs.
    pub fn of_bundle(folder: &Path) -> Result<Self> {
        let (manifest, files) = read(folder)?;
        let mut image = Self::of_files(format!("{} {}", manifest.name, manifest.version), &files)?;
        let named = manifest
            .default
            .iter()
            .flat_map(|default| &default.segments);
        let listings = named.filter_map(|name| manifest.segments.get(name));
        for listing in manifest.initramfs.iter().chain(listings) {
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
            r#"{}, "default": {"initramfs": [], "segments": []}"#,
            r#"{}, "default": {"initramfs": ["gone.img"], "segments": []}"#,
            r#"{"../x": 0}, "default": {"initramfs": ["../x"], "segments": []}"#,
        ] {
            let text = format!(r#"{{"name": "demo", "version": "1", "files": {files}}}"#);
            let failure = refused(Some(&text));
            assert!(failure.what.contains("names no initramfs"), "{failure}");
        }
    }

    #[test]
    fn what_every_machine_gets_is_on_top_with_its_reasons() {
        use crate::image::newc;
        use crate::image::tree::{Entry, Origin};
        let overlay = |name: &str| Origin::Overlay {
            overlay: name.to_owned(),
            file: "etc/x".to_owned(),
        };
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, origin| {
            let mut tree = FileTree::default();
            let entry = Entry::file(file, false, origin);
            tree.add("etc/x".parse().unwrap(), entry).unwrap();
            tree.fill_parents(0o755);
            let mut bytes = Vec::new();
            newc::write(&tree, 0, &mut bytes).unwrap();
            fs_err::write(folder.path().join(file), bytes).unwrap();
            serde_json::to_value(&tree).unwrap()
        };
        let listings = [
            write("a.img", overlay("base")),
            write("b.img", overlay("site")),
        ];
        let other = write("c.img", overlay("other"));
        let manifest = serde_json::json!({
            "name": "demo", "version": "1", "files": {"a.img": 0, "b.img": 0, "c.img": 0},
            "initramfs": listings[0], "segments": {"b": listings[1], "c": other},
            "default": {"initramfs": ["a.img", "b.img"], "segments": ["b"]},
        });
        fs_err::write(folder.path().join(MANIFEST), manifest.to_string()).unwrap();
        let image = Image::of_bundle(folder.path()).unwrap();
        let entry = image.tree().get(&"etc/x".parse().unwrap()).unwrap();
        assert_eq!(entry.origin, overlay("site"));
    }
}
