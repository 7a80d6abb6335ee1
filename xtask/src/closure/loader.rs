//! Dynamic loaders: where glibc's and musl's look for libraries, and how they read RPATH and RUNPATH. Looking there is
//! left to `search`.
//!
//! Sources: ld.so(8), glibc's `elf/dl-load.c` and `sysdeps/generic/dl-dst.h`; musl's `ldso/dynlink.c`.

use std::fmt::Write;

use crate::failure::Result;

use super::ldconf;
use super::machine::{Known, Machine};
use super::root::{Place, Root, below};

/// A dynamic loader of a root, as far as it decides where libraries are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loader {
    /// Its path, as programs name it.
    pub path: String,
    /// Which of the two.
    pub flavour: Flavour,
    /// The folders of `ld.so.conf`, which stand for `ld.so.cache`; musl has none.
    pub configured: Vec<String>,
    /// The folders that are searched at last.
    pub defaults: Vec<String>,
    /// What `$LIB` stands for.
    lib: String,
    /// What `$PLATFORM` may stand for.
    platforms: &'static [&'static str],
}

/// Dynamic loaders by their rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// glibc's `ld.so`, and whatever is like it.
    Glibc,
    /// musl's, which is its `libc.so` as well.
    Musl,
}

/// A folder to look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its path.
    pub path: String,
    /// Those that take its place on some processors (`$PLATFORM`).
    pub others: Vec<String>,
}

impl Folder {
    /// A folder without others.
    #[must_use]
    pub fn plain(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            others: Vec::new(),
        }
    }
}

impl Loader {
    /// The loader that a program names; its path alone tells which it is.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn named(root: &Root, path: &str, machine: Machine) -> Result<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let musl = name.strip_prefix("ld-musl-");
        match musl.and_then(|rest| rest.strip_suffix(".so.1")) {
            Some(arch) => Self::musl(root, path, arch),
            None => Self::glibc(root, path, machine),
        }
    }

    /// The loader that a library of this machine would be loaded by: glibc's where the root has it, otherwise musl's where it has that.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn usual(root: &Root, machine: Machine) -> Result<Self> {
        let Some(known) = machine.known() else {
            return Self::glibc(root, "/lib/ld.so.1", machine);
        };
        let musl = format!("/lib/ld-musl-{}.so.1", known.musl);
        let has =
            |path: &str| Ok::<bool, crate::failure::Failure>(root.find(path)?.file().is_some());
        let path = match has(known.glibc)? || !has(&musl)? {
            true => known.glibc,
            false => &musl,
        };
        Self::named(root, path, machine)
    }

    fn musl(root: &Root, path: &str, arch: &str) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            flavour: Flavour::Musl,
            configured: Vec::new(),
            defaults: musl_folders(root, arch)?,
            lib: String::new(),
            platforms: &[],
        })
    }

    fn glibc(root: &Root, path: &str, machine: Machine) -> Result<Self> {
        let known = machine.known();
        let found = root.find(path)?;
        let lib = match found.file() {
            Some(file) => library_folder(file),
            // It comes from somewhere else; Debian's layout is as good as any.
            None => known.map_or_else(|| "lib".to_owned(), |known| below("lib", known.multiarch)),
        };
        Ok(Self {
            path: path.to_owned(),
            flavour: Flavour::Glibc,
            configured: ldconf::folders(root)?,
            defaults: default_folders(&lib, known),
            lib,
            platforms: known.map_or(&[], |known| known.platforms),
        })
    }

    /// The folders of an RPATH or RUNPATH. Those that depend on the folder a process runs in are left out.
    #[must_use]
    pub fn folders(&self, list: &str, origin: &str) -> Vec<Folder> {
        match self.flavour {
            // A `$` that it does not know makes musl ignore the whole list.
            Flavour::Musl if unknown_to_musl(list) => Vec::new(),
            Flavour::Musl => {
                let folders = list.split([':', '\n']);
                let expanded = folders.map(|folder| replace(folder, &[("ORIGIN", origin)]));
                expanded.filter_map(|path| absolute(&path)).collect()
            }
            Flavour::Glibc => {
                let folders = list.split(':').map(|folder| self.expand(folder, origin));
                folders.filter_map(|paths| one_or_other(&paths)).collect()
            }
        }
    }

    /// What a name or folder stands for: once for each `$PLATFORM` where that is in it.
    #[must_use]
    pub fn expand(&self, text: &str, origin: &str) -> Vec<String> {
        let one = |platform: &str| {
            let tokens = [
                ("ORIGIN", origin),
                ("LIB", &self.lib),
                ("PLATFORM", platform),
            ];
            replace(text, &tokens)
        };
        let mut texts: Vec<String> = self
            .platforms
            .iter()
            .map(|platform| one(platform))
            .collect();
        texts.dedup();
        if texts.is_empty() {
            texts.push(one(""));
        }
        texts
    }

    /// Whether a folder is one of those that `DF_1_NODEFLIB` keeps out.
    #[must_use]
    pub fn is_default(&self, folder: &str) -> bool {
        self.defaults.iter().any(|default| default == folder)
    }

    /// Whether a library in one of the system's folders is found by `ld.so.cache` alone.
    #[must_use]
    pub fn needs_cache(&self, path: &str) -> bool {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.flavour == Flavour::Glibc && !self.is_default(folder)
    }

    /// Whether a library's name means the loader itself: musl's is all the libraries of C (`load_library` in its `dynlink.c`).
    #[must_use]
    pub fn is_itself(&self, name: &str) -> bool {
        const PARTS: &[&str] = &["c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."];
        let part = name.strip_prefix("lib");
        let reserved = part.is_some_and(|part| PARTS.iter().any(|one| part.starts_with(one)));
        self.flavour == Flavour::Musl && reserved || name == self.path
    }
}

/// Whether `ldconfig` would put a library into its cache: it looks at names alone (`search_dir` in glibc's `ldconfig.c`).
#[must_use]
pub fn is_cached(name: &str) -> bool {
    (name.starts_with("lib") || name.starts_with("ld-")) && name.contains(".so")
}

/// The folder of libraries that a glibc is built for: where its loader lies, without `/usr`. Debian's is
/// `lib/x86_64-linux-gnu`, others have `lib64` or `lib`.
fn library_folder(loader: &Place) -> String {
    let folder = loader
        .path
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    folder.strip_prefix("usr/").unwrap_or(folder).to_owned()
}

/// glibc's own folders (`SYSTEM_DIRS` in its `Makeconfig`), and those that Debian puts behind them.
fn default_folders(lib: &str, known: Option<&Known>) -> Vec<String> {
    let mut folders = vec![format!("/{lib}"), format!("/usr/{lib}")];
    let multiarch = known.is_some_and(|known| lib == below("lib", known.multiarch));
    if multiarch {
        folders.extend(["/lib".to_owned(), "/usr/lib".to_owned()]);
    }
    folders
}

/// musl's only rule: the folders of its path file, or three that are built in.
fn musl_folders(root: &Root, arch: &str) -> Result<Vec<String>> {
    const BUILT_IN: &str = "/lib:/usr/local/lib:/usr/lib";
    const LONGEST: u64 = 64 * 1024;
    let found = root.find(&format!("etc/ld-musl-{arch}.path"))?;
    let text = match found.file().filter(|file| file.size <= LONGEST) {
        Some(file) => String::from_utf8_lossy(&fs_err::read(&file.on_disk)?).into_owned(),
        None => BUILT_IN.to_owned(),
    };
    let folders = text.split([':', '\n']).filter_map(absolute);
    Ok(folders.map(|folder| folder.path).collect())
}

/// Replaces `$NAME` and `${NAME}`; what is none of these stays as it is (`is_dst` in glibc's `dl-load.c`).
fn replace(text: &str, tokens: &[(&str, &str)]) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        replaced.push_str(before);
        let token = tokens.iter().find_map(|(name, value)| {
            let curly = after
                .strip_prefix('{')
                .and_then(|after| after.strip_prefix(name));
            let curly = curly.and_then(|after| after.strip_prefix('}'));
            let rest = curly.or_else(|| after.strip_prefix(name))?;
            Some((value, rest))
        });
        (_, rest) = match token {
            Some((value, rest)) => (replaced.write_str(value), rest),
            None => (replaced.write_char('$'), after),
        };
    }
    replaced.push_str(rest);
    replaced
}

fn unknown_to_musl(list: &str) -> bool {
    replace(list, &[("ORIGIN", "")]).contains('$')
}

/// A folder without slashes at its end; none where it is not from the top.
fn absolute(path: &str) -> Option<Folder> {
    path.starts_with('/')
        .then(|| Folder::plain(path.trim_end_matches('/')))
}

fn one_or_other(paths: &[String]) -> Option<Folder> {
    let (first, others) = paths.split_first()?;
    let others = others.iter().filter_map(|path| Some(absolute(path)?.path));
    Some(Folder {
        others: others.collect(),
        ..absolute(first)?
    })
}
