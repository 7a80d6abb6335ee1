//! What the kernel's and busybox's build systems share: both are Kbuild with kconfig.
//!
//! A configuration is the base's with the fragments' lines in place of its own; `make` then settles what
//! depends on what. A line that was asked for and did not survive that is an error, never a surprise.

use std::path::{Path, PathBuf};

use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};
use crate::kconfig::config::Config;
use crate::kconfig::fragment::{self, Fragment};
use crate::kconfig::language::Tree;
use crate::kconfig::{self, update};
use crate::needs;
use crate::steps::Work;
use crate::tool::Tool;

/// A source tree that is being built out of tree.
pub(super) struct Kbuild<'a> {
    work: &'a Work<'a>,
    /// The source tree, links resolved: compilers write this path, and the prefix map must know it.
    source: PathBuf,
    /// Where it is built.
    build: PathBuf,
    /// Arguments of every `make`.
    arguments: Vec<String>,
    fragments: Vec<Fragment>,
}

/// Arguments of `make` that say which machine is compiled for. Debian's cross compilers have its tuple for a prefix; so have
/// the plain ones, where they are for this machine.
#[must_use]
pub fn target(arch: Arch) -> Vec<String> {
    match arch {
        Arch::Amd64 => Vec::new(),
        _ => vec![
            format!("ARCH={}", arch.srcarch()),
            format!("CROSS_COMPILE={}-", arch.multiarch()),
        ],
    }
}

/// Whether paths with it mean the same to make, its makefiles and their shells.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || !c.is_ascii() && !c.is_whitespace() || "/._-+,@=".contains(c)
}

impl<'a> Kbuild<'a> {
    /// Prepares to build the input `source` with these fragments, which are inputs too.
    pub(super) fn new(work: &'a Work<'a>, fragments: &[String]) -> Result<Self> {
        let source = fs_err::canonicalize(work.input("source"))?;
        let build = work.slot.folder().join("build");
        if let Some(odd) = build.to_string_lossy().chars().find(|&c| !is_plain(c)) {
            let what = format!(
                "nothing can be built in {}: make cannot take the character {odd:?}",
                build.display()
            );
            return Err(Failure::new(Kind::Host, what)
                .hint("choose another cache folder: `cache` in site.toml, or CORDWAINER_CACHE in the environment"));
        }
        fs_err::create_dir_all(&build)?;
        let fragments = fragments
            .iter()
            .map(|name| Fragment::parse(Path::new(name), &work.text(name)?))
            .collect::<Result<_>>()?;
        Ok(Self {
            work,
            source,
            build,
            arguments: Vec::new(),
            fragments,
        })
    }

    /// Adds an argument to every `make` from now on.
    pub(super) fn argument(&mut self, argument: String) {
        self.arguments.push(argument);
    }

    pub(super) fn source(&self) -> &Path {
        &self.source
    }

    pub(super) fn build(&self) -> &Path {
        &self.build
    }

    /// Has everything compiled for an architecture, and returns the compiler for it.
    pub(super) fn target(&mut self, arch: Arch) -> String {
        self.arguments.extend(target(arch));
        match arch {
            Arch::Amd64 => "gcc".to_owned(),
            _ => format!("{}-gcc", arch.multiarch()),
        }
    }

    /// A compiler, through the compiler cache when there is one.
    pub(super) fn compiler(&self, program: &str) -> String {
        if self.work.ccache.is_some() && needs::find("ccache").is_some() {
            format!("ccache {program}")
        } else {
            program.to_owned()
        }
    }

    /// The compiler flag that keeps the paths of this machine out of what is built.
    pub(super) fn prefix_map(&self) -> String {
        format!(
            "-ffile-prefix-map={}=. -ffile-prefix-map={}=.",
            self.source.display(),
            self.build.display()
        )
    }

    /// `make` for these targets.
    pub(super) fn make(&self, targets: &[&str]) -> Tool {
        let mut make = self
            .work
            .tool("make")
            .args(["-C".as_ref(), self.source.as_os_str()])
            .arg(format!("O={}", self.build.display()))
            .args(&self.arguments)
            .args(targets);
        if let Some(folder) = self.work.ccache {
            // Build folders differ from key to key: what is compiled the same must be found all the same.
            make = make
                .env("CCACHE_DIR", folder)
                .env("CCACHE_NOHASHDIR", "1")
                .env("CCACHE_MAXSIZE", "5G");
        }
        make
    }

    /// A file with all that the fragments ask for.
    pub(super) fn requests(&self) -> Result<PathBuf> {
        let path = self.build.join("requests.config");
        let lines: String = fragment::merged(&self.fragments)
            .iter()
            .map(|line| format!("{line}\n"))
            .collect();
        fs_err::write(&path, lines)?;
        Ok(path)
    }

    /// Puts the fragments into the configuration that is there.
    pub(super) fn splice(&self) -> Result<()> {
        let path = self.build.join(".config");
        let base = fs_err::read_to_string(&path)?;
        let spliced = update::update_fragment(&base, &fragment::merged(&self.fragments));
        Ok(fs_err::write(path, spliced)?)
    }

    /// Fails when something that was asked for is not in the final configuration; returns that configuration. `tree`
    /// reads what the symbols depend on, to say why.
    pub(super) fn check(&self, tree: impl FnOnce(&Path) -> Result<Tree>) -> Result<Config> {
        let config = Config::parse(&fs_err::read_to_string(self.build.join(".config"))?);
        kconfig::check(&self.fragments, &config, || tree(&self.source))?;
        Ok(config)
    }
}
