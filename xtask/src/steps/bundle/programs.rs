//! The boot programs of a bundle's routes, and the modules that they and the configurations need, out of the packages they come in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::copy as copy_bytes;
use crate::failure::{Failure, Kind, Result};
use crate::loader::bundle::BundleText;
use crate::loader::c32::{self, Flavour};
use crate::loader::program::{self, Package, Program};
use crate::loader::pxelinux;
use crate::steps::Work;

/// Copies all that the bundle's routes need.
pub(super) fn copy(work: &Work<'_>, text: &BundleText, folder: &Path) -> Result<()> {
    let routes = &text.routes;
    let programs = routes
        .iter()
        .flat_map(|&route| program::of(route, text.arch));
    // Several routes may need the same.
    let programs: BTreeMap<&str, &Program> =
        programs.map(|program| (program.to, program)).collect();
    for program in programs.values() {
        copy_program(work, program, folder)?;
    }
    let flavours: BTreeSet<Flavour> = routes
        .iter()
        .filter_map(|&route| program::modules(route))
        .collect();
    for flavour in flavours {
        copy_modules(work, flavour, text, folder)?;
    }
    Ok(())
}

fn copy_program(work: &Work<'_>, program: &Program, folder: &Path) -> Result<()> {
    let tree = work.input(program.package.key());
    let found = find(&tree, program.folder, program.name)?
        .ok_or_else(|| absent(program.name, program.package))?;
    if program.package == Package::Pxelinux {
        c32::version(&fs_err::read(&found)?)?;
    }
    let to = folder.join(program.to);
    fs_err::create_dir_all(to.parent().unwrap_or(folder))?;
    copy_bytes(&found, &to)
}

fn copy_modules(work: &Work<'_>, flavour: Flavour, text: &BundleText, folder: &Path) -> Result<()> {
    let tree = work.input(Package::Modules.key());
    let entries = pxelinux::modules(flavour, text);
    let needed = c32::needed(flavour, &entries, |name| {
        find(&tree, flavour.source(), name)?
            .map(fs_err::read)
            .transpose()
            .map_err(Failure::from)
    })?;
    let folder = folder.join(flavour.folder());
    for module in needed {
        let path = find(&tree, flavour.source(), &module.name)?
            .ok_or_else(|| absent(&module.name, Package::Modules))?;
        copy_bytes(&path, &folder.join(&module.name))?;
    }
    Ok(())
}

/// A file in an unpacked package: in the folder where Debian has it, or the only one of its name. A link that leads out of the
/// package is refused: what it leads to is no part of the source, and of no key.
fn find(tree: &Path, folder: &str, name: &str) -> Result<Option<PathBuf>> {
    let tree = fs_err::canonicalize(tree)?;
    let usual = tree.join(folder).join(name);
    let found = if usual.symlink_metadata().is_ok() {
        vec![usual]
    } else {
        named(&tree, name)?
    };
    let path = match found.as_slice() {
        [] => return Ok(None),
        [only] => fs_err::canonicalize(only)?,
        [first, second, ..] => {
            let places = format!("{} and {}", first.display(), second.display());
            return Err(Failure::new(
                Kind::Source,
                format!("the source has more than one {name}: {places}"),
            ));
        }
    };
    if path.starts_with(&tree) {
        return Ok(Some(path));
    }
    Err(Failure::new(
        Kind::Source,
        format!("the source's {name} is a link that leads out of it"),
    )
    .note(format!("it leads to {}", path.display())))
}

/// Every file or link of this name below a folder.
fn named(tree: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in WalkDir::new(tree).sort_by_file_name() {
        let entry = entry.map_err(std::io::Error::from)?;
        if !entry.file_type().is_dir() && entry.file_name() == name {
            found.push(entry.into_path());
        }
    }
    Ok(found)
}

fn absent(name: &str, package: Package) -> Failure {
    let key = package.key();
    Failure::new(Kind::Source, format!("the source has no {name}")).hint(format!(
        "`{key}` in the recipe's [bundle] must name a source that has it"
    ))
}
