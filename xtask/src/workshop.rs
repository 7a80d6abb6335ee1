//! Where the rooms meet: from a recipe's name to its plan, its bundle, and its sources. Verbs are thin because this is
//! here; what each part does is left to the room it is in.

mod image;
mod keys;
mod packages;
mod ship;
mod supply;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::arch::Arch;
use crate::checkout::{self, Checkout};
use crate::debian::changelog::{self, Entry};
use crate::digest::Digest;
use crate::engine::{self, Engine};
use crate::event::{Event, Listen};
use crate::failure::{Failure, Kind, Result};
use crate::out::{Put, Shelf};
use crate::plan::Plan;
use crate::plan::assemble::{self, BUNDLE, Material};
use crate::plan::packages::PACKAGES;
use crate::plan::{copies, sysroot, tools};
use crate::recipe::schema::Recipe;
use crate::recipe::{self, Loaded, Site, line};
use crate::source::apt::Debian;
use crate::source::fetch::Unreachable;
use crate::source::lock::Lock;
use crate::source::refresh::{self, Look, Moved, Suites, Wanted};
use crate::source::spec::Policy;
use crate::steps;
use crate::store::{Artifact, Store};
use crate::tool;

pub use image::Image;
pub use packages::Debs;
pub use ship::Opened;
use supply::{Downloads, Recorded};

/// A checkout, its site, and its user's cache.
pub struct Workshop {
    /// The checkout.
    pub checkout: Checkout,
    /// What belongs to the site.
    pub site: Site,
    /// The user's cache folder.
    pub cache: PathBuf,
    /// The store in it.
    pub store: Store,
    tools: tools::Memory,
    unreachable: Unreachable,
    /// How many jobs may run at once, where that was said.
    pub jobs: Option<usize>,
}

/// A recipe with its plan.
pub struct Planned {
    /// The recipe's name.
    pub name: String,
    /// The version that is built: the changelog's, as it stands in file names.
    pub version: String,
    /// Whether the changelog's newest entry is still being worked on.
    pub unreleased: bool,
    /// The recipe.
    pub loaded: Loaded,
    /// Its plan.
    pub plan: Plan,
    /// What a person should know about it.
    pub notes: Vec<String>,
}

impl Planned {
    /// Where the bundle is, or will be.
    #[must_use]
    pub fn bundle_folder(&self, workshop: &Workshop) -> PathBuf {
        workshop.shelf(&self.name).bundle(&self.version)
    }
}

/// A bundle that is there.
pub struct Built {
    /// The recipe's name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The recipe.
    pub loaded: Loaded,
    /// The bundle's folder under `out/`.
    pub folder: PathBuf,
    /// The bundle's key.
    pub key: Digest,
    /// Steps that ran.
    pub ran: Vec<String>,
    /// What became of the folder.
    pub put: Put,
}

impl Workshop {
    /// Opens the checkout at `root`, or the one around the current folder.
    ///
    /// # Errors
    /// When there is none, or its `site.toml` has mistakes.
    pub fn open(root: Option<&Path>, jobs: Option<usize>) -> Result<Self> {
        let checkout = Checkout::find(root)?;
        let site = Site::load(&checkout)?;
        let cache = checkout::cache(site.cache.as_deref())?;
        if cache.exists() && !cache.is_dir() {
            let what = format!("the cache folder {} is no folder", cache.display());
            return Err(Failure::new(Kind::Host, what).hint(ANOTHER_CACHE));
        }
        Ok(Self {
            store: Store::at(&cache),
            tools: tools::Memory::of(&cache),
            unreachable: Unreachable::default(),
            checkout,
            site,
            cache,
            jobs,
        })
    }

    /// A recipe, checked, with the site's settings in it.
    ///
    /// # Errors
    /// Every mistake in it at once.
    pub fn recipe(&self, name: &str) -> Result<Loaded> {
        let mut loaded = recipe::load(&self.checkout, name)?;
        self.site
            .apply(&self.checkout, &loaded.name, &mut loaded.recipe)?;
        Ok(loaded)
    }

    /// The bundles of a recipe.
    #[must_use]
    pub fn shelf(&self, recipe: &str) -> Shelf {
        Shelf::of(&self.checkout.out(), recipe)
    }

    /// A recipe's plan, from what the lock records. Writes nothing and uses no network.
    ///
    /// # Errors
    /// When a source is not recorded yet.
    pub fn plan(&self, name: &str) -> Result<Planned> {
        self.plan_of(name, false)
    }

    /// The same, with the step that makes packages where they are wanted.
    fn plan_of(&self, name: &str, packages: bool) -> Result<Planned> {
        let loaded = self.recipe(name)?;
        let lock = self.lock()?;
        let sources = Recorded::of(&loaded, &lock)?;
        let stale = self.stale(&loaded)?;
        let planned = self.assemble(loaded, &sources, packages)?;
        Ok(Planned {
            notes: planned.notes.into_iter().chain(stale).collect(),
            ..planned
        })
    }

    /// Brings the lock up to date, builds a recipe's bundle, and puts it into `out/`.
    ///
    /// # Errors
    /// Whatever fails; finished steps are kept.
    pub fn build(&self, name: &str, listen: &dyn Listen) -> Result<Built> {
        // Until the bundle is copied: before its root is written, `gc` would take it for nobody's.
        let waiting = |who: &str| listen.hear(Event::waiting(who, "the store"));
        let _share = self
            .store
            .share(waiting)
            .map_err(|failure| match failure.kind {
                Kind::Host => failure
                    .while_doing(format!(
                        "the cache folder {} cannot be used",
                        self.cache.display()
                    ))
                    .hint(ANOTHER_CACHE),
                _ => failure,
            })?;
        let (mut planned, mut built) = self.make(name, BUNDLE, listen)?;
        let put = match self.publish(&planned, &built.artifact) {
            Err(failure) if failure.kind == Kind::Store => {
                // What was cut short by the user is not damaged.
                tool::check_interrupt()?;
                listen.hear(Event::Warning(format!("{failure}; it is made again")));
                self.store.forget(built.artifact.key())?;
                (planned, built) = self.make(name, BUNDLE, listen)?;
                self.publish(&planned, &built.artifact)?
            }
            put => put?,
        };
        Ok(Built {
            folder: planned.bundle_folder(self),
            name: planned.name,
            version: planned.version,
            loaded: planned.loaded,
            key: *built.artifact.key(),
            ran: built.ran,
            put,
        })
    }

    /// Records what a recipe was built from, and puts its bundle into `out/`.
    fn publish(&self, planned: &Planned, artifact: &Artifact) -> Result<Put> {
        let root = planned.plan.root(self.checkout.root(), &planned.name);
        self.store.set_root(&root)?;
        let (tree, digest) = (artifact.path("bundle")?, &artifact.output("bundle")?.digest);
        self.shelf(&planned.name)
            .put(&tree, digest, &planned.version)
    }

    /// Makes one step of a recipe's plan, and all it needs.
    ///
    /// # Errors
    /// As [`Workshop::build`].
    pub fn make(
        &self,
        name: &str,
        step: &str,
        listen: &dyn Listen,
    ) -> Result<(Planned, engine::Built)> {
        let (planned, mut built) = self.make_all(name, &|_| vec![step.to_owned()], listen)?;
        let built = built.pop();
        let built = built.ok_or_else(|| Failure::bug(format!("the step {step} made nothing")))?;
        Ok((planned, built))
    }

    /// Makes steps of one and the same plan of a recipe.
    fn make_all(
        &self,
        name: &str,
        steps: &dyn Fn(&Recipe) -> Vec<String>,
        listen: &dyn Listen,
    ) -> Result<(Planned, Vec<engine::Built>)> {
        let mut loaded = self.recipe(name)?;
        let mut look = Look::After(self.follow_after());
        loop {
            let (lock, moved) = self.refresh(&loaded, look, listen)?;
            for moved in &moved {
                let [from, to] = [&moved.from, &moved.to]
                    .map(|version| version.as_deref().unwrap_or("(nothing)"));
                listen.hear(Event::Note(format!("{}: {from} -> {to}", moved.what)));
            }
            let sources = Recorded::of(&loaded, &lock)?;
            let steps = steps(&loaded.recipe);
            let packages = steps.iter().any(|step| step == PACKAGES);
            let planned = self.assemble(loaded, &sources, packages)?;
            for note in &planned.notes {
                listen.hear(Event::Warning(note.clone()));
            }
            self.check_keys(&planned.plan, &steps)?;
            let (gone, built) = self.run(&planned, &sources, &steps, listen);
            // The mirror replaced what the lock records. What follows its suite may move on, once; what is pinned
            // failed for good.
            if gone && look != AT_ONCE {
                listen.hear(Event::Note(
                    "the mirror no longer has what is recorded; looking at the suite again"
                        .to_owned(),
                ));
                (loaded, look) = (planned.loaded, AT_ONCE);
                continue;
            }
            let built = built.map_err(|failure| line::placed(&planned.loaded.root, failure))?;
            self.tools.keep()?;
            return Ok((planned, built));
        }
    }

    /// Runs steps of a plan. Says, too, whether a file of a source that follows its suite was gone.
    fn run(
        &self,
        planned: &Planned,
        sources: &Recorded,
        steps: &[String],
        listen: &dyn Listen,
    ) -> (bool, Result<Vec<engine::Built>>) {
        let debian = self.debian(planned.loaded.recipe.arch);
        let files = sources.files().map(|file| (file.sha256, file));
        let downloads = Downloads {
            workshop: self,
            debian: &debian,
            files: files.collect(),
            listen,
            gone: AtomicBool::new(false),
        };
        let ccache = self.cache.join("ccache");
        let built = engine::job_budget(self.jobs).and_then(|jobs| {
            let engine = Engine {
                checkout: &self.checkout,
                store: &self.store,
                fetch: &downloads,
                sign: self,
                listen,
                jobs: &jobs,
                ccache: Some(&ccache),
            };
            let built = steps.iter().map(|step| engine.build(&planned.plan, step));
            built.collect()
        });
        (downloads.gone.into_inner(), built)
    }

    /// Records what the suites have now for the sources of these recipes. Sysroots that no recipe of the checkout has any more are
    /// forgotten, where all of them can be read.
    ///
    /// # Errors
    /// When a suite cannot be looked at, or lacks a package.
    pub fn update(&self, recipes: &[String], listen: &dyn Listen) -> Result<Vec<Moved>> {
        let mut moved = Vec::new();
        for name in recipes {
            let loaded = self.recipe(name)?;
            moved.extend(self.refresh(&loaded, Look::Now, listen)?.1);
        }
        let mut sysroots = BTreeSet::new();
        for name in recipe::names(&self.checkout) {
            let Ok(loaded) = self.recipe(&name) else {
                listen.hear(Event::Note(format!(
                    "the recipe {name} has mistakes: what no recipe asks for any more stays in {} until all of them can be read",
                    self.checkout.relative(&self.checkout.lock()).display()
                )));
                return Ok(moved);
            };
            sysroots.extend(sysroot::key(&loaded.recipe));
        }
        let path = self.checkout.lock();
        let gone = refresh::forget(&path, self.checkout.relative(&path), &sysroots)?;
        moved.extend(gone);
        Ok(moved)
    }

    /// The architectures that the checkout's recipes are for, without those that are booted by [slow] scenarios alone unless `all` are
    /// asked for; a recipe that cannot be read has none.
    ///
    /// [slow]: crate::boot::scenario::Scenario::slow
    #[must_use]
    pub fn arches(&self, all: bool) -> Vec<Arch> {
        let names = recipe::names(&self.checkout);
        let recipes = names.iter().filter_map(|name| self.recipe(name).ok());
        let recipes = recipes.map(|loaded| loaded.recipe);
        let wanted = recipes.filter(|recipe| all || !recipe.is_slow());
        let arches: BTreeSet<Arch> = wanted.map(|recipe| recipe.arch).collect();
        arches.into_iter().collect()
    }

    fn refresh(
        &self,
        loaded: &Loaded,
        look: Look,
        listen: &dyn Listen,
    ) -> Result<(Lock, Vec<Moved>)> {
        let recipe = &loaded.recipe;
        let debian = self.debian(recipe.arch);
        let path = self.checkout.lock();
        let suites = Suites {
            debian: &debian,
            lock: &path,
            name: self.checkout.relative(&path),
            listen,
        };
        let answer = suites.refresh(&wanted(recipe), look);
        answer.map_err(|failure| sysroot::told(failure, recipe))
    }

    fn follow_after(&self) -> Duration {
        Duration::from_secs(u64::from(self.site.follow_after) * 3600)
    }

    fn debian(&self, arch: Arch) -> Debian {
        Debian::new(&self.cache, self.site.mirrors(), arch.debian())
    }

    fn lock(&self) -> Result<Lock> {
        let path = self.checkout.lock();
        Lock::load(&path, self.checkout.relative(&path))
    }

    /// Says when a build would look at a suite again.
    fn stale(&self, loaded: &Loaded) -> Result<Option<String>> {
        let limit = self.follow_after();
        let debian = self.debian(loaded.recipe.arch);
        let wanted = wanted(&loaded.recipe);
        let follows = wanted.iter().filter(|item| item.policy() == Policy::Follow);
        for (suite, components) in follows.map(Wanted::place).collect::<BTreeSet<_>>() {
            let looked = debian.root(&suite, &components)?.looked();
            if !looked.is_some_and(|at| at.elapsed().is_ok_and(|age| age < limit)) {
                return Ok(Some(format!(
                    "a build looks at {suite} first, and may find newer sources than these"
                )));
            }
        }
        Ok(None)
    }

    /// The plan up to the bundle, and beyond it where packages are wanted.
    fn assemble(&self, loaded: Loaded, recorded: &Recorded, packages: bool) -> Result<Planned> {
        let release = self.release(&loaded)?;
        let material = Material {
            checkout: &self.checkout,
            name: &loaded.name,
            recipe: &loaded.recipe,
            files: &loaded.files,
            release: &release,
            sources: &recorded.sources,
            sysroot: recorded.sysroot.as_deref(),
            tools: &self.tools,
            seen: self.store.seen(),
        };
        let plan = assemble::assemble(&material).and_then(|mut plan| {
            if packages {
                crate::plan::packages::add(&mut plan, &material)?;
            }
            Ok(plan)
        });
        let plan = plan.map_err(|failure| line::placed(&loaded.root, failure))?;
        for step in plan.steps() {
            steps::rehearse(step, self.checkout.root())?;
        }
        let version = release.version.file_name_safe();
        Ok(Planned {
            name: loaded.name.clone(),
            version,
            unreleased: release.unreleased(),
            notes: copies::notes(&self.checkout, &loaded.recipe)?,
            loaded,
            plan,
        })
    }

    fn release(&self, loaded: &Loaded) -> Result<Entry> {
        let path = Path::new(&loaded.recipe.changelog);
        changelog::latest_in(path, &self.checkout.root().join(path))
    }
}

/// What to do about a cache folder that cannot be used.
const ANOTHER_CACHE: &str = "CORDWAINER_CACHE, or `cache` in site.toml, chooses another";

/// Sources that follow their suite are looked at again whenever the last look was.
const AT_ONCE: Look = Look::After(Duration::ZERO);

/// What a recipe's build looks for in suites.
fn wanted(recipe: &Recipe) -> BTreeSet<Wanted> {
    let names = assemble::sources(recipe);
    let sources = names.iter().map(|name| &recipe.sources[*name]);
    let mut wanted = Wanted::sources(sources, recipe.arch.debian());
    wanted.extend(sysroot::key(recipe).map(Wanted::Sysroot));
    wanted
}
