//! What `ls`, `diff`, `size`, `extract` and others look into: a recipe as it stands now, one of its bundles, or any file or folder.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Context;
use crate::event::Event;
use crate::failure::{Failure, Kind, Result};
use crate::inspect::Image;
use crate::plan::assemble::KERNEL;
use crate::recipe;
use crate::text::nearest;
use crate::workshop;

/// For `--help`: what a subject can be.
pub(super) const HELP: &str = "\
SUBJECT is one of
  RECIPE          the recipe's image as it stands now, with the segments that every machine gets. What is missing is
                  built first: as `build` does, that may fetch sources and record them in recipes/sources.lock
  RECIPE@VERSION  a bundle that was built, out/RECIPE/VERSION (`@current` for the current one)
  FOLDER          a bundle's folder, wherever it is
  FILE            any initramfs, also another tool's
What has a slash in it is a path. What has none is a recipe where there is one of that name (its name may have dots),
and a file or folder of the current folder otherwise: ./NAME is always the file or folder.";

/// What is to be looked into, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A recipe, or a file or folder of this name where there is no such recipe.
    Named(String),
    /// A bundle that was built.
    Bundle {
        /// The recipe.
        recipe: String,
        /// The version, or `current`.
        version: String,
    },
    /// A bundle's folder, or an initramfs.
    Path(PathBuf),
}

impl FromStr for Subject {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once('@') {
            _ if text.contains('/') => Self::Path(text.into()),
            Some((recipe, version)) if !recipe.is_empty() && !version.is_empty() => Self::Bundle {
                recipe: recipe.to_owned(),
                version: version.to_owned(),
            },
            _ => Self::Named(text.to_owned()),
        })
    }
}

/// Where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A recipe.
    Recipe(String),
    /// A bundle's folder.
    Folder(PathBuf),
    /// An initramfs.
    File(PathBuf),
}

impl Subject {
    /// Finds out what is meant, and that it is there.
    pub(super) fn place(&self, context: &Context<'_>) -> Result<Place> {
        match self {
            Self::Named(name) => named(context, name),
            Self::Bundle { recipe, version } => bundle(context, recipe, version),
            Self::Path(path) => of_path(path),
        }
    }

    /// Reads the image, and says what a kernel would not get past.
    pub(super) fn open(&self, context: &Context<'_>) -> Result<Image> {
        let image = match self.place(context)? {
            Place::Recipe(name) => of_recipe(context, &name),
            Place::Folder(folder) => Image::of_bundle(&folder),
            Place::File(file) => Image::of_file(file.display().to_string(), &file),
        }?;
        for (_, problem) in image.archive.all_problems() {
            if problem.stops_the_kernel() {
                let text = format!("{}: {problem}", image.name);
                context.report.listener().hear(Event::Warning(text));
            }
        }
        Ok(image)
    }
}

fn named(context: &Context<'_>, name: &str) -> Result<Place> {
    let names = recipe::names(&context.workshop.checkout);
    if names.iter().any(|there| there == name) {
        return Ok(Place::Recipe(name.to_owned()));
    }
    let path = Path::new(name);
    if path.exists() {
        return of_path(path);
    }
    let what = format!("there is neither a recipe nor a file {name:?}");
    let failure = Failure::new(Kind::Usage, what);
    Err(match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`cargo xtask list` lists the recipes"),
    })
}

/// A recipe's image as a machine without a configuration of its own gets it; no bundle is made of it.
fn of_recipe(context: &Context<'_>, name: &str) -> Result<Image> {
    let workshop = &context.workshop;
    let made = workshop.image(name, context.report.listener())?;
    let mut image = read(&made)?;
    image.packages = serde_json::from_value(made.packages).map_err(|error| {
        Failure::bug(format!(
            "the image's list of packages cannot be read: {error}"
        ))
    })?;
    let mut steps = made.planned.plan.steps().iter();
    let kernel = steps.find(|step| step.name == KERNEL);
    if let Some(kernel) = kernel
        && let Some(kernel) = workshop.store.lookup(&kernel.key)?
    {
        image.kernel = Some(
            String::from_utf8_lossy(&kernel.read("release")?)
                .trim()
                .to_owned(),
        );
    }
    Ok(image)
}

/// Reads what was made of a recipe: what is in it, and why.
pub(super) fn read(made: &workshop::Image) -> Result<Image> {
    let planned = &made.planned;
    let called = format!("{} {} as it stands now", planned.name, planned.version);
    let mut image = Image::of_files(called, &made.archives)?;
    for listing in &made.listings {
        image.explain(listing);
    }
    Ok(image)
}

fn bundle(context: &Context<'_>, recipe: &str, version: &str) -> Result<Place> {
    let shelf = context.workshop.shelf(recipe);
    let versions = shelf.versions()?;
    let wanted = match version {
        "current" => shelf.current().unwrap_or_default(),
        version => version.to_owned(),
    };
    if versions.contains(&wanted) {
        return Ok(Place::Folder(shelf.bundle(&wanted)));
    }
    let what = format!("there is no bundle {recipe}@{version}");
    let failure = Failure::new(Kind::Usage, what);
    let names = recipe::names(&context.workshop.checkout);
    let near = |name: &str, names: &[String]| {
        nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
    };
    if versions.is_empty() && !names.iter().any(|name| name == recipe) {
        return Err(match near(recipe, &names) {
            Some(near) => failure.hint(format!("did you mean `{near}@{version}`?")),
            None => failure.hint("`cargo xtask list` lists the recipes"),
        });
    }
    if versions.is_empty() {
        return Err(failure.hint(format!("`cargo xtask build {recipe}` builds one")));
    }
    let failure = failure.note(format!("there are: {}", versions.join(", ")));
    let known = [&versions[..], &["current".to_owned()]].concat();
    Err(match near(version, &known) {
        Some(near) => failure.hint(format!("did you mean `{recipe}@{near}`?")),
        None => failure.hint(format!("`{recipe}` alone is the recipe as it stands now")),
    })
}

fn of_path(path: &Path) -> Result<Place> {
    if path.is_dir() {
        return Ok(Place::Folder(path.to_owned()));
    }
    if !path.exists() {
        let what = format!("there is no file {}", path.display());
        return Err(Failure::new(Kind::Usage, what).hint(
            "what has a slash in it is taken for a path; a recipe is named without one, a bundle as RECIPE@VERSION",
        ));
    }
    if path.extension().is_some_and(|end| end == "toml") {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let what = format!("{} is no initramfs", path.display());
        return Err(Failure::new(Kind::Usage, what).hint(format!(
            "a recipe is named without its folder and end: `{stem}`"
        )));
    }
    Ok(Place::File(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::Subject;

    #[test]
    fn what_is_meant_is_told_by_how_it_is_written() {
        let read = |text: &str| text.parse::<Subject>().unwrap();
        let bundle = |recipe: &str, version: &str| Subject::Bundle {
            recipe: recipe.to_owned(),
            version: version.to_owned(),
        };
        assert_eq!(read("demo"), Subject::Named("demo".to_owned()));
        assert_eq!(read("demo@2.0-1"), bundle("demo", "2.0-1"));
        assert_eq!(read("demo@1:2@3"), bundle("demo", "1:2@3"));
        assert_eq!(read("my.demo@2.0-1"), bundle("my.demo", "2.0-1"));
        for name in ["initrd.img", "@x.img", "x@"] {
            assert_eq!(read(name), Subject::Named(name.to_owned()), "{name}");
        }
        for path in ["./demo", "out/demo/2.0-1", "a@b/c"] {
            assert_eq!(read(path), Subject::Path(path.into()), "{path}");
        }
    }
}
