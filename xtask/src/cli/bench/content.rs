//! What `bench initramfs` puts into an image, whoever makes it: twenty ordinary dynamic programs of every Debian, busybox, and the
//! drivers of network cards of one kernel.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::Context;
use crate::closure::modules::{self, Wanted};
use crate::digest::Seen;
use crate::failure::{Failure, Kind, Result};
use crate::plan::assemble::KERNEL;
use crate::store::{self, OutputKind};

/// The programs, each with its package: those that Debian 12 always has, and busybox.
pub(super) const PROGRAMS: &[(&str, &str)] = &[
    ("/usr/bin/bash", "bash"),
    ("/usr/bin/ls", "coreutils"),
    ("/usr/bin/cp", "coreutils"),
    ("/usr/bin/dd", "coreutils"),
    ("/usr/bin/sort", "coreutils"),
    ("/usr/bin/tar", "tar"),
    ("/usr/bin/gzip", "gzip"),
    ("/usr/bin/sed", "sed"),
    ("/usr/bin/grep", "grep"),
    ("/usr/bin/find", "findutils"),
    ("/usr/bin/mount", "mount"),
    ("/usr/sbin/losetup", "mount"),
    ("/usr/sbin/blkid", "util-linux"),
    ("/usr/bin/dmesg", "util-linux"),
    ("/usr/sbin/e2fsck", "e2fsprogs"),
    ("/usr/sbin/mke2fs", "e2fsprogs"),
    ("/usr/bin/perl", "perl-base"),
    ("/usr/bin/dpkg", "dpkg"),
    ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/gpgv", "gpgv"),
    ("/usr/bin/busybox", "busybox"),
];

/// The modules, as `[modules] take` says it: some 250 of Debian's 6.1 kernel, with those that they depend on.
pub(super) const TAKE: &[&str] = &[
    "drivers/net/ethernet/**",
    "drivers/net/phy/**",
    "drivers/net/usb/**",
    "drivers/net/wireless/ath/**",
    "drivers/net/wireless/intel/**",
];

/// The kernel whose modules are taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kernel {
    /// The folder that `lib/modules/RELEASE` or `usr/lib/modules/RELEASE` is in.
    pub(super) root: PathBuf,
    /// Its release.
    pub(super) release: String,
}

impl Kernel {
    /// The kernel below `folder`; else the host's newest that has modules; else the one of a recipe, which is made where it is not there.
    pub(super) fn find(context: &Context<'_>, folder: Option<&Path>, recipe: &str) -> Result<Self> {
        if let Some(folder) = folder {
            let root = fs_err::canonicalize(folder)?;
            let release = modules::scan(&root, None)?.release;
            return Ok(Self { root, release });
        }
        let host = PathBuf::from("/");
        if let Some((release, _)) = modules::releases(&host)?.pop() {
            return Ok(Self {
                root: host,
                release,
            });
        }
        let (_, built) = context
            .workshop
            .make(recipe, KERNEL, context.report.listener())?;
        let tree = built.artifact.output("modules")?.kind == OutputKind::Tree;
        let root = built.artifact.path("modules")?;
        if !tree || modules::releases(&root)?.is_empty() {
            return Err(Failure::new(
                Kind::Usage,
                format!("the kernel of the recipe {recipe} has no modules"),
            )
            .hint("name a recipe whose kernel has some, or a folder with `--kernel`"));
        }
        let release = modules::scan(&root, None)?.release;
        Ok(Self { root, release })
    }

    /// Names of the modules that the content has, with those that they depend on.
    pub(super) fn modules(&self) -> Result<Vec<String>> {
        let kernel = modules::scan(&self.root, Some(&self.release))?;
        let wanted = Wanted {
            take: &owned(TAKE),
            exclude: &[],
        };
        let chosen = modules::choose(&kernel, wanted)?;
        let names = chosen.modules.iter();
        Ok(names
            .map(|picked| kernel.modules[picked.module].name.clone())
            .collect())
    }

    /// Digests all its modules, as a build does with a step's inputs.
    pub(super) fn read(&self, seen: &Seen) -> Result<()> {
        let folder = modules::scan(&self.root, Some(&self.release))?.folder;
        store::read(&folder, seen).map(drop)
    }

    /// Whether other tools find its modules: they look nowhere else.
    pub(super) fn is_installed(&self) -> bool {
        Path::new("/lib/modules").join(&self.release).is_dir()
    }
}

pub(super) fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// Whether the programs are there.
///
/// # Errors
/// [`Kind::Missing`], with the packages of those that are not.
pub(super) fn check_programs() -> Result<()> {
    let missing = PROGRAMS
        .iter()
        .filter(|(path, _)| !Path::new(path).exists());
    let missing: Vec<&(&str, &str)> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    let failure = Failure::new(Kind::Missing, "not every program that goes in is installed").hint(
        format!("install them with `apt-get install {}`", packages.join(" ")),
    );
    Err(missing
        .iter()
        .fold(failure, |failure, (path, _)| failure.note(*path)))
}
