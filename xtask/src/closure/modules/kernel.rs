//! All modules of one kernel, as the files below `lib/modules/RELEASE` tell of them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fs_err::File;
use std::io::Read;

use crate::failure::{Failure, Kind, Result};

use super::elf;
use super::info::{Info, canonical, name_of, pairs, stem};

/// Where modules are, in a root.
const PLACES: [&str; 2] = ["lib/modules", "usr/lib/modules"];

/// The most modules and folders that are looked at: Debian's kernels have 4000 modules in 900 folders.
const MOST: usize = 200_000;

/// How deep folders may lie in each other.
const DEEPEST: usize = 40;

/// The largest list there may be beside the modules, in bytes.
const LARGEST_LIST: u64 = 64 << 20;

/// Of two modules with the same name, the one in the folder that comes first here counts (depmod.d(5): `search updates extra built-in weak-updates`, as
/// distributions have it); what is in neither is between the two groups.
const FIRST: [&str; 2] = ["updates/", "extra/"];
const LAST: &str = "weak-updates/";

/// One module, as a file.
#[derive(Debug)]
pub struct Module {
    /// Its name, with underscores.
    pub name: String,
    /// Its file, below the folder of the release: `kernel/drivers/net/veth.ko`.
    pub path: String,
    read: OnceLock<Facts>,
}

#[derive(Debug)]
struct Facts {
    info: Info,
    size: u64,
    exports: bool,
    symbols: Option<Vec<String>>,
}

/// A module that is part of the kernel itself.
#[derive(Debug, Default)]
pub struct Builtin {
    /// Where its file would be, below the folder of the release; empty for what could never be a module, such as debugfs.
    pub path: String,
    /// What it says of itself.
    pub info: Info,
}

/// All modules of one kernel.
#[derive(Debug)]
pub struct Kernel {
    /// The release, as `uname -r` says it.
    pub release: String,
    /// The folder of the release, below the root: `usr/lib/modules/6.1.0-1-amd64`.
    pub below: String,
    /// The same folder on disk.
    pub folder: PathBuf,
    /// The modules, sorted by path.
    pub modules: Vec<Module>,
    /// What is built in, by name.
    pub builtin: BTreeMap<String, Builtin>,
    /// What is odd about the folder, a sentence each.
    pub notes: Vec<String>,
    by_name: HashMap<String, usize>,
    /// `modules.order`: paths without the suffix of a compression, a line each.
    order: String,
}

impl Kernel {
    /// The module of this name, with dashes or underscores, by its place in [`Kernel::modules`].
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(&canonical(name)).copied()
    }

    /// What a module says of itself; it is read once.
    ///
    /// # Errors
    /// [`Kind::Source`] when the file is no module; what reading fails with.
    pub fn info(&self, module: usize) -> Result<&Info> {
        Ok(&self.read(module)?.info)
    }

    /// The size of a module's file, in bytes.
    ///
    /// # Errors
    /// As [`Kernel::info`].
    pub fn size(&self, module: usize) -> Result<u64> {
        Ok(self.read(module)?.size)
    }

    /// The file of a module, on disk.
    #[must_use]
    pub fn file(&self, module: usize) -> PathBuf {
        self.folder.join(&self.modules[module].path)
    }

    /// The symbols that a module exports.
    ///
    /// # Errors
    /// As [`Kernel::info`].
    pub fn symbols(&self, module: usize) -> Result<Vec<String>> {
        let read = self.read(module)?;
        match &read.symbols {
            Some(symbols) => Ok(symbols.clone()),
            None if !read.exports => Ok(Vec::new()),
            None => Ok(elf::read(&self.file(module), true)?
                .symbols
                .unwrap_or_default()),
        }
    }

    /// The lines of modules in `modules.order`, counted from 0; of those that are not there, behind all others.
    pub(super) fn ranks(&self, modules: &[usize]) -> Vec<usize> {
        let paths = modules.iter().map(|&at| plain(&self.modules[at].path));
        let places: HashMap<&str, usize> = paths.zip(0..).collect();
        let mut ranks = vec![usize::MAX; modules.len()];
        for (line, path) in self.order.lines().enumerate() {
            if let Some(&place) = places.get(path) {
                ranks[place] = line;
            }
        }
        ranks
    }

    /// A list beside the modules, such as `modules.builtin`; none where there is none.
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<u8>>> {
        list(&self.folder, name)
    }

    fn read(&self, module: usize) -> Result<&Facts> {
        let place = &self.modules[module].read;
        if let Some(read) = place.get() {
            return Ok(read);
        }
        let sections = elf::read(&self.file(module), false)?;
        Ok(place.get_or_init(|| Facts {
            info: Info::read(&sections.modinfo),
            size: sections.size,
            exports: sections.exports,
            symbols: sections.symbols,
        }))
    }
}

/// A path without the suffix of a compression.
pub(super) fn plain(path: &str) -> &str {
    let suffix = [".xz", ".zst", ".gz"]
        .iter()
        .find_map(|suffix| path.strip_suffix(suffix));
    suffix.unwrap_or(path)
}

/// The releases whose modules are below a root, each with its folder below the root. Links are not followed.
///
/// # Errors
/// What listing fails with.
pub fn releases(root: &Path) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for place in PLACES {
        let Some(folder) = real_folder(root, place) else {
            continue;
        };
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir()
                && let Ok(release) = entry.file_name().into_string()
            {
                found.push((release.clone(), format!("{place}/{release}")));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Finds the modules of a kernel below a root: of `release`, or of the only one there is. No module is opened.
///
/// # Errors
/// [`Kind::Source`] when there is no such kernel, or more than one and `release` does not say which, or when the folder is beyond all measure; what reading fails with.
pub fn scan(root: &Path, release: Option<&str>) -> Result<Kernel> {
    let mut found = releases(root)?;
    if let Some(release) = release {
        found.retain(|(name, _)| name == release);
    }
    let (release, below) = match found.as_slice() {
        [one] => one.clone(),
        [] => {
            let whose = release.map_or_else(
                || "a kernel".to_owned(),
                |name| format!("the kernel {name}"),
            );
            return Err(Failure::new(
                Kind::Source,
                format!(
                    "{} has no modules of {whose}: there is no folder lib/modules/RELEASE",
                    root.display()
                ),
            )
            .hint(
                "name a package that holds a kernel with its modules, such as `linux-image-amd64`",
            ));
        }
        several => {
            let names: Vec<&str> = several.iter().map(|(_, below)| below.as_str()).collect();
            return Err(Failure::new(
                Kind::Source,
                format!(
                    "{} has modules of {} kernels",
                    root.display(),
                    several.len()
                ),
            )
            .note(names.join(", "))
            .hint("keep all but one of these kernels out"));
        }
    };
    read(root.join(&below), below, release)
}

fn read(folder: PathBuf, below: String, release: String) -> Result<Kernel> {
    let mut walk = Walk {
        root: fs_err::canonicalize(&folder)?,
        ..Walk::default()
    };
    walk.folder(&folder, "", 0)?;
    let mut paths = walk.paths;
    paths.sort_unstable();
    let (modules, by_name) = unique(paths);
    let text = |name: &str| -> Result<String> {
        let bytes = list(&folder, name)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Kernel {
        order: text("modules.order")?,
        builtin: builtin(&text("modules.builtin")?, &text("modules.builtin.modinfo")?),
        notes: walk.notes,
        release,
        below,
        folder,
        modules,
        by_name,
    })
}

/// Modules by sorted path, one of each name.
fn unique(paths: Vec<String>) -> (Vec<Module>, HashMap<String, usize>) {
    let mut modules: Vec<Module> = Vec::with_capacity(paths.len());
    let mut by_name: HashMap<String, usize> = HashMap::with_capacity(paths.len());
    for path in paths {
        let Some(name) = name_of(&path) else { continue };
        let at = *by_name.entry(name.clone()).or_insert(modules.len());
        match modules.get_mut(at) {
            Some(other) if precedence(&other.path) <= precedence(&path) => {}
            Some(other) => other.path = path,
            None => modules.push(Module {
                name,
                path,
                read: OnceLock::new(),
            }),
        }
    }
    // What took another's place is out of order now.
    if !modules.is_sorted_by(|one, other| one.path < other.path) {
        modules.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let places = modules.iter().enumerate();
        by_name = places
            .map(|(at, module)| (module.name.clone(), at))
            .collect();
    }
    (modules, by_name)
}

fn precedence(path: &str) -> usize {
    let first = FIRST.iter().position(|folder| path.starts_with(folder));
    first.unwrap_or(FIRST.len() + usize::from(path.starts_with(LAST)))
}

/// What is built in: a line with a path each, and `name.key=value` NUL by NUL (Documentation/kbuild/kbuild.rst).
fn builtin(paths: &str, modinfo: &str) -> BTreeMap<String, Builtin> {
    let mut builtin: BTreeMap<String, Builtin> = BTreeMap::new();
    for path in paths.lines() {
        if let Some(name) = name_of(path) {
            builtin.entry(name).or_default().path = path.to_owned();
        }
    }
    for (key, value) in pairs(modinfo) {
        if let Some((name, key)) = key.split_once('.') {
            let there = builtin.entry(canonical(name)).or_default();
            there.info.take(key, value);
        }
    }
    builtin
}

fn list(folder: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let path = folder.join(name);
    match fs_err::symlink_metadata(&path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let mut bytes = Vec::new();
    File::open(&path)?
        .take(LARGEST_LIST + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_LIST {
        return Err(Failure::new(
            Kind::Source,
            format!("{} is larger than 64 MiB", path.display()),
        ));
    }
    Ok(Some(bytes))
}

/// A folder below a root, if no part of the way is a link.
fn real_folder(root: &Path, below: &str) -> Option<PathBuf> {
    let mut path = root.to_owned();
    for part in below.split('/') {
        path.push(part);
        if !fs_err::symlink_metadata(&path).ok()?.is_dir() {
            return None;
        }
    }
    Some(path)
}

/// The paths of all modules below a folder.
#[derive(Default)]
struct Walk {
    /// What links may not leave.
    root: PathBuf,
    paths: Vec<String>,
    folders: usize,
    notes: Vec<String>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, below: &str, depth: usize) -> Result<()> {
        self.folders += 1;
        if depth > DEEPEST || self.folders > MOST || self.paths.len() > MOST {
            return Err(Failure::new(
                Kind::Source,
                format!(
                    "{} is deeper or fuller than modules ever are",
                    self.root.display()
                ),
            ));
        }
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let Ok(name) = entry.file_name().into_string() else {
                self.notes.push(format!(
                    "{:?} is left out: its name is not UTF-8",
                    entry.path()
                ));
                continue;
            };
            let path = [below, &name].concat();
            if kind.is_dir() {
                self.folder(&entry.path(), &(path + "/"), depth + 1)?;
            } else if stem(&name).is_none()
                || memchr::memchr2(b' ', b'\n', name.as_bytes()).is_some()
            {
                // Lists, links to headers and sources, what no index could name.
            } else if kind.is_file() || (kind.is_symlink() && self.is_inside(&entry.path())) {
                self.paths.push(path);
            } else {
                self.notes.push(format!("{path} is left out: it is no file, or a link that leads out of the modules' folder"));
            }
        }
        Ok(())
    }

    fn is_inside(&self, link: &Path) -> bool {
        fs_err::canonicalize(link).is_ok_and(|real| real.starts_with(&self.root) && real.is_file())
    }
}
