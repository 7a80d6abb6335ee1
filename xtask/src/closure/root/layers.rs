//! Where the layers of a root have their files, where one has directories that are links in another.

use std::path::PathBuf;

use crate::failure::Result;

use super::{Layer, Root, parts_backwards};

impl Root {
    /// Whether a layer has a directory at a path, not a link to one on the way.
    pub(super) fn is_directory_in(&self, layer: usize, path: &str) -> Result<bool> {
        let real = |path: &PathBuf| {
            let meta = path.symlink_metadata();
            meta.is_ok_and(|meta| meta.is_dir())
        };
        if path.is_empty() || self.layers.len() == 1 {
            return Ok(true);
        }
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        Ok(self.is_directory_in(layer, parent)? && self.on_disk(layer, path).iter().any(real))
    }

    /// The places on disk that a path of a layer may be at.
    pub(super) fn on_disk(&self, layer: usize, path: &str) -> Vec<PathBuf> {
        let folder = &self.layers[layer].folder;
        let mut places = vec![folder.join(path)];
        for (at, name, target) in &self.moved {
            if let Some(rest) = path.strip_prefix(target.as_str())
                && *at == layer
                && (rest.is_empty() || rest.starts_with('/'))
            {
                places.push(folder.join(format!("{name}{rest}")));
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
    let mut at = layer.folder.clone();
    let real = parts.iter().all(|part| {
        at.push(part);
        part != ".." && at.symlink_metadata().is_ok_and(|meta| meta.is_dir())
    });
    Ok(real.then_some(plain))
}
