//! Firmware that modules name: where the kernel would find it (Documentation/driver-api/firmware/fw_search_path.rst), below a root, links followed inside it only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::failure::Result;

use super::choose::Chosen;
use super::kernel::Kernel;
use super::pattern::component;

/// Folders in which `lib` is.
const TOPS: [&str; 2] = ["lib", "usr/lib"];

/// What the kernel tries to append, in its order (`drivers/base/firmware_loader/main.c`): compressed files last.
const SUFFIXES: [&str; 3] = ["", ".zst", ".xz"];

/// The most links that lie between a name and a file, as in the kernel (`MAXSYMLINKS`).
const LINKS: usize = 40;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A regular file of this size in bytes, here on disk.
    File(PathBuf, u64),
    /// A folder.
    Folder,
    /// A symbolic link to this.
    Link(String),
}

/// A root in which is looked. Paths have no leading slash; those that are asked for never have a link above them.
pub trait Look {
    /// What is at a path; links are not followed. Nothing for what is neither file, folder nor link.
    ///
    /// # Errors
    /// What looking fails with, other than that there is nothing.
    fn seen(&self, path: &str) -> Result<Option<Seen>>;

    /// The names in a folder.
    ///
    /// # Errors
    /// What listing fails with.
    fn names(&self, folder: &str) -> Result<Vec<String>>;
}

/// A folder on disk as the root.
#[derive(Clone, Copy, Debug)]
pub struct Below<'a>(pub &'a Path);

impl Look for Below<'_> {
    fn seen(&self, path: &str) -> Result<Option<Seen>> {
        use std::io::ErrorKind as E;
        let path = self.0.join(path);
        let found = match fs_err::symlink_metadata(&path) {
            Ok(found) => found,
            Err(error)
                if matches!(
                    error.kind(),
                    E::NotFound | E::NotADirectory | E::InvalidFilename
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        Ok(if found.is_symlink() {
            let target = fs_err::read_link(&path)?;
            target.to_str().map(|target| Seen::Link(target.to_owned()))
        } else if found.is_dir() {
            Some(Seen::Folder)
        } else {
            found.is_file().then_some(Seen::File(path, found.len()))
        })
    }

    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs_err::read_dir(self.0.join(folder))? {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// A file of firmware that a module names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The module's name.
    pub module: String,
    /// The name below `lib/firmware`, or a pattern.
    pub firmware: String,
}

/// Firmware that was not found.
pub type Missing = Named;

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The module that names it.
    pub module: String,
    /// What it says.
    pub firmware: String,
    /// The file, or a link on the way to it.
    pub seen: Seen,
}

/// What was found and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firmware {
    /// Files and links by path in the root, without a leading slash; folders that are links (`lib` itself may be one) are among them.
    pub found: BTreeMap<String, Found>,
    /// What is nowhere. A pattern that fits nothing is here too: whether a device needs it only its driver knows.
    pub missing: Vec<Missing>,
}

/// The firmware that chosen modules name, and modules that were asked for and are built in.
///
/// # Errors
/// As [`Kernel::info`].
pub fn named(kernel: &Kernel, chosen: &Chosen) -> Result<Vec<Named>> {
    let mut named = BTreeSet::new();
    let mut take = |module: &str, firmware: &[String]| {
        named.extend(firmware.iter().map(|firmware| Named {
            module: module.to_owned(),
            firmware: firmware.clone(),
        }));
    };
    for picked in &chosen.modules {
        take(
            &kernel.modules[picked.module].name,
            &kernel.info(picked.module)?.firmware,
        );
    }
    for asked in &chosen.builtin {
        if let Some(builtin) = kernel.builtin.get(&asked.name) {
            take(&asked.name, &builtin.info.firmware);
        }
    }
    Ok(named.into_iter().collect())
}

/// Looks for firmware below a root, for a kernel of this release. What is missing can be looked for in another root.
///
/// # Errors
/// What looking fails with.
pub fn find(root: &impl Look, release: &str, named: &[Named]) -> Result<Firmware> {
    let mut search = Search {
        root,
        folders: Vec::new(),
        firmware: Firmware::default(),
    };
    for top in TOPS {
        for folder in [
            "firmware/updates/{}",
            "firmware/updates",
            "firmware/{}",
            "firmware",
        ] {
            let folder = format!("{top}/{}", folder.replace("{}", release));
            if matches!(search.resolve(&folder)?, Some((_, _, Seen::Folder))) {
                search.folders.push(folder);
            }
        }
    }
    for one in named {
        if !search.find(one)? {
            search.firmware.missing.push(one.clone());
        }
    }
    Ok(search.firmware)
}

/// Microcode below a root: the files of a folder below `lib/firmware` whose names fit a pattern (`intel-ucode`, `*`; `amd-ucode`, `microcode_amd*.bin`), by path.
///
/// # Errors
/// What looking fails with.
pub fn microcode(
    root: &impl Look,
    folder: &str,
    pattern: &str,
) -> Result<Vec<(String, PathBuf, u64)>> {
    let search = Search {
        root,
        folders: Vec::new(),
        firmware: Firmware::default(),
    };
    let mut files = Vec::new();
    for top in TOPS {
        let folder = format!("{top}/firmware/{folder}");
        for path in search.expand(&folder, pattern)? {
            if let Some((_, real, Seen::File(file, size))) = search.resolve(&path)? {
                files.push((real, file, size));
            }
        }
        if !files.is_empty() {
            break;
        }
    }
    Ok(files)
}

struct Search<'a, L> {
    root: &'a L,
    /// Folders in which the kernel looks, first things first.
    folders: Vec<String>,
    firmware: Firmware,
}

/// Links by path, where they lead, and what is there.
type Resolved = (Vec<(String, String)>, String, Seen);

impl<L: Look> Search<'_, L> {
    fn find(&mut self, named: &Named) -> Result<bool> {
        let name = &named.firmware;
        // The kernel refuses these too (`_request_firmware`).
        if name.is_empty() || name.starts_with('/') || name.split('/').any(|part| part == "..") {
            return Ok(false);
        }
        let mut any = false;
        for suffix in SUFFIXES {
            for folder in self.folders.clone() {
                for path in self.expand(&folder, &format!("{name}{suffix}"))? {
                    any |= self.add(named, &path)?;
                }
                if any {
                    return Ok(true);
                }
            }
        }
        Ok(any)
    }

    /// Paths that a name may mean: itself, or those that fit if it is a pattern.
    fn expand(&self, folder: &str, name: &str) -> Result<Vec<String>> {
        let mut paths = vec![folder.to_owned()];
        for part in name.split('/') {
            let pattern = part
                .contains(['*', '?', '['])
                .then(|| component(part))
                .flatten();
            let Some(pattern) = pattern else {
                paths
                    .iter_mut()
                    .for_each(|path| *path = format!("{path}/{part}"));
                continue;
            };
            let mut fitting = Vec::new();
            for path in paths {
                if let Some((_, real, Seen::Folder)) = self.resolve(&path)? {
                    let names = self.root.names(&real)?;
                    let names = names.iter().filter(|name| pattern.is_match(name));
                    fitting.extend(names.map(|name| format!("{path}/{name}")));
                }
            }
            paths = fitting;
        }
        Ok(paths)
    }

    /// Takes the file at a path, with the links on the way; whether there is one.
    fn add(&mut self, named: &Named, path: &str) -> Result<bool> {
        let Some((links, real, Seen::File(file, size))) = self.resolve(path)? else {
            return Ok(false);
        };
        let links = links
            .into_iter()
            .map(|(path, target)| (path, Seen::Link(target)));
        for (path, seen) in links.chain([(real, Seen::File(file, size))]) {
            self.firmware.found.entry(path).or_insert_with(|| Found {
                module: named.module.clone(),
                firmware: named.firmware.clone(),
                seen,
            });
        }
        Ok(true)
    }

    /// Walks a path component by component; nothing when it leads nowhere or in circles. A `..` at the top stays there.
    fn resolve(&self, path: &str) -> Result<Option<Resolved>> {
        let mut links = Vec::new();
        let mut real: Vec<String> = Vec::new();
        let mut seen = Seen::Folder;
        let mut rest: Vec<String> = parts(path);
        while let Some(part) = rest.pop() {
            if part == ".." {
                real.pop();
                seen = Seen::Folder;
                continue;
            }
            if seen != Seen::Folder {
                return Ok(None);
            }
            real.push(part);
            let here = real.join("/");
            match self.root.seen(&here)? {
                None => return Ok(None),
                Some(Seen::Link(target)) => {
                    real.pop();
                    if target.starts_with('/') {
                        real.clear();
                    }
                    rest.extend(parts(&target));
                    links.push((here, target));
                    if links.len() > LINKS {
                        return Ok(None);
                    }
                }
                Some(other) => seen = other,
            }
        }
        Ok(Some((links, real.join("/"), seen)))
    }
}

/// The components of a path, last first.
fn parts(path: &str) -> Vec<String> {
    let parts = path
        .split('/')
        .rev()
        .filter(|part| !matches!(*part, "" | "."));
    parts.map(ToOwned::to_owned).collect()
}
