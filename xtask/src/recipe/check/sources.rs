//! Sources, and whether those that are named are there and of a kind that fits.

use super::Check;
use super::form::{MEMBER, NAME, PACKAGE, SUITE, URL};
use crate::arch::Arch;
use crate::checkout::Checkout;
use crate::loader::program;
use crate::recipe::path::Path;
use crate::recipe::schema::{Libc, Recipe};
use crate::source::spec::Source;
use crate::text::{listing, nearest, quoted};

/// What a source is needed for.
#[derive(Clone, Copy)]
pub(super) enum Use {
    /// A tree that is compiled.
    Tree,
    /// Files that are ready to be served; Debian has them in this package.
    Files(&'static str),
}

/// Why a source of this kind does not fit a use, and what would.
fn misfit(wanted: Use, source: &Source) -> Option<(&'static str, &'static str)> {
    match (wanted, source) {
        (Use::Tree, Source::DebianBinary { member: None, .. }) => Some((
            "is a binary package as a whole, not a source tree",
            "name the tarball inside the package: member = \"usr/src/linux-source-6.1.tar.xz\"",
        )),
        (
            Use::Files(_),
            Source::DebianBinary {
                member: Some(_), ..
            },
        ) => Some((
            "is a tarball inside a package, not the package's files",
            "leave out its `member`",
        )),
        (Use::Files(_), Source::DebianSource { .. }) => Some((
            "is a source package, and would have to be compiled first",
            "take the binary package: kind = \"debian-binary\"",
        )),
        _ => None,
    }
}

impl Check<'_> {
    pub(super) fn sources(&mut self, recipe: &Recipe, checkout: &Checkout) {
        for (name, source) in &recipe.sources {
            let path = Path::of(&["sources", name]);
            self.key(&NAME, &path, name);
            self.source(source, &path, checkout);
        }
        let built = recipe.kernel.package.is_none();
        let uses = [
            (built, "kernel", &recipe.kernel.source),
            (true, "busybox", &recipe.busybox.source),
        ];
        for (used, table, name) in uses {
            if used {
                self.used_source(recipe, &Path::of(&[table, "source"]), name, Use::Tree);
            }
        }
        for package in program::packages(&recipe.bundle.routes(recipe.arch), recipe.arch) {
            let name = recipe.bundle.source(package);
            let path = Path::of(&["bundle", package.key()]);
            self.used_source(recipe, &path, name, Use::Files(package.debian(recipe.arch)));
        }
        if let Some(uboot) = &recipe.u_boot {
            let path = Path::of(&["u-boot", "source"]);
            self.used_source(recipe, &path, &uboot.source, Use::Tree);
        }
        self.libc(recipe);
    }

    /// Debian has no cross compiler for musl.
    fn libc(&mut self, recipe: &Recipe) {
        if recipe.busybox.libc == Libc::Musl && recipe.arch != Arch::Amd64 {
            self.wrong(
                &Path::of(&["busybox", "libc"]),
                format!("busybox for {} cannot be linked with musl, which `libc` is unless something else is said", recipe.arch),
                String::new(),
                "write libc = \"glibc\" in [busybox]",
            );
        }
    }

    fn source(&mut self, source: &Source, path: &Path, checkout: &Checkout) {
        match source {
            Source::DebianSource { package, suite, .. } => {
                self.text(&PACKAGE, package, &path.key("package"));
                self.text(&SUITE, suite, &path.key("suite"));
            }
            Source::DebianBinary {
                package,
                suite,
                member,
                ..
            } => {
                self.text(&PACKAGE, package, &path.key("package"));
                self.text(&SUITE, suite, &path.key("suite"));
                if let Some(member) = member {
                    self.text(&MEMBER, member, &path.key("member"));
                }
            }
            Source::Url { url, mirrors, .. } => {
                self.text(&URL, url, &path.key("url"));
                self.texts(&URL, mirrors, &path.key("mirrors"));
            }
            Source::Directory { path: folder } => {
                self.folder(checkout, folder, &path.key("path"));
            }
        }
    }

    pub(super) fn used_source(&mut self, recipe: &Recipe, path: &Path, name: &str, wanted: Use) {
        let sources = Path::of(&["sources"]);
        if self.is_broken(&sources) {
            return;
        }
        let written = self.root.at(path).is_some();
        let default = if written {
            String::new()
        } else {
            format!(", which `{path}` is by default")
        };
        let shown = quoted(name);
        let header = sources.key(name);
        let comma = if written { "" } else { "," };
        let Some(source) = recipe.sources.get(name) else {
            let known = recipe.sources.keys().map(String::as_str);
            let meant = nearest(name, known.clone()).filter(|_| written);
            let label = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`?"));
            let known = listing(known, "and");
            let help = match wanted {
                Use::Files(package) => {
                    format!(
                        "add [{header}] with kind = \"debian-binary\" and package = \"{package}\""
                    )
                }
                Use::Tree => format!("describe it in [{header}]"),
            };
            let help = match known.as_str() {
                "" => help,
                known => format!("{help}, or name another one: there are {known}"),
            };
            self.wrong(
                path,
                format!("there is no source {shown}{default}"),
                label,
                help,
            );
            return;
        };
        if self.is_within_broken(&sources.key(name)) {
            return;
        }
        if let Some((why, help)) = misfit(wanted, source) {
            let message = format!("the source {shown}{default}{comma} {why}");
            self.wrong(path, message, String::new(), help);
        }
    }

    /// Whether anything in here has been complained about already.
    fn is_within_broken(&self, path: &Path) -> bool {
        self.is_broken(path) || self.broken.iter().any(|broken| broken.is_within(path))
    }
}
