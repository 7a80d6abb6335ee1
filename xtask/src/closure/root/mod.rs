//! Roots: folders that stand for the `/` of a system, in layers. Links are followed as that system's kernel would, inside
//! the root only; what is outside on this machine is never seen. What is looked for is left to others.

mod layers;
mod place;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use crate::failure::{Doing, Failure, Kind, Result};

pub use place::{End, Found, Link, Names, Place, Thing};
use place::{is_absence, place};

/// As many links as the kernel follows for one path (`MAXSYMLINKS`, `path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// One folder of a [`Root`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it is called: `host`, `sysroot`, or the name of a source.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// Whether its files belong to whom they should in the image too, as the host's do. What was unpacked without being root does not.
    pub owners: bool,
}

/// Folders one over the other: the first that has a path has it.
///
/// A directory is in it what it is in all layers together. Where a layer has `/lib` as a link to `usr/lib` and another
/// has a directory there, as with merged and unmerged /usr, the latter's files are found in `/usr/lib`, as a package manager would unpack them.
#[derive(Debug)]
pub struct Root {
    layers: Vec<Layer>,
    /// Directories at the top of a layer that are links in another: layer, name, and what stands for it.
    moved: Vec<(usize, String, String)>,
    places: RefCell<HashMap<String, Option<Rc<Place>>>>,
    found: RefCell<HashMap<String, Rc<Found>>>,
    listed: RefCell<HashMap<String, Rc<Names>>>,
}

impl Root {
    /// A root of these layers, the first over the others.
    ///
    /// # Errors
    /// [`Kind::Recipe`] when a layer is no folder; what reading fails with.
    pub fn new(layers: Vec<Layer>) -> Result<Self> {
        for layer in &layers {
            if !layer.folder.is_dir() {
                return Err(Failure::new(
                    Kind::Recipe,
                    format!("{}: {} is no folder", layer.name, layer.folder.display()),
                ));
            }
        }
        let mut root = Self {
            layers,
            moved: Vec::new(),
            places: RefCell::default(),
            found: RefCell::default(),
            listed: RefCell::default(),
        };
        if root.layers.len() > 1 {
            root.moved = root.moved()?;
        }
        Ok(root)
    }

    /// A root of one folder.
    ///
    /// # Errors
    /// As [`Root::new`].
    pub fn of(name: &str, folder: impl Into<PathBuf>) -> Result<Self> {
        Self::new(vec![Layer {
            name: name.to_owned(),
            folder: folder.into(),
            owners: false,
        }])
    }

    /// Its layers, the first over the others.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Follows a path, with or without a leading slash, through all links in it. Nothing there is an answer too.
    ///
    /// # Errors
    /// What reading fails with, except for paths that are not there or cannot be.
    pub fn find(&self, path: &str) -> Result<Rc<Found>> {
        if let Some(found) = self.found.borrow().get(path) {
            return Ok(Rc::clone(found));
        }
        let found = Rc::new(self.follow(path)?);
        let mut cache = self.found.borrow_mut();
        cache.insert(path.to_owned(), Rc::clone(&found));
        Ok(found)
    }

    /// A path with the links in its folders resolved, whether or not there is something: `/bin/sh` is `usr/bin/sh` where `/bin` is a link.
    ///
    /// # Errors
    /// As [`Root::find`].
    pub fn canonical(&self, path: &str) -> Result<String> {
        let path = path.trim_matches('/');
        let Some((folder, name)) = path.rsplit_once('/') else {
            return Ok(path.to_owned());
        };
        Ok(match &self.find(folder)?.end {
            End::There(place) => below(&place.path, name),
            End::Nothing(_) | End::Loop => path.to_owned(),
        })
    }

    /// What is at a path without links in it, and without a leading slash.
    ///
    /// # Errors
    /// As [`Root::find`].
    pub fn place(&self, path: &str) -> Result<Option<Rc<Place>>> {
        if let Some(place) = self.places.borrow().get(path) {
            return Ok(place.clone());
        }
        let place = self.look(path)?.map(Rc::new);
        let mut cache = self.places.borrow_mut();
        cache.insert(path.to_owned(), place.clone());
        Ok(place)
    }

    /// The names in a directory, given by its path without links in it; of all layers together.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn names(&self, path: &str) -> Result<Rc<Names>> {
        if let Some(names) = self.listed.borrow().get(path) {
            return Ok(Rc::clone(names));
        }
        let mut names = Names::default();
        for layer in 0..self.layers.len() {
            self.add_names(layer, path, &mut names)?;
        }
        let names = Rc::new(names);
        let mut cache = self.listed.borrow_mut();
        cache.insert(path.to_owned(), Rc::clone(&names));
        Ok(names)
    }

    fn add_names(&self, layer: usize, path: &str, names: &mut Names) -> Result<()> {
        if !self.is_directory_in(layer, path) {
            return Ok(());
        }
        for folder in self.on_disk(layer, path) {
            let meta = folder.symlink_metadata();
            if !meta.is_ok_and(|meta| meta.is_dir()) {
                continue;
            }
            for entry in fs_err::read_dir(folder)? {
                match entry?.file_name().into_string() {
                    Ok(name) => names.names.insert(name),
                    Err(odd) => names.odd.insert(odd.to_string_lossy().into_owned()),
                };
            }
        }
        Ok(())
    }

    fn follow(&self, path: &str) -> Result<Found> {
        let mut links = Vec::new();
        let mut at = String::new();
        let mut left = parts_backwards(path);
        while let Some(name) = left.pop() {
            if name == ".." {
                at.truncate(at.rfind('/').unwrap_or(0));
                continue;
            }
            let here = below(&at, &name);
            let Some(place) = self.place(&here)? else {
                return Ok(Found {
                    links,
                    end: End::Nothing(here),
                });
            };
            match &place.kind {
                Thing::Directory => at = here,
                Thing::Link(target) => {
                    if links.len() == MOST_LINKS {
                        let end = End::Loop;
                        return Ok(Found { links, end });
                    }
                    if target.starts_with('/') {
                        at.clear();
                    }
                    let more = parts_backwards(target);
                    let last = left.is_empty();
                    left.extend(more);
                    links.push(Link { place, last });
                }
                _ if left.is_empty() => {
                    let end = End::There(place);
                    return Ok(Found { links, end });
                }
                // A file where a directory would have to be.
                _ => {
                    let end = End::Nothing(below(&here, &left[left.len() - 1]));
                    return Ok(Found { links, end });
                }
            }
        }
        let end = match self.place(&at)? {
            Some(place) => End::There(place),
            None => End::Nothing(at),
        };
        Ok(Found { links, end })
    }

    fn look(&self, path: &str) -> Result<Option<Place>> {
        for layer in 0..self.layers.len() {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            // A link in the middle would lead out of the layer.
            if !self.is_directory_in(layer, parent) {
                continue;
            }
            if self.is_moved(layer, path) {
                continue;
            }
            for on_disk in self.on_disk(layer, path) {
                let meta = if path.is_empty() {
                    on_disk.metadata()
                } else {
                    on_disk.symlink_metadata()
                };
                match meta {
                    Ok(meta) => return place(path, layer, on_disk, &meta).map(Some),
                    Err(error) if is_absence(&error) => {}
                    Err(error) => {
                        return Err(error).doing(|| format!("cannot read {}", on_disk.display()));
                    }
                }
            }
        }
        Ok(None)
    }
}

fn parts_backwards(path: &str) -> Vec<String> {
    path.split('/')
        .rev()
        .filter(|part| !matches!(*part, "" | "."))
        .map(str::to_owned)
        .collect()
}

/// A name in a directory of a root.
#[must_use]
pub fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

#[cfg(test)]
mod tests;
