//! Where things are: the folders of a checkout and of its user's cache. Paths only; nothing is read but
//! what it takes to find the checkout.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind, Result};

/// A checkout: the folder that holds `recipes/`, `kernel-configs/`, `overlays/` and the rest.
#[derive(Clone, Debug)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The checkout at `root`, or around the folder we are in, or the one this program was built from.
    ///
    /// # Errors
    /// [`Kind::Usage`] when `root` is not one, or none is found.
    pub fn find(root: Option<&Path>) -> Result<Self> {
        let is_one = |folder: &Path| folder.join("recipes").is_dir();
        if let Some(root) = root {
            if is_one(root) {
                return Ok(Self {
                    root: fs_err::canonicalize(root)?,
                });
            }
            return Err(Failure::new(
                Kind::Usage,
                format!(
                    "{} is not a checkout: it has no folder `recipes`",
                    root.display()
                ),
            ));
        }
        let here = std::env::current_dir()?;
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        here.ancestors()
            .chain(built_from)
            .find(|folder| is_one(folder))
            .map(|folder| Self {
                root: folder.to_owned(),
            })
            .ok_or_else(|| {
                Failure::new(
                    Kind::Usage,
                    "this is no checkout: no folder above has a folder `recipes`",
                )
                .hint("run it inside a checkout, or name one with --root")
            })
    }

    /// The checkout's top folder, absolute.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside the checkout as the user knows it.
    #[must_use]
    pub fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// The folder of recipes.
    #[must_use]
    pub fn recipes(&self) -> PathBuf {
        self.root.join("recipes")
    }

    /// The file that pins what builds used.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.recipes().join("sources.lock")
    }

    /// The site's settings; need not exist.
    #[must_use]
    pub fn site(&self) -> PathBuf {
        self.root.join("site.toml")
    }

    /// Folder of the descriptions of repositories.
    #[must_use]
    pub fn repositories(&self) -> PathBuf {
        self.root.join("debian/repositories")
    }

    /// The folder of kernel fragments.
    #[must_use]
    pub fn kernel_configs(&self) -> PathBuf {
        self.root.join("kernel-configs")
    }

    /// The folder of busybox fragments.
    #[must_use]
    pub fn busybox_configs(&self) -> PathBuf {
        self.root.join("busybox-configs")
    }

    /// The folder of overlays.
    #[must_use]
    pub fn overlays(&self) -> PathBuf {
        self.root.join("overlays")
    }

    /// Where bundles appear: `out/<recipe>/<version>/`.
    #[must_use]
    pub fn out(&self) -> PathBuf {
        self.root.join("out")
    }
}

/// The cache folder, shared by all checkouts: `CORDWAINER_CACHE`, or else the site's, or else the user's for Cordwainer (XDG
/// Base Directory Specification).
///
/// # Errors
/// [`Kind::Usage`] when `CORDWAINER_CACHE` is no absolute path.
pub fn cache(site: Option<&Path>) -> Result<PathBuf> {
    const OURS: &str = "CORDWAINER_CACHE";
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(path) = set(OURS) {
        if path.is_absolute() {
            return Ok(path);
        }
        let what = format!("{OURS} is {}, which is no absolute path", path.display());
        return Err(Failure::new(Kind::Usage, what)
            .hint("builds run in folders of their own: begin it with `/`"));
    }
    if let Some(path) = site {
        return Ok(path.to_owned());
    }
    // The specification says to ignore relative paths.
    let absolute = |name: &str| set(name).filter(|path| path.is_absolute());
    let home = || absolute("HOME").map(|home| home.join(".cache"));
    let caches = absolute("XDG_CACHE_HOME")
        .or_else(home)
        .unwrap_or_else(std::env::temp_dir);
    Ok(caches.join("cordwainer"))
}
