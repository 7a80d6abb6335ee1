//! Collecting what nothing refers to, and counting what is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use walkdir::WalkDir;

use super::Store;
use super::artifact::Artifact;
use super::roots::Root;
use crate::digest::Digest;
use crate::failure::Result;
use crate::files::{Guard, remove_if_there};

/// What a collection removed, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Results that no root names.
    pub results: usize,
    /// Objects that no result names.
    pub objects: usize,
    /// Folders and logs of builds that ended otherwise.
    pub leftovers: usize,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// What is in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stat {
    /// Recipes of checkouts that were built.
    pub roots: usize,
    /// Results of steps.
    pub results: usize,
    /// Files and trees.
    pub objects: usize,
    /// Bytes of the objects.
    pub bytes: u64,
}

impl Store {
    /// Removes what no root refers to; waits for builds that run. A root whose checkout is gone, or
    /// that cannot be read, goes first. With `dry_run`, only counts.
    ///
    /// # Errors
    /// When something cannot be read or removed.
    pub fn collect(&self, dry_run: bool, waiting: impl FnOnce(&str)) -> Result<Collected> {
        let mut collected = Collected::default();
        if !self.folder.exists() {
            return Ok(collected);
        }
        let _alone = Guard::exclusive_after(&self.folder, waiting)?;
        let remove = |path: &Path, count: &mut usize, bytes: &mut u64| {
            *count += 1;
            *bytes += size_of(path);
            if dry_run {
                Ok(())
            } else {
                remove_if_there(path)
            }
        };

        let mut wanted = BTreeSet::new();
        for (path, root) in self.roots()? {
            match root.filter(Root::is_there) {
                Some(root) => wanted.extend(root.steps.values().map(|step| step.key)),
                None => remove(&path, &mut collected.leftovers, &mut collected.bytes)?,
            }
        }
        let mut named = BTreeSet::new();
        for path in files_below(&self.folder.join("results"))? {
            let artifact = match digest_of_name(&path).filter(|key| wanted.contains(key)) {
                Some(key) => Artifact::load(self, &key)?,
                None => None,
            };
            match artifact {
                Some(artifact) => {
                    named.extend(artifact.outputs().values().map(|output| output.digest));
                }
                None => remove(&path, &mut collected.results, &mut collected.bytes)?,
            }
        }
        for path in files_below(&self.folder.join("objects"))? {
            if !digest_of_name(&path).is_some_and(|digest| named.contains(&digest)) {
                remove(&path, &mut collected.objects, &mut collected.bytes)?;
            }
        }
        for room in ["work", "locks", "logs"] {
            for path in files_in(&self.folder.join(room))? {
                let kept = room == "logs"
                    && digest_of_name(&path).is_some_and(|key| wanted.contains(&key));
                if !kept {
                    remove(&path, &mut collected.leftovers, &mut collected.bytes)?;
                }
            }
        }
        Ok(collected)
    }

    /// Counts what is there.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn stat(&self) -> Result<Stat> {
        let objects = files_below(&self.folder.join("objects"))?;
        Ok(Stat {
            roots: files_in(&self.folder.join("roots"))?.len(),
            results: files_below(&self.folder.join("results"))?.len(),
            bytes: objects.iter().map(|path| size_of(path)).sum(),
            objects: objects.len(),
        })
    }

    pub(super) fn keys(&self) -> Result<Vec<Digest>> {
        let results = files_below(&self.folder.join("results"))?;
        Ok(results
            .iter()
            .filter_map(|path| digest_of_name(path))
            .collect())
    }
}

/// What is in a folder, sorted; nothing, when the folder is not there.
pub(super) fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut paths = fs_err::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// What is in the folders of a folder.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for shard in files_in(folder)? {
        paths.extend(files_in(&shard)?);
    }
    Ok(paths)
}

fn digest_of_name(path: &Path) -> Option<Digest> {
    path.file_stem()?.to_str()?.parse().ok()
}

fn size_of(path: &Path) -> u64 {
    WalkDir::new(path)
        .into_iter()
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|meta| meta.len())
        .sum()
}
