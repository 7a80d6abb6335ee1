//! Where the layers of a root have their files, where one has directories that are links in another.

use std::path::{Path, PathBuf};

use crate::failure::Result;

use super::{Layer, Root, parts_backwards};

impl Root {
    /// Whether a layer has a directory at a path, not a link to one on the way.
    pub(super) fn is_directory_in(&self, layer: usize, path: &str) -> bool {
        self.layers.len() == 1 || path.is_empty() || {
            let folder = &self.layers[layer].folder;
            let places = self.candidates(layer, path);
            places.iter().any(|place| is_real(folder, place))
        }
    }

    /// The places on disk that a path of a layer may be at: no link of the layer is on the way to them, for it could lead out.
    pub(super) fn on_disk(&self, layer: usize, path: &str) -> Vec<PathBuf> {
        let folder = &self.layers[layer].folder;
        let mut places = self.candidates(layer, path);
        if self.layers.len() > 1 {
            let parent = |place: &str| place.rfind('/').map_or(0, |slash| slash);
            places.retain(|place| is_real(folder, &place[..parent(place)]));
        }
        places.iter().map(|place| folder.join(place)).collect()
    }

    /// The path itself, and what it is called where its directory has not moved: a layer may have one of them, or both.
    fn candidates(&self, layer: usize, path: &str) -> Vec<String> {
        let mut places = vec![path.to_owned()];
        for (at, name, target) in &self.moved {
            if let Some(rest) = path.strip_prefix(target.as_str())
                && *at == layer
                && (rest.is_empty() || rest.starts_with('/'))
            {
                places.push(format!("{name}{rest}"));
            }
        }
        places
    }

    pub(super) fn is_moved(&self, layer: usize, path: &str) -> bool {
        self.moved
            .iter()
            .any(|(at, name, _)| *at == layer && name == path)
    }

    /// The directories at the top that are links to another directory in some other layer.
    pub(super) fn moved(&self) -> Result<Vec<(usize, String, String)>> {
        let mut moved = Vec::new();
        for (linking, layer) in self.layers.iter().enumerate() {
            for entry in fs_err::read_dir(&layer.folder)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let Some(target) = link_to_directory(layer, &entry)? else {
                    continue;
                };
                let others = self.layers.iter().enumerate().filter(|(at, other)| {
                    let there = other.folder.join(&name).symlink_metadata();
                    *at != linking && there.is_ok_and(|meta| meta.is_dir())
                });
                moved.extend(others.map(|(at, _)| (at, name.clone(), target.clone())));
            }
        }
        moved.sort();
        moved.dedup();
        Ok(moved)
    }
}

/// Whether all of a path below a folder is directories, and none of it links to directories.
fn is_real(folder: &Path, path: &str) -> bool {
    let mut at = folder.to_owned();
    path.split('/').filter(|part| !part.is_empty()).all(|part| {
        at.push(part);
        at.symlink_metadata().is_ok_and(|meta| meta.is_dir())
    })
}

/// What a link at the top of a layer points to, where that is a directory of the layer.
fn link_to_directory(layer: &Layer, entry: &fs_err::DirEntry) -> Result<Option<String>> {
    if !entry.file_type()?.is_symlink() {
        return Ok(None);
    }
    let Ok(target) = fs_err::read_link(entry.path())?
        .into_os_string()
        .into_string()
    else {
        return Ok(None);
    };
    let mut parts = parts_backwards(&target);
    parts.reverse();
    let plain = parts.join("/");
    let real = !parts.iter().any(|part| part == "..") && is_real(&layer.folder, &plain);
    Ok(real.then_some(plain))
}
