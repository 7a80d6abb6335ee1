//! From the name of a recipe to the checked recipe, with everything that is wrong said at once.

use std::path::{Component, Path as FilePath, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checkout::Checkout;
use crate::failure::{Diagnostic, Failure, Kind, Result};
use crate::recipe::check::check;
use crate::recipe::conform::conform;
use crate::recipe::document::Node;
use crate::recipe::extend::{self, Extended};
use crate::recipe::parse::parse;
use crate::recipe::path::Path;
use crate::recipe::schema::Recipe;
use crate::text::{listing, nearest, quoted};

/// A recipe that is as it should be.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its name: that of its file, without `.toml`.
    pub name: String,
    /// The recipe with its defaults and everything it extends.
    pub recipe: Recipe,
    /// The files that it was read from, relative to the checkout: bases first, its own last.
    pub files: Vec<PathBuf>,
    /// What was written, and where.
    pub root: Node,
}

/// A line of [`list`].
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// The recipe's name.
    pub name: String,
    /// Its description; none if it has mistakes.
    pub description: Option<String>,
    /// What is wrong with it, in a sentence.
    pub problem: Option<String>,
}

/// Loads a recipe by its name, or by the path of its file (from the folder we are in, or from the checkout's).
///
/// # Errors
/// [`Kind::Usage`] when there is none of this name; [`Kind::Recipe`] with all diagnostics, sorted by file and
/// position, when it is not as it should be; [`Kind::Host`] when a file cannot be read.
pub fn load(checkout: &Checkout, name: &str) -> Result<Loaded> {
    let path = find(checkout, name)?;
    let name = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .ok_or_else(|| {
            Failure::new(
                Kind::Recipe,
                format!("the name of {} is no UTF-8", path.display()),
            )
        })?;
    let Extended {
        root,
        files,
        mut problems,
        sound,
    } = extend::read(checkout, &path)?;
    let conformed = conform::<Recipe>(&root, &Path::root());
    // Where brackets are open, what seems to be missing or misplaced is probably neither.
    let recipe = conformed.value.filter(|_| sound);
    if sound {
        problems.extend(conformed.problems);
    }
    if let Some(recipe) = &recipe {
        problems.extend(check(checkout, name, recipe, &root, conformed.broken));
    }
    match recipe {
        Some(recipe) if problems.is_empty() => Ok(Loaded {
            name: name.to_owned(),
            recipe: with_machines(recipe),
            files,
            root,
        }),
        _ => Err(mistakes(&format!("the recipe {name}"), problems)
            .hint("`recipes/demo.toml` explains the tables, `recipes/lava-master.toml` those for packages and programs; `cargo xtask schema` helps an editor complete them")),
    }
}

/// Fills in the defaults that depend on the architecture.
fn with_machines(mut recipe: Recipe) -> Recipe {
    let arch = recipe.arch;
    recipe.boot = recipe.boot.into_iter().map(|boot| boot.on(arch)).collect();
    recipe
}

/// Loads some other TOML file of a checkout by its type; the defaults when it is not there.
///
/// # Errors
/// [`Kind::Recipe`] with all diagnostics; [`Kind::Host`] when it is there but cannot be read.
pub(super) fn load_plain<T: DeserializeOwned + JsonSchema + Default>(
    checkout: &Checkout,
    path: &FilePath,
    further: impl FnOnce(&T, &Node, Vec<Path>) -> Vec<Diagnostic>,
) -> Result<T> {
    match path.try_exists()? {
        true => load_whole(checkout, path, further),
        false => Ok(T::default()),
    }
}

/// Loads some other TOML file of a checkout by its type.
///
/// # Errors
/// [`Kind::Recipe`] with all diagnostics; [`Kind::Host`] when it cannot be read.
pub(super) fn load_whole<T: DeserializeOwned + JsonSchema>(
    checkout: &Checkout,
    path: &FilePath,
    further: impl FnOnce(&T, &Node, Vec<Path>) -> Vec<Diagnostic>,
) -> Result<T> {
    let parsed = parse(&extend::read_text(checkout, path)?);
    let mut problems = parsed.problems;
    let conformed = conform::<T>(&parsed.root, &Path::root());
    let value = conformed.value.filter(|_| parsed.sound);
    if parsed.sound {
        problems.extend(conformed.problems);
    }
    if let Some(value) = &value {
        problems.extend(further(value, &parsed.root, conformed.broken));
    }
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(mistakes(
            &checkout.relative(path).display().to_string(),
            problems,
        )),
    }
}

/// The failure that these mistakes are, sorted by file and position, each said once.
fn mistakes(what: &str, mut problems: Vec<Diagnostic>) -> Failure {
    problems.sort_by(|a, b| {
        (&a.file, a.span.start, &a.message).cmp(&(&b.file, b.span.start, &b.message))
    });
    problems.dedup();
    let sentence = match problems.len() {
        0 => return Failure::bug(format!("{what} could not be decoded, and nobody said why")),
        1 => format!("{what} has a mistake"),
        count => format!("{what} has {count} mistakes"),
    };
    Failure::new(Kind::Recipe, sentence).diagnostics(problems)
}

/// The names of all recipes, sorted: the files directly in `recipes/`. Those in folders there are parts for others to
/// extend, need not be whole, and are not listed.
#[must_use]
pub fn names(checkout: &Checkout) -> Vec<String> {
    let all = extend::names(checkout);
    all.into_iter().filter(|name| !name.contains('/')).collect()
}

/// All recipes with their descriptions. One that is broken says so in its place.
///
/// # Errors
/// [`Kind::Host`] when the folder `recipes` cannot be read.
pub fn list(checkout: &Checkout) -> Result<Vec<Listed>> {
    fs_err::read_dir(checkout.recipes())?;
    let describe = |name: String| {
        let (description, problem) = match load(checkout, &name) {
            Ok(loaded) => (Some(loaded.recipe.description), None),
            Err(failure) => (None, Some(failure.to_string())),
        };
        Listed {
            name,
            description,
            problem,
        }
    };
    Ok(names(checkout).into_iter().map(describe).collect())
}

/// The file of a recipe, absolute.
fn find(checkout: &Checkout, name: &str) -> Result<PathBuf> {
    if name.ends_with(".toml") {
        return by_path(checkout, name);
    }
    let known = names(checkout);
    let plain = matches!(
        FilePath::new(name)
            .components()
            .collect::<Vec<_>>()
            .as_slice(),
        [Component::Normal(_)]
    );
    let path = checkout.recipes().join(format!("{name}.toml"));
    if plain && known.iter().any(|known| known == name) {
        return Ok(path);
    }
    // Of a folder that cannot be read, no names are known.
    fs_err::read_dir(checkout.recipes())?;
    let failure = Failure::new(Kind::Usage, format!("there is no recipe {}", quoted(name)));
    let failure = match listing(&known, "and") {
        none if none.is_empty() => failure,
        known => failure.note(format!("there are {known}")),
    };
    Err(match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure.hint("`cargo xtask new NAME` begins one that builds as it is"),
    })
}

/// The file at a path; it has to be in `recipes/`, so that no two recipes have one name.
fn by_path(checkout: &Checkout, name: &str) -> Result<PathBuf> {
    let candidates = [
        PathBuf::from(name),
        checkout.root().join(name),
        checkout.recipes().join(name),
    ];
    let Some(path) = candidates.iter().find(|path| path.exists()) else {
        return Err(Failure::new(
            Kind::Usage,
            format!("there is no recipe file {}", quoted(name)),
        )
        .hint("`cargo xtask list` names all recipes"));
    };
    let real = fs_err::canonicalize(path)?;
    let folder = fs_err::canonicalize(checkout.recipes())?;
    match real.strip_prefix(&folder) {
        // What lies deeper are parts for others to extend.
        Ok(inner) if inner.components().count() > 1 => {
            let what = format!(
                "{} is a part for recipes to extend, and no recipe itself",
                path.display()
            );
            Err(Failure::new(Kind::Usage, what)
                .hint("recipes lie directly in the folder `recipes`"))
        }
        Ok(inner) => Ok(checkout.recipes().join(inner)),
        Err(_) => Err(Failure::new(
            Kind::Usage,
            format!(
                "{} is not in the checkout's folder `recipes`",
                path.display()
            ),
        )
        .hint(format!("move it to {}", folder.display()))),
    }
}
