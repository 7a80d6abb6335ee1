//! Where the rooms meet: from a recipe's name to its plan, its bundle, and its sources. Verbs are thin because this is
//! here; what each part does is left to the room it is in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::checkout::{self, Checkout};
use crate::debian::changelog::{self, Entry};
use crate::digest::Digest;
use crate::engine::{self, Engine};
use crate::event::{Event, Listen};
use crate::failure::{Doing, Failure, Kind, Result};
use crate::kconfig;
use crate::needs;
use crate::out::Shelf;
use crate::plan::assemble::{self, BUNDLE, Material};
use crate::plan::Plan;
use crate::recipe::{self, Loaded, site::Site};
use crate::source::{self, Lock, Resolved, Source};
use crate::steps::Fetch;
use crate::store::Store;
use crate::tool::Tool;

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
    jobs: Option<usize>,
}

/// A recipe with its plan.
pub struct Planned {
    /// The recipe's name.
    pub name: String,
    /// The version that is built: the changelog's, as it stands in file names.
    pub version: String,
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
    /// Whether the folder was written.
    pub written: bool,
}

/// A source that the lock moved to another version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// What it is, such as `debian-binary pxelinux (bookworm)`.
    pub source: String,
    /// The version before.
    pub old: Option<String>,
    /// The version now.
    pub new: String,
}

impl Workshop {
    /// Opens the checkout at `root`, or the one around the current folder.
    ///
    /// # Errors
    /// When there is none, or its `site.toml` has mistakes.
    pub fn open(root: Option<&Path>, jobs: Option<usize>) -> Result<Self> {
        let checkout = Checkout::find(root)?;
        let site = Site::load(&checkout)?;
        let cache = site.cache.clone().unwrap_or_else(checkout::default_cache);
        let store = Store::at(&cache);
        Ok(Self { checkout, site, cache, store, jobs })
    }

    /// A recipe, checked, with the site's settings in it.
    ///
    /// # Errors
    /// Every mistake in it at once.
    pub fn recipe(&self, name: &str) -> Result<Loaded> {
        let mut loaded = recipe::load(&self.checkout, name)?;
        self.site.apply(&mut loaded.recipe);
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
        let loaded = self.recipe(name)?;
        let lock = Lock::load(&self.checkout.lock())?;
        let mut sources = BTreeMap::new();
        for name in assemble::sources(&loaded.recipe) {
            let source = &loaded.recipe.sources[name];
            if matches!(source, Source::Directory { .. }) {
                continue;
            }
            let recorded = source::recorded(source, &lock).ok_or_else(|| {
                Failure::new(Kind::Source, format!("what the source {name:?} is was never recorded"))
                    .hint(format!("`cargo xtask update {}` looks at the suite and records it; `build` does so by itself", loaded.name))
            })?;
            sources.insert(name.to_owned(), recorded);
        }
        let mut planned = self.assemble(loaded, &sources)?;
        planned.notes = self.stale(&planned.loaded);
        Ok(planned)
    }

    fn assemble(&self, loaded: Loaded, sources: &BTreeMap<String, Resolved>) -> Result<Planned> {
        let release = self.release(&loaded)?;
        let material = Material {
            checkout: &self.checkout,
            name: &loaded.name,
            recipe: &loaded.recipe,
            release: &release,
            sources,
        };
        let plan = assemble::assemble(&material)?;
        let version = release.version.file_name_safe();
        Ok(Planned { name: loaded.name.clone(), version, loaded, plan, notes: Vec::new() })
    }

    fn release(&self, loaded: &Loaded) -> Result<Entry> {
        let path = Path::new(&loaded.recipe.changelog);
        let text = fs_err::read_to_string(self.checkout.root().join(path))?;
        changelog::latest(path, &text)
    }
}
