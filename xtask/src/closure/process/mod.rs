//! One process as its dynamic loader would build it, without running anything: what is loaded, for whom, and what is missing.
//!
//! Breadth first, as `_dl_map_object_deps` does; then what is loaded while the program runs. What becomes of the files is left to `mod.rs`.

mod late;

use std::rc::Rc;

use crate::failure::Result;

use crate::closure::elf::Elf;
use crate::closure::ldcache::Cached;
use crate::closure::loader::{Flavour, Folder, Loader};
use crate::closure::machine::Machine;
use crate::closure::nss::Services;
use crate::closure::root::{Found, Place};
use crate::closure::search::{Library, Outcome, Query, Search};

/// What the kernel itself puts into a process.
const VDSO: &[&str] = &["linux-vdso.so.1", "linux-gate.so.1", "linux-vdso64.so.1"];

/// Something that is loaded.
#[derive(Debug)]
pub struct Object {
    /// Where it is in the root, without links and a leading slash.
    pub path: String,
    /// The ways it was found; the program itself was not.
    pub found: Vec<Rc<Found>>,
    /// What needs it: its index. The program, which is the first, has none.
    pub by: Option<usize>,
    /// As what.
    pub how: String,
    elf: Rc<Elf>,
    /// Whose turn it was when it was loaded: RPATH is inherited along this.
    loader: Option<usize>,
    origin: String,
    names: Vec<String>,
    rpath: Vec<Folder>,
    runpath: Vec<Folder>,
}

/// Something that is not there.
#[derive(Debug)]
pub struct Lack {
    /// What needs it: its path in the root.
    pub by: String,
    /// As what, with its name.
    pub how: String,
    /// Names or paths of which one would do.
    pub names: Vec<String>,
    /// Where it was looked for.
    pub folders: Vec<String>,
    /// What was found of that name.
    pub wrong: Vec<String>,
}

impl Lack {
    /// Something that this path needs.
    #[must_use]
    pub fn new(by: &str, how: String) -> Self {
        Self {
            by: by.to_owned(),
            how,
            names: Vec::new(),
            folders: Vec::new(),
            wrong: Vec::new(),
        }
    }
}

/// Something that is not taken along.
#[derive(Debug)]
pub struct LeftOut {
    /// What would use it: its path in the root.
    pub by: String,
    /// What it is.
    pub what: String,
    /// Why.
    pub why: String,
}

/// All that a process is made of.
pub struct Process<'s, 'a> {
    /// What is loaded, in order; the program first.
    pub objects: Vec<Object>,
    /// What is missing.
    pub lacks: Vec<Lack>,
    /// What is left out.
    pub left_out: Vec<LeftOut>,
    /// What is found because `ld.so.conf` names its folder.
    pub cached: Vec<Cached>,
    search: &'s Search<'a>,
    services: &'s Services,
    excluded: &'s dyn Fn(&str) -> bool,
    machine: Machine,
    loader: Rc<Loader>,
}

/// Something that is asked for.
struct Ask<'q> {
    /// Who needs it.
    by: usize,
    /// On whose behalf it is searched.
    loader: usize,
    name: &'q str,
    how: String,
}

/// What came of asking.
enum Answer {
    /// It is there, comes from somewhere else, or is kept out on purpose.
    Fine,
    Missing(Outcome),
}

impl<'s, 'a> Process<'s, 'a> {
    /// Builds the process of a program, or of a library as if it were one. `excluded` tells of paths whether they stay out.
    ///
    /// # Errors
    /// What reading fails with. What is missing is an answer.
    pub fn build(
        search: &'s Search<'a>,
        services: &'s Services,
        excluded: &'s dyn Fn(&str) -> bool,
        place: &Place,
        elf: &Rc<Elf>,
    ) -> Result<Self> {
        let mut process = Self {
            objects: Vec::new(),
            lacks: Vec::new(),
            left_out: Vec::new(),
            cached: Vec::new(),
            search,
            services,
            excluded,
            machine: elf.machine,
            loader: search.loader(elf.interpreter.as_deref(), elf.machine)?,
        };
        // The kernel tells glibc which file it really is (`/proc/self/exe`), so links do not count.
        process.push(&format!("/{}", place.path), place, elf, None);
        process.interpreter()?;
        process.load()?;
        Ok(process)
    }

    /// Loads until nothing more is needed.
    fn load(&mut self) -> Result<()> {
        let (mut linked, mut opened) = (0, 0);
        loop {
            if linked < self.objects.len() {
                self.linked(linked)?;
                linked += 1;
            } else if opened < self.objects.len() {
                self.opened(opened)?;
                opened += 1;
            } else {
                let before = self.objects.len();
                self.by_libc()?;
                if self.objects.len() == before {
                    return Ok(());
                }
            }
        }
    }

    fn interpreter(&mut self) -> Result<()> {
        let Some(path) = self.objects[0].elf.interpreter.clone() else {
            return Ok(());
        };
        let mut outcome = Outcome::default();
        if path.starts_with('/') {
            let search = self.search;
            search.path(
                self.query(&path, &Rc::clone(&self.loader)),
                &path,
                &mut outcome,
            )?;
        } else {
            outcome.wrong.push(in_working_folder(&path));
        }
        let ask = Ask {
            by: 0,
            loader: 0,
            name: &path,
            how: "interpreter".to_owned(),
        };
        if let Answer::Missing(outcome) = self.settle(&ask, outcome) {
            self.lack(0, format!("interpreter {path}"), &[path], outcome);
        }
        Ok(())
    }

    /// What an object is linked against.
    fn linked(&mut self, by: usize) -> Result<()> {
        let elf = Rc::clone(&self.objects[by].elf);
        for needed in &elf.needed {
            let name = &needed.name;
            let how = format!("library {name}");
            let ask = Ask {
                by,
                loader: by,
                name,
                how,
            };
            match self.ask(&ask)? {
                Answer::Fine => {}
                Answer::Missing(_) if needed.optional => {
                    self.leave_out(
                        by,
                        format!("library {name}"),
                        "it is not there, and the other does without",
                    );
                }
                Answer::Missing(outcome) => {
                    self.lack(by, name.clone(), std::slice::from_ref(name), outcome);
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, ask: &Ask<'_>) -> Result<Answer> {
        let loader = Rc::clone(&self.loader);
        if loader.is_itself(ask.name) {
            let mut outcome = Outcome::default();
            let path = loader.path.clone();
            let search = self.search;
            search.path(self.query(&path, &loader), &path, &mut outcome)?;
            return Ok(self.settle(ask, outcome));
        }
        let names = match loader.flavour {
            Flavour::Glibc => loader.expand(ask.name, &self.objects[ask.loader].origin),
            Flavour::Musl => vec![ask.name.to_owned()],
        };
        let mut missing = Outcome::default();
        for name in names {
            if self.is_loaded(&name) {
                return Ok(Answer::Fine);
            }
            let outcome = self.look(ask.loader, &name)?;
            match self.settle(
                &Ask {
                    name: &name,
                    how: ask.how.clone(),
                    ..*ask
                },
                outcome,
            ) {
                Answer::Fine => return Ok(Answer::Fine),
                Answer::Missing(outcome) => missing = outcome,
            }
        }
        Ok(Answer::Missing(missing))
    }

    /// Whether something with this name is there already: under a name it was asked for by, or by its soname.
    fn is_loaded(&self, name: &str) -> bool {
        let has_it = |object: &Object| {
            let soname =
                self.loader.flavour == Flavour::Glibc && object.elf.soname.as_deref() == Some(name);
            soname || object.names.iter().any(|one| one == name)
        };
        VDSO.contains(&name) || self.objects.iter().any(has_it)
    }

    fn query<'q>(&self, name: &'q str, loader: &'q Loader) -> Query<'q> {
        Query {
            name,
            machine: self.machine,
            loader,
        }
    }

    /// Looks for a library on behalf of an object (`_dl_map_object`; musl's `load_library`).
    fn look(&self, by: usize, name: &str) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let loader = Rc::clone(&self.loader);
        let query = self.query(name, &loader);
        if name.starts_with('/') {
            self.search.path(query, name, &mut outcome)?;
            return Ok(outcome);
        }
        if name.contains('/') {
            outcome.wrong.push(in_working_folder(name));
            return Ok(outcome);
        }
        if self.search.names(name) {
            outcome.provided = true;
            return Ok(outcome);
        }
        // glibc: RPATH of the object and all that it came by, unless it has a RUNPATH of its own. musl inherits both.
        let asking = &self.objects[by];
        if loader.flavour == Flavour::Musl || asking.elf.runpath.is_none() {
            let mut at = Some(by);
            while let Some(index) = at {
                let object = &self.objects[index];
                self.search.folders(query, &object.rpath, &mut outcome)?;
                if loader.flavour == Flavour::Musl {
                    self.search.folders(query, &object.runpath, &mut outcome)?;
                }
                at = object.loader;
            }
        } else {
            self.search.folders(query, &asking.runpath, &mut outcome)?;
        }
        if !outcome.is_over() {
            let system = self.search.system(query, asking.elf.nodeflib)?;
            outcome.by_cache = true;
            outcome.variants.extend(system.variants.iter().cloned());
            outcome.folders.extend(system.folders.iter().cloned());
            outcome.wrong.extend(system.wrong.iter().cloned());
            outcome.provided = system.provided;
            outcome.library = system.library.clone();
        }
        Ok(outcome)
    }

    /// Puts what was found into the process.
    fn settle(&mut self, ask: &Ask<'_>, outcome: Outcome) -> Answer {
        if outcome.provided {
            return Answer::Fine;
        }
        let Some(library) = &outcome.library else {
            return Answer::Missing(outcome);
        };
        if outcome.by_cache && self.loader.needs_cache(&library.opened) {
            let cached = Cached::new(ask.name, &library.opened, self.machine);
            self.cached.push(cached);
        }
        for found in outcome.variants.iter().chain([library]) {
            self.add(ask, found);
        }
        Answer::Fine
    }

    fn add(&mut self, ask: &Ask<'_>, library: &Library) {
        let Some(place) = library.found.file() else {
            return;
        };
        if is_excluded(self.excluded, &library.opened, &library.found) {
            self.leave_out(ask.by, format!("/{}", place.path), "`exclude` says so");
            return;
        }
        let index = match self
            .objects
            .iter()
            .position(|object| object.path == place.path)
        {
            // Another name for what is there already; links may differ all the same.
            Some(index) => {
                self.objects[index].names.push(library.opened.clone());
                index
            }
            None => {
                let index = self.push(&library.opened, place, &library.elf, Some(ask.loader));
                let object = &mut self.objects[index];
                object.by = Some(ask.by);
                object.how = ask.how.clone();
                index
            }
        };
        let object = &mut self.objects[index];
        object.names.push(ask.name.to_owned());
        object.found.push(Rc::clone(&library.found));
    }

    fn push(&mut self, opened: &str, place: &Place, elf: &Rc<Elf>, loader: Option<usize>) -> usize {
        let origin = opened.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folders = |list: &Option<String>| {
            let list = list.as_deref();
            list.map_or_else(Vec::new, |list| self.loader.folders(list, origin))
        };
        self.objects.push(Object {
            path: place.path.clone(),
            found: Vec::new(),
            by: None,
            how: String::new(),
            rpath: folders(&elf.rpath),
            runpath: folders(&elf.runpath),
            elf: Rc::clone(elf),
            loader,
            origin: origin.to_owned(),
            names: vec![opened.to_owned()],
        });
        self.objects.len() - 1
    }

    fn lack(&mut self, by: usize, how: String, names: &[String], outcome: Outcome) {
        let by = self.objects[by].path.clone();
        if self
            .lacks
            .iter()
            .any(|lack| lack.by == by && lack.how == how)
        {
            return;
        }
        self.lacks.push(Lack {
            by,
            how,
            names: names.to_vec(),
            folders: outcome.folders,
            wrong: outcome.wrong,
        });
    }

    fn leave_out(&mut self, by: usize, what: String, why: &str) {
        let by = self.objects[by].path.clone();
        let told = |one: &LeftOut| one.by == by && one.what == what;
        if !self.left_out.iter().any(told) {
            let why = why.to_owned();
            self.left_out.push(LeftOut { by, what, why });
        }
    }
}

/// Whether something stays out: as it was asked for, by a link on the way, or where it ends.
pub fn is_excluded(excluded: &dyn Fn(&str) -> bool, asked: &str, found: &Found) -> bool {
    let mut links = found.links.iter().filter(|link| link.last);
    excluded(asked)
        || links.any(|link| excluded(&link.place.path))
        || found.place().is_some_and(|end| excluded(&end.path))
}

fn in_working_folder(path: &str) -> String {
    format!("{path} is looked for in whatever folder the program is started in")
}
