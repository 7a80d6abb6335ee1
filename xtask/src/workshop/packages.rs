//! A recipe's Debian packages, made where they are not there. What is in them is left to `steps`, where they go to `repository`.

use std::path::{Path, PathBuf};

use super::{Planned, Workshop};
use crate::digest::Digest;
use crate::event::{Event, Listen};
use crate::failure::{Failure, Kind, Result};
use crate::out::Put;
use crate::plan::packages::PACKAGES;
use crate::recipe::Loaded;

/// Packages that are there.
pub struct Debs {
    /// The recipe, with what its packages were made by.
    pub planned: Planned,
    /// Their folder under `out/`.
    pub folder: PathBuf,
    /// The packages, sorted by name.
    pub files: Vec<PathBuf>,
    /// Steps that ran.
    pub ran: Vec<String>,
    /// What became of the folder.
    pub put: Put,
}

impl Workshop {
    /// Makes a recipe's packages, with all that they need, and copies them to `out/RECIPE/packages/VERSION/`, all or none. A changelog whose newest entry is not released yet gets a
    /// warning: whoever publishes asks [`Planned::unreleased`].
    ///
    /// # Errors
    /// As [`Workshop::build`]; templates that are wrong.
    pub fn debs(&self, name: &str, listen: &dyn Listen) -> Result<Debs> {
        let _share = self
            .store
            .share(|who| listen.hear(Event::waiting(who, "the store")))?;
        let (planned, built) = self.make(name, PACKAGES, listen)?;
        if planned.unreleased {
            let text = unreleased(&planned.loaded).what.clone();
            listen.hear(Event::Warning(format!(
                "{text}: these packages are for trying out"
            )));
        }
        let root = planned.plan.root(self.checkout.root(), &planned.name);
        self.store.set_root(&root)?;
        let artifact = &built.artifact;
        let tree = artifact.path("packages")?;
        let digest: &Digest = &artifact.output("packages")?.digest;
        let shelf = self.shelf(&planned.name);
        let put = shelf.put_packages(&tree, digest, &planned.version)?;
        let folder = shelf.packages(&planned.version);
        let files = files_in(&folder)?;
        Ok(Debs {
            planned,
            folder,
            files,
            ran: built.ran,
            put,
        })
    }

    /// The packages that a plan makes, sorted by name, where the store keeps them; nothing when they have not been made yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn debs_made(&self, planned: &Planned) -> Result<Option<Vec<PathBuf>>> {
        let step = planned.plan.get(PACKAGES);
        let step = step.ok_or_else(|| Failure::bug("a plan of packages has no step for them"))?;
        let artifact = self.store.lookup(&step.key)?;
        let made = artifact.map(|artifact| files_in(&artifact.path("packages")?));
        made.transpose()
    }

    /// Looks whether a recipe's version is one that may be published.
    ///
    /// # Errors
    /// [`Kind::Recipe`] when its changelog's newest entry is for `UNRELEASED`; mistakes in recipe and changelog.
    pub fn check_released(&self, name: &str) -> Result<()> {
        let loaded = self.recipe(name)?;
        if self.release(&loaded)?.unreleased() {
            return Err(unreleased(&loaded));
        }
        Ok(())
    }

    /// The plan of a recipe's packages. Writes nothing and uses no network.
    ///
    /// # Errors
    /// As [`Workshop::plan`]; where the checkout has no templates.
    pub fn plan_debs(&self, name: &str) -> Result<Planned> {
        self.plan_of(name, true)
    }
}

fn unreleased(loaded: &Loaded) -> Failure {
    let what = format!(
        "{} is not released: the newest entry of {} is for UNRELEASED",
        loaded.name, loaded.recipe.changelog
    );
    Failure::new(Kind::Recipe, what).hint("`dch --release` writes down that it is")
}

/// The files in a folder, sorted by name.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}
