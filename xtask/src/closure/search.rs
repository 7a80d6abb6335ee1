//! Looking for one library as a dynamic loader would, without loading anything. What a process has loaded already, and who
//! asks, is `process`'s.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;

use crate::failure::Result;

use super::Settings;
use super::elf::{self, Elf, Read};
use super::loader::{Flavour, Folder, Loader, is_cached};
use super::machine::Machine;
use super::root::{End, Found, Place, Root};
use super::settings::covered;

/// A library that was found.
#[derive(Clone, Debug)]
pub struct Library {
    /// The path it was found at, from the top: `$ORIGIN` is the folder of this, not of the file that links lead to.
    pub opened: String,
    /// Where that leads.
    pub found: Rc<Found>,
    /// What it says.
    pub elf: Rc<Elf>,
}

/// What came of looking for a library.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The library, if it is there.
    pub library: Option<Library>,
    /// Those that take its place on some processors.
    pub variants: Vec<Library>,
    /// It was looked for in the system's folders.
    pub by_cache: bool,
    /// The image gets it from somewhere else.
    pub provided: bool,
    /// The folders that were looked into.
    pub folders: Vec<String>,
    /// Files of that name which will not do, and why.
    pub wrong: Vec<String>,
    /// The loader gives up at the last of these.
    pub stopped: bool,
}

impl Outcome {
    /// Whether looking is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.library.is_some() || self.provided || self.stopped
    }
}

/// What a search is about.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The library's name.
    pub name: &'a str,
    /// The machine that the process is of.
    pub machine: Machine,
    /// Its loader.
    pub loader: &'a Loader,
}

/// The system's folders: for which loader, and whether they are to be searched at all, and for what.
type SystemKey = (String, Machine, bool, String);

/// A loader by the path that a program names it with, or the usual one of a machine.
type LoaderKey = (Option<String>, Machine);

/// Searches in one root, remembering what it saw.
#[derive(Debug)]
pub struct Search<'a> {
    /// Where it looks.
    pub root: &'a Root,
    /// What it is told.
    pub settings: &'a Settings,
    files: RefCell<HashMap<PathBuf, Rc<Read>>>,
    loaders: RefCell<HashMap<LoaderKey, Rc<Loader>>>,
    systems: RefCell<HashMap<SystemKey, Rc<Outcome>>>,
    /// What the image has anyway, with the links of this root resolved in its folders.
    present: HashSet<String>,
    /// Whether that mattered.
    pub(super) relied: Cell<bool>,
}

/// What is at one path.
enum Seen {
    Library(Library),
    Nothing,
    Provided,
    /// A file that the loader passes by.
    Passed(String),
    /// A file that it gives up at.
    Stopped(String),
}

impl<'a> Search<'a> {
    /// Searches in this root.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn new(root: &'a Root, settings: &'a Settings) -> Result<Self> {
        let paths = settings.present.iter();
        let paths = paths.map(|path| root.canonical(path.as_str()));
        Ok(Self {
            root,
            settings,
            files: RefCell::default(),
            loaders: RefCell::default(),
            systems: RefCell::default(),
            relied: Cell::new(false),
            present: paths.collect::<Result<_>>()?,
        })
    }

    /// Whether nothing has to be found for a path: the image has it anyway, by whatever of its names.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn provides(&self, path: &str) -> Result<bool> {
        if self.names(path) {
            return Ok(true);
        }
        if self.present.is_empty() && self.settings.provided.is_empty() {
            return Ok(false);
        }
        let path = self.root.canonical(path)?;
        Ok(self.is_there(self.present.contains(&path)) || self.names(&path))
    }

    /// Whether nothing has to be found for this very path, or for the name of a library.
    pub fn names(&self, name: &str) -> bool {
        let path = name.trim_start_matches('/');
        covered(&self.settings.provided, name)
            || self.is_there(self.settings.present.contains(path))
    }

    fn is_there(&self, present: bool) -> bool {
        self.relied.set(self.relied.get() || present);
        present
    }

    /// What a file is.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn read(&self, place: &Place) -> Result<Rc<Read>> {
        if let Some(read) = self.files.borrow().get(&place.on_disk) {
            return Ok(Rc::clone(read));
        }
        let read = Rc::new(elf::read(&place.on_disk)?);
        let mut files = self.files.borrow_mut();
        files.insert(place.on_disk.clone(), Rc::clone(&read));
        Ok(read)
    }

    /// The loader that a program names, or that a library would be loaded by.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn loader(&self, named: Option<&str>, machine: Machine) -> Result<Rc<Loader>> {
        let key = (named.map(str::to_owned), machine);
        if let Some(loader) = self.loaders.borrow().get(&key) {
            return Ok(Rc::clone(loader));
        }
        let loader = Rc::new(match named {
            Some(path) => Loader::named(self.root, path, machine)?,
            None => Loader::usual(self.root, machine)?,
        });
        let mut loaders = self.loaders.borrow_mut();
        loaders.insert(key, Rc::clone(&loader));
        Ok(loader)
    }

    /// Looks into folders, in order, until it is over.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn folders<'f>(
        &self,
        query: Query<'_>,
        folders: impl IntoIterator<Item = &'f Folder>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        for folder in folders {
            if outcome.is_over() {
                break;
            }
            self.folder(query, folder, outcome)?;
        }
        Ok(())
    }

    /// Looks into the folders that are the same for all processes of a loader: those of `ld.so.conf`, and the default ones.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn system(&self, query: Query<'_>, nodeflib: bool) -> Result<Rc<Outcome>> {
        let path = query.loader.path.clone();
        let key = (path, query.machine, nodeflib, query.name.to_owned());
        if let Some(outcome) = self.systems.borrow().get(&key) {
            return Ok(Rc::clone(outcome));
        }
        let loader = query.loader;
        let mut outcome = Outcome::default();
        let cached = is_cached(query.name);
        let configured = loader.configured.iter().filter(|_| cached);
        for folder in configured.chain(&loader.defaults) {
            let kept_out = nodeflib && loader.is_default(folder);
            if !kept_out && !outcome.folders.contains(folder) {
                self.folders(query, &[Folder::plain(folder)], &mut outcome)?;
            }
        }
        let outcome = Rc::new(outcome);
        let mut systems = self.systems.borrow_mut();
        systems.insert(key, Rc::clone(&outcome));
        Ok(outcome)
    }

    /// Looks at a path.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn path(&self, query: Query<'_>, path: &str, outcome: &mut Outcome) -> Result<()> {
        match self.look(path, query.machine)? {
            Seen::Library(library) => outcome.library = Some(library),
            Seen::Provided => outcome.provided = true,
            Seen::Nothing => {}
            Seen::Passed(why) => outcome.wrong.push(why),
            Seen::Stopped(why) => {
                outcome.wrong.push(why);
                outcome.stopped = true;
            }
        }
        Ok(())
    }

    fn folder(&self, query: Query<'_>, folder: &Folder, outcome: &mut Outcome) -> Result<()> {
        for part in self.variants(query, folder) {
            if let Seen::Library(library) = self.look(&part, query.machine)? {
                outcome.variants.push(library);
            }
        }
        outcome.folders.push(folder.path.clone());
        self.path(query, &format!("{}/{}", folder.path, query.name), outcome)
    }

    /// The paths that may take a library's place in a folder.
    fn variants(&self, query: Query<'_>, folder: &Folder) -> Vec<String> {
        let of_platforms = folder
            .others
            .iter()
            .map(|other| format!("{other}/{}", query.name));
        let hwcaps = match query.loader.flavour {
            Flavour::Glibc => self.settings.hwcaps.as_slice(),
            Flavour::Musl => &[],
        };
        let of_hwcaps = hwcaps
            .iter()
            .map(|hwcap| format!("{}/glibc-hwcaps/{hwcap}/{}", folder.path, query.name));
        of_platforms.chain(of_hwcaps).collect()
    }

    fn look(&self, path: &str, machine: Machine) -> Result<Seen> {
        if self.provides(path)? {
            return Ok(Seen::Provided);
        }
        let found = self.root.find(path)?;
        let Some(file) = found.file() else {
            return Ok(
                match (&found.end, found.links.iter().any(|link| link.last)) {
                    (End::Nothing(at), true) => {
                        Seen::Passed(format!("{path} is a link to /{at}, which is not there"))
                    }
                    (End::Loop, _) => Seen::Passed(format!("{path} is a link to itself")),
                    _ => Seen::Nothing,
                },
            );
        };
        Ok(match &*self.read(file)? {
            Read::Elf(elf) if elf.machine == machine => Seen::Library(Library {
                opened: path.to_owned(),
                elf: Rc::clone(elf),
                found,
            }),
            Read::Elf(elf) => Seen::Passed(format!("{path} is for {}", elf.machine.name())),
            Read::Other(_) => Seen::Stopped(format!("{path} is no shared library")),
            Read::Damaged(why) => Seen::Stopped(format!("{path} is damaged: {why}")),
        })
    }
}
