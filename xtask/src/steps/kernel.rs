//! The kernel: configured from a base and fragments, built out of tree, reproducibly.
//!
//! Reproducibility follows the kernel's Documentation/kbuild/reproducible-builds.rst: time, user, host and build
//! number come from the step's environment, source paths are mapped away.

use std::path::Path;

use super::Work;
use super::kbuild::Kbuild;
use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};
use crate::kconfig::config::{Config, Tristate};
use crate::kconfig::tree;
use crate::needs::Purpose;
use crate::steps::busybox::MUSL;
use crate::tool::version;

/// How a kernel is built.
pub(super) struct Settings<'a> {
    pub(super) arch: Arch,
    pub(super) base: &'a str,
    pub(super) fragments: &'a [String],
    pub(super) localversion: &'a str,
}

/// The target that makes the image which boot loaders take, and where it leaves it.
const fn target(arch: Arch) -> (&'static str, &'static str) {
    match arch {
        Arch::Amd64 => ("bzImage", "arch/x86/boot/bzImage"),
        Arch::Arm64 => ("Image", "arch/arm64/boot/Image"),
        Arch::Armhf => ("zImage", "arch/arm/boot/zImage"),
        Arch::Ppc64el => ("vmlinux", "vmlinux"),
    }
}

pub(super) fn run(work: &Work<'_>, settings: &Settings<'_>) -> Result<()> {
    version::require(Purpose::Build, &[settings.arch], |need| need.name() != MUSL)?;
    let mut kbuild = Kbuild::new(work, settings.fragments)?;
    let compiler = kbuild.target(settings.arch);
    let compiler = kbuild.compiler(&compiler);
    let map = kbuild.prefix_map();
    kbuild.argument(format!("CC={compiler}"));
    kbuild.argument(format!("HOSTCC={}", kbuild.compiler("gcc")));
    kbuild.argument(format!("KCFLAGS={map}"));
    kbuild.argument(format!("KAFLAGS={map}"));
    kbuild.argument(format!("LOCALVERSION={}", settings.localversion));

    if work.step.definition.inputs.contains_key(settings.base) {
        fs_err::copy(work.input(settings.base), kbuild.build().join(".config"))?;
    } else {
        // allnoconfig takes what is asked for into account while it leaves everything else out; of what that makes visible,
        // too, and which the other targets (and olddefconfig below) would give its default.
        kbuild
            .make(&[settings.base])
            .env("KCONFIG_ALLCONFIG", kbuild.requests()?)
            .run()?;
    }
    kbuild.splice()?;
    kbuild.make(&["olddefconfig"]).run()?;
    let (target, path) = target(settings.arch);
    let config = kbuild.check(|source| tree::linux(source, settings.arch.srcarch()))?;
    kbuild.make(&[target]).run()?;
    fs_err::copy(kbuild.build().join(path), work.output("kernel"))?;
    fs_err::copy(kbuild.build().join(".config"), work.output("config"))?;
    let release = fs_err::read_to_string(kbuild.build().join("include/config/kernel.release"))?;
    let release = release.trim();
    if !release.ends_with(settings.localversion) {
        return Err(Failure::new(
            Kind::Recipe,
            format!(
                "the kernel calls itself {release}, without the stamp {}",
                settings.localversion
            ),
        )
        .hint("CONFIG_LOCALVERSION_AUTO and a CONFIG_LOCALVERSION of your own must be off"));
    }
    fs_err::write(work.output("release"), release)?;
    modules(work, &kbuild, &config)
}

/// The modules that the configuration has, as `modules_install` lays them out; an empty tree when it has none.
fn modules(work: &Work<'_>, kbuild: &Kbuild<'_>, config: &Config) -> Result<()> {
    let tree = work.output("modules");
    fs_err::create_dir_all(&tree)?;
    if !config
        .iter()
        .any(|(_, value)| value.tristate() == Tristate::Module)
    {
        return Ok(());
    }
    kbuild.make(&["modules"]).run()?;
    kbuild
        .make(&["modules_install"])
        .arg(format!("INSTALL_MOD_PATH={}", tree.display()))
        .arg("INSTALL_MOD_STRIP=1")
        .run()?;
    // Links back to the trees it was built from: they mean nothing in an image.
    for link in walkdir::WalkDir::new(&tree)
        .into_iter()
        .filter_map(Result::ok)
    {
        if link.path_is_symlink()
            && ["build", "source"]
                .iter()
                .any(|name| link.file_name() == *name)
        {
            fs_err::remove_file(link.path())?;
        }
    }
    Ok(())
}

/// The kernel's own version in its top Makefile, such as `6.1.192`; busybox's has the same form.
pub(super) fn makefile_version(source: &Path) -> Result<String> {
    let path = source.join("Makefile");
    let text = fs_err::read_to_string(&path)?;
    let value = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim())
    };
    let numbers: Option<Vec<&str>> = ["VERSION", "PATCHLEVEL", "SUBLEVEL"]
        .into_iter()
        .map(value)
        .collect();
    let numbers = numbers.ok_or_else(|| {
        Failure::new(
            Kind::Source,
            format!(
                "{} names no version: is it the right source?",
                path.display()
            ),
        )
    })?;
    Ok(format!(
        "{}{}",
        numbers.join("."),
        value("EXTRAVERSION").unwrap_or("")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_makefile() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| fs_err::write(folder.path().join("Makefile"), text).unwrap();
        write(
            "# SPDX\nVERSION = 1\nPATCHLEVEL = 35\nSUBLEVEL = 0\nEXTRAVERSION =\nNAME = Unnamed\n",
        );
        assert_eq!(makefile_version(folder.path()).unwrap(), "1.35.0");
        write("all:\n\techo hello\n");
        assert_eq!(
            makefile_version(folder.path()).unwrap_err().kind,
            Kind::Source
        );
    }
}
