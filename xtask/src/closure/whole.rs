//! The whole closure: from names to files, from files to what they need, until nothing new is needed.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::rc::Rc;

use crate::failure::{Asked, Failure, Kind, Result};
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, Node, Origin};
use crate::text::{counted, quoted};
use crate::tool;

use super::elf::{Elf, Read};
use super::gather::{Gather, needed};
use super::ldcache::Cached;
use super::loader::is_cached;
use super::machine::Machine;
use super::names;
use super::note::Note;
use super::nss::Services;
use super::process::{Lack, Process, is_excluded};
use super::root::{Place, Root};
use super::script::{self, Shebang};
use super::search::Search;
use super::settings::{Watched, covered};
use super::take::Order;
use super::{Settings, Wanted, missing};

/// The table of a recipe that is about all of them.
pub const CLOSURE: &str = "closure";
/// What decides which modules glibc's name services take.
const NSSWITCH: &str = "etc/nsswitch.conf";
/// The longest such file that is read.
const LONGEST: usize = 1024 * 1024;

/// All that some tables of a recipe ask for, and all that it needs.
#[derive(Clone, Debug, Default)]
pub struct Closure {
    /// Paths, sorted, each with its reason and where it was taken from. Directories above them are left to whoever needs them.
    pub tree: Vec<(ImagePath, Entry)>,
    /// What there is to say of it.
    pub notes: Vec<Note>,
    /// Libraries that glibc finds only when the image has an `etc/ld.so.cache` which names them: [`super::ldcache::bytes`] makes it, of
    /// all closures of an image together.
    pub cached: BTreeSet<Cached>,
    /// Whether it could be another one if the image had nothing else: if [`Settings::present`] were empty.
    pub relies: bool,
}

/// Finds all that these tables ask for in a root, and all that it needs to work.
///
/// # Errors
/// [`Kind::Recipe`] with all names that mean nothing, or with all that is missing and the chains that led there; what reading fails
/// with; an interrupt.
pub fn closure(root: &Root, wanted: &[Wanted<'_>], settings: &Settings) -> Result<Closure> {
    let search = Search::new(root, settings)?;
    let mut whole = Whole::new(&search, wanted)?;
    whole.names(wanted)?;
    whole.services = whole.services()?;
    while let Some(job) = whole.jobs.pop_front() {
        tool::check_interrupt()?;
        whole.job(&job)?;
    }
    whole.idle(wanted);
    whole.end()
}

/// A file whose needs are to be looked after.
#[derive(Clone, Debug)]
pub(super) struct Job {
    place: Place,
    /// Where it is in the image.
    path: ImagePath,
    /// Which table's patterns keep things out.
    table: usize,
    /// Whether a recipe names this very file.
    exactly: bool,
    /// How many scripts run each other by it.
    depth: usize,
}

impl Job {
    pub(super) fn new(place: &Place, path: ImagePath, table: usize, exactly: bool) -> Self {
        Self {
            place: place.clone(),
            path,
            table,
            exactly,
            depth: 0,
        }
    }
}

/// A closure while it is being made.
pub(super) struct Whole<'s, 'a> {
    pub(super) search: &'s Search<'a>,
    pub(super) gather: Gather<'a>,
    excludes: Vec<Vec<Watched>>,
    jobs: VecDeque<Job>,
    /// Files and tables that had a job.
    done: HashSet<(String, usize)>,
    services: Services,
    lacks: Vec<(ImagePath, Lack)>,
    cached: BTreeSet<Cached>,
}

impl<'s, 'a> Whole<'s, 'a> {
    fn new(search: &'s Search<'a>, wanted: &[Wanted<'_>]) -> Result<Self> {
        let patterns = |wanted: &Wanted<'_>| {
            let patterns = wanted.exclude.iter();
            patterns.map(|text| Watched::new(text)).collect()
        };
        Ok(Self {
            search,
            gather: Gather::new(search.root),
            excludes: wanted.iter().map(patterns).collect::<Result<_>>()?,
            jobs: VecDeque::new(),
            done: HashSet::new(),
            services: Services::default(),
            lacks: Vec::new(),
            cached: BTreeSet::new(),
        })
    }

    pub(super) fn excluded(&self, table: usize, path: &str) -> bool {
        covered(&self.excludes[table], path)
    }

    pub(super) fn push(&mut self, job: Job) {
        if self.done.insert((job.place.path.clone(), job.table)) {
            self.jobs.push_back(job);
        }
    }

    /// Takes all that the tables name.
    fn names(&mut self, wanted: &[Wanted<'_>]) -> Result<()> {
        let mut mistakes: Vec<Asked> = Vec::new();
        for (index, wanted) in wanted.iter().enumerate() {
            let table = &wanted.table;
            let mut meant = Vec::new();
            for name in wanted.files {
                match names::meaning(self.search, name)? {
                    Ok(paths) => meant.extend(paths.into_iter().map(|one| (name, one))),
                    Err(mistake) => mistakes.push(Asked {
                        table: table.clone(),
                        name: name.clone(),
                        wrong: mistake.what,
                        help: Some(mistake.help),
                    }),
                }
            }
            if let Some(to) = wanted.to
                && !to.ends_with('/')
                && meant.len() > 1
            {
                let number = meant.len();
                mistakes.push(Asked {
                    table: table.clone(),
                    name: to.to_owned(),
                    wrong: format!("{number} files cannot all be at {}", quoted(to)),
                    help: Some("a folder ends in `/`".to_owned()),
                });
            }
            if !mistakes.is_empty() {
                continue;
            }
            for (name, one) in meant {
                let (table, name) = (table.clone(), name.clone());
                let order = Order {
                    table: index,
                    origin: Origin::Copied { table, name },
                    to: wanted.to,
                };
                self.named(&order, &one)?;
            }
        }
        if mistakes.is_empty() {
            return Ok(());
        }
        let what = format!("{} in [copy]", counted(mistakes.len(), "mistake"));
        let failure = Failure::new(Kind::Recipe, what);
        Err(mistakes.into_iter().fold(failure, Failure::asked))
    }

    /// What the image's `nsswitch.conf` says, if it has one.
    fn services(&self) -> Result<Services> {
        if let Some(text) = &self.search.settings.nsswitch {
            return Ok(Services::parse(text));
        }
        let entry = self.gather.tree.get(NSSWITCH);
        let Some(Node::File(content)) = entry.map(|entry| &entry.node) else {
            return Ok(Services::default());
        };
        let text = content.head(LONGEST)?;
        Ok(Services::parse(&String::from_utf8_lossy(&text)))
    }

    /// Takes what one file needs.
    fn job(&mut self, job: &Job) -> Result<()> {
        let path = || job.path.clone();
        match &*self.search.read(&job.place)? {
            Read::Elf(elf) => self.elf(job, elf),
            Read::Damaged(why) => {
                let why = why.clone();
                if job.exactly && job.place.mode & 0o111 != 0 {
                    let mut lack = Lack::new(&job.place.path, "to be whole".to_owned());
                    lack.wrong.push(why);
                    self.lacks.push((path(), lack));
                } else {
                    self.gather
                        .notes
                        .insert(Note::Damaged { path: path(), why });
                }
                Ok(())
            }
            // The kernel asks for no more than one of these bits.
            Read::Other(head) if job.place.mode & 0o111 != 0 => match script::shebang(head) {
                Some(shebang) => self.script(job, &shebang),
                None => Ok(()),
            },
            Read::Other(_) => Ok(()),
        }
    }

    fn elf(&mut self, job: &Job, elf: &Rc<Elf>) -> Result<()> {
        let arch = self.search.settings.arch;
        let path = || job.path.clone();
        if elf.machine != Machine::of(arch) {
            let machine = elf.machine.name();
            let runs = elf.machine.runs_on(arch);
            if job.exactly && !runs {
                self.lacks
                    .push((path(), foreign(&job.place.path, &machine, arch.debian())));
            }
            self.gather.notes.insert(Note::Foreign {
                path: path(),
                machine,
            });
            if !runs {
                return Ok(());
            }
        }
        for why in elf.odd.clone() {
            self.gather
                .notes
                .insert(Note::Damaged { path: path(), why });
        }
        self.beside(job, elf);
        self.in_cache(job, elf)?;
        let excluded = |path: &str| self.excluded(job.table, path);
        let process = Process::build(self.search, &self.services, &excluded, &job.place, elf)?;
        let (objects, lacks, left_out) = (process.objects, process.lacks, process.left_out);
        self.cached.extend(process.cached);
        // What the program itself needs, it needs where it is now.
        let place = |path: &str| match path == job.place.path {
            true => Ok(job.path.clone()),
            false => path.parse::<ImagePath>(),
        };
        for object in &objects {
            let Some(by) = object.by else {
                continue;
            };
            let origin = needed(&place(&objects[by].path)?, &object.how);
            for found in &object.found {
                self.gather.follow(found, &origin)?;
            }
        }
        for lack in lacks {
            self.lacks.push((place(&lack.by)?, lack));
        }
        for one in left_out {
            let (by, what, why) = (place(&one.by)?, one.what, one.why);
            self.gather.notes.insert(Note::LeftOut { by, what, why });
        }
        Ok(())
    }

    /// Notes that a program was put somewhere else that looks for libraries beside itself.
    fn beside(&mut self, job: &Job, elf: &Elf) {
        let lists = [&elf.rpath, &elf.runpath].into_iter().flatten();
        let of_origin = |list: &&String| list.contains("$ORIGIN") || list.contains("${ORIGIN}");
        if let Some(folders) = lists.into_iter().find(of_origin)
            && job.path.as_str() != job.place.path
        {
            let (path, folders) = (job.path.clone(), folders.clone());
            self.gather.notes.insert(Note::Moved { path, folders });
        }
    }

    /// Notes that a library lies where glibc finds it by `ld.so.cache` alone: nobody may need it but what loads it by its name.
    fn in_cache(&mut self, job: &Job, elf: &Elf) -> Result<()> {
        let path = format!("/{}", job.path.as_str());
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        let loader = self.search.loader(None, elf.machine)?;
        let configured = loader.configured.iter().any(|one| one == folder);
        if !elf.program && configured && loader.needs_cache(&path) && is_cached(name) {
            let name = elf.soname.as_deref().unwrap_or(name);
            self.cached.insert(Cached::new(name, &path, elf.machine));
        }
        Ok(())
    }

    fn script(&mut self, job: &Job, shebang: &Shebang) -> Result<()> {
        let interpreter = &shebang.interpreter;
        let lack = |how: String| Lack::new(&job.place.path, how);
        if job.depth >= script::DEEPEST {
            let how = format!(
                "{interpreter}, the sixth interpreter one behind the other, and the kernel runs five"
            );
            self.lacks.push((job.path.clone(), lack(how)));
            return Ok(());
        }
        if !interpreter.starts_with('/') {
            let mut lack = lack(format!("the interpreter {}", quoted(interpreter)));
            lack.wrong
                .push("it is looked for in whatever folder the script is started in".to_owned());
            self.lacks.push((job.path.clone(), lack));
        } else if !self.run_by(job, interpreter, "interpreter")? {
            let mut lack = lack(format!("the interpreter {}", quoted(interpreter)));
            lack.names.push(interpreter.clone());
            self.lacks.push((job.path.clone(), lack));
        }
        let Some(program) = &shebang.program else {
            return Ok(());
        };
        let how = format!("program {program}, by env");
        let mut there = program.starts_with('/') && self.run_by(job, program, &how)?;
        for folder in names::PROGRAMS {
            there = there || self.run_by(job, &format!("/{folder}/{program}"), &how)?;
        }
        if !there {
            let mut lack = lack(format!("the program {}, by env", quoted(program)));
            lack.names.push(program.clone());
            lack.folders = names::PROGRAMS
                .iter()
                .map(|folder| format!("/{folder}"))
                .collect();
            if program.contains(' ') {
                lack.wrong
                    .push("with `-S` env would take it for a program and its arguments".to_owned());
            }
            self.lacks.push((job.path.clone(), lack));
        }
        Ok(())
    }

    /// Takes a program that runs a script. False when it is not there.
    fn run_by(&mut self, job: &Job, path: &str, how: &str) -> Result<bool> {
        if self.search.provides(path)? {
            return Ok(true);
        }
        let found = self.search.root.find(path)?;
        let Some(file) = found.file().filter(|file| file.mode & 0o111 != 0) else {
            return Ok(false);
        };
        if is_excluded(&|path| self.excluded(job.table, path), path, &found) {
            let (by, what) = (job.path.clone(), path.to_owned());
            let why = "`exclude` says so".to_owned();
            self.gather.notes.insert(Note::LeftOut { by, what, why });
            return Ok(true);
        }
        self.gather.follow(&found, &needed(&job.path, how))?;
        let depth = job.depth + 1;
        let path = file.path.parse()?;
        self.push(Job {
            depth,
            ..Job::new(file, path, job.table, true)
        });
        Ok(true)
    }

    /// Notes what of the recipe had no effect: patterns that fitted nothing, variants that no library has.
    fn idle(&mut self, wanted: &[Wanted<'_>]) {
        let mut note = |table: &str, key, text| {
            let table = table.to_owned();
            self.gather.notes.insert(Note::Idle { table, key, text });
        };
        for (wanted, patterns) in wanted.iter().zip(&self.excludes) {
            let idle = patterns.iter().filter_map(Watched::idle);
            idle.for_each(|text| note(&wanted.table, "exclude", text));
        }
        let settings = self.search.settings;
        let idle = settings.provided.iter().filter_map(Watched::idle);
        idle.for_each(|text| note(CLOSURE, "provided", text));
        for hwcap in &settings.hwcaps {
            let folder = format!("glibc-hwcaps/{hwcap}/");
            let mut paths = self.gather.tree.keys();
            if !paths.any(|path| path.as_str().contains(&folder)) {
                note(CLOSURE, "hwcaps", hwcap.clone());
            }
        }
    }

    fn end(mut self) -> Result<Closure> {
        if !self.lacks.is_empty() {
            return Err(missing::failure(
                self.search,
                &self.gather.tree,
                &self.lacks,
            ));
        }
        self.gather.dangling()?;
        Ok(Closure {
            tree: self.gather.tree.into_iter().collect(),
            notes: self.gather.notes.into_iter().collect(),
            cached: self.cached,
            relies: self.search.relied.get(),
        })
    }
}

fn foreign(path: &str, machine: &str, arch: &str) -> Lack {
    let mut lack = Lack::new(path, format!("a machine of {machine}"));
    lack.wrong.push(format!("the image is for {arch}"));
    lack
}
