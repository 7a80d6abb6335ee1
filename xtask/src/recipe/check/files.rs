//! Files and folders of the checkout that a recipe names.

use std::path::Path as FilePath;

use super::Check;
use super::form::RELATIVE;
use crate::checkout::Checkout;
use crate::recipe::path::Path;
use crate::recipe::schema::{Image, KERNEL_BASES, Recipe};
use crate::text::{listing, nearest, quoted};

/// As many names as are worth listing.
const LISTED: usize = 12;

/// What a name has to lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    File,
    Folder,
}

impl Wanted {
    const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
        }
    }

    fn is(self, about: &std::fs::Metadata) -> bool {
        match self {
            Self::File => about.is_file(),
            Self::Folder => about.is_dir(),
        }
    }
}

impl Check<'_> {
    pub(super) fn configs(&mut self, recipe: &Recipe, checkout: &Checkout) {
        let changelog = Path::of(&["changelog"]);
        self.named(
            checkout,
            checkout.root(),
            &recipe.changelog,
            &changelog,
            Wanted::File,
        );
        let configs = checkout.kernel_configs();
        let kernel = Path::of(&["kernel"]);
        let base = recipe.kernel.base.as_str();
        if !KERNEL_BASES.contains(&base) {
            self.base(checkout, base, &kernel.key("base"));
        }
        self.fragments(
            checkout,
            &configs,
            &recipe.kernel.fragments,
            &kernel.key("fragments"),
        );
        let busybox = Path::of(&["busybox", "fragments"]);
        self.fragments(
            checkout,
            &checkout.busybox_configs(),
            &recipe.busybox.fragments,
            &busybox,
        );
    }

    pub(super) fn overlays(&mut self, image: &Image, checkout: &Checkout) {
        self.overlay_names(&image.overlays, &Path::of(&["image", "overlays"]), checkout);
    }

    pub(crate) fn overlay_names(&mut self, names: &[String], path: &Path, checkout: &Checkout) {
        self.each(checkout, &checkout.overlays(), names, path, Wanted::Folder);
    }

    pub(super) fn file(&mut self, checkout: &Checkout, name: &str, path: &Path) {
        self.named(checkout, checkout.root(), name, path, Wanted::File);
    }

    pub(super) fn folder(&mut self, checkout: &Checkout, name: &str, path: &Path) {
        self.named(checkout, checkout.root(), name, path, Wanted::Folder);
    }

    fn fragments(&mut self, checkout: &Checkout, folder: &FilePath, names: &[String], path: &Path) {
        self.each(checkout, folder, names, path, Wanted::File);
    }

    fn each(
        &mut self,
        checkout: &Checkout,
        folder: &FilePath,
        names: &[String],
        path: &Path,
        wanted: Wanted,
    ) {
        for (index, name) in names.iter().enumerate() {
            let path = path.index(index);
            if names[..index].contains(name) {
                self.wrong(
                    &path,
                    format!("{} is in this list twice", quoted(name)),
                    String::new(),
                    "",
                );
            } else {
                self.named(checkout, folder, name, &path, wanted);
            }
        }
    }

    /// A base that is none of the words: a whole configuration, or a slip.
    fn base(&mut self, checkout: &Checkout, name: &str, path: &Path) {
        match nearest(name, KERNEL_BASES) {
            Some(meant) if !checkout.kernel_configs().join(name).is_file() => self.wrong(
                path,
                format!(
                    "there is no kernel configuration {} to start from",
                    quoted(name)
                ),
                format!("did you mean `{meant}`?"),
                format!(
                    "it has to be {}, or a file in kernel-configs/",
                    listing(KERNEL_BASES, "or")
                ),
            ),
            _ => self.named(
                checkout,
                &checkout.kernel_configs(),
                name,
                path,
                Wanted::File,
            ),
        }
    }

    /// Complains unless `name` leads to something below `folder` that is wanted, and does not leave the checkout.
    fn named(
        &mut self,
        checkout: &Checkout,
        folder: &FilePath,
        name: &str,
        path: &Path,
        wanted: Wanted,
    ) {
        if self.is_broken(path) || !self.text(&RELATIVE, name, path) {
            return;
        }
        let file = folder.join(name);
        let known_as = checkout.relative(&file).display().to_string();
        match file.metadata() {
            Ok(about) if !wanted.is(&about) => {
                self.wrong(
                    path,
                    format!("{known_as} is no {}", wanted.word()),
                    String::new(),
                    "",
                );
            }
            Ok(_) => {
                let inside =
                    |root: &FilePath| file.canonicalize().is_ok_and(|real| real.starts_with(root));
                if !checkout
                    .root()
                    .canonicalize()
                    .is_ok_and(|root| inside(&root))
                {
                    let help = "a link leads out; copy what is needed into the checkout";
                    self.wrong(
                        path,
                        format!("{known_as} is outside the checkout"),
                        String::new(),
                        help,
                    );
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let known = if folder == checkout.root() {
                    Vec::new()
                } else {
                    names_below(folder, wanted)
                };
                let meant = meant(name, &known);
                let label =
                    meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`?"));
                let help = match known.len() {
                    1..=LISTED => format!(
                        "{}/ has {}",
                        checkout.relative(folder).display(),
                        listing(&known, "and")
                    ),
                    _ => format!("the {} is looked for at {known_as}", wanted.word()),
                };
                self.wrong(
                    path,
                    format!("there is no {} {known_as}", wanted.word()),
                    label,
                    help,
                );
            }
            Err(error) => self.wrong(
                path,
                format!("cannot look at {known_as}: {error}"),
                String::new(),
                "",
            ),
        }
    }
}

/// The same file name in another folder or without its ending, or else the nearest spelling.
fn meant<'n>(name: &str, known: &'n [String]) -> Option<&'n str> {
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let stem = |path: &str| last(path).split('.').next().unwrap_or_default().to_owned();
    let known = || known.iter().map(String::as_str);
    known()
        .find(|other| last(other) == last(name))
        .or_else(|| known().find(|other| !stem(name).is_empty() && stem(other) == stem(name)))
        .or_else(|| nearest(name, known()))
}

/// What is below a folder and may be meant; folders only directly in it.
fn names_below(folder: &FilePath, wanted: Wanted) -> Vec<String> {
    let depth = if wanted == Wanted::Folder { 1 } else { 8 };
    walkdir::WalkDir::new(folder)
        .min_depth(1)
        .max_depth(depth)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.metadata().is_ok_and(|about| wanted.is(&about)))
        .filter_map(|entry| Some(entry.path().strip_prefix(folder).ok()?.to_str()?.to_owned()))
        .filter(|name| !name.starts_with('.') && !name.ends_with('~'))
        .take(1000)
        .collect()
}
