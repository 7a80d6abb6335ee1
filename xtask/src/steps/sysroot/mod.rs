//! The sysroot: Debian packages unpacked side by side into one tree with a merged `/usr`, and an index of what came from where.
//!
//! Nothing of a package is executed, so what maintainer scripts do is not done: there are no alternatives
//! (`/usr/bin/nc`, `/usr/bin/awk`, `/usr/bin/pager` are not there: a recipe's `[copy]` names the real file,
//! `/usr/bin/nc.openbsd`, and with `to` where it is to be), no users, no caches (`ld.so.cache`, `modules.dep`), no diversions.
//! Links that libraries are found by are files of their packages. Configuration files are just files.
//! What is taken from the tree is left to other steps.

mod index;
mod merge;
mod relation;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

pub use index::{Index, Member};

use super::Work;
use crate::archive;
use crate::debian::deb822;
use crate::debian::installed::Versions;
use crate::failure::{Failure, Kind, Result};
use crate::plan::SysrootPackage;
use merge::Merge;

pub(super) fn run(work: &Work<'_>, packages: &BTreeMap<String, SysrootPackage>) -> Result<()> {
    let scratch = work.slot.folder().join("unpacked");
    let index = unpack(
        packages,
        &|name| work.input(name),
        &scratch,
        &work.output("tree"),
    )?;
    Ok(fs_err::write(work.output("index"), index.text()?)?)
}

/// Unpacks the packages, each an input, into `tree`; `scratch` is a folder beside it.
fn unpack(
    packages: &BTreeMap<String, SysrootPackage>,
    input: &dyn Fn(&str) -> std::path::PathBuf,
    scratch: &Path,
    tree: &Path,
) -> Result<Index> {
    let unpacked: Vec<merge::Unpacked<'_>> = packages
        .iter()
        .map(|(name, package)| {
            let deb = input(&SysrootPackage::input(name));
            apart(name, package, &deb, scratch)
        })
        .collect::<Result<_>>()?;
    let mut merge = Merge::into(tree)?;
    for package in &unpacked {
        merge.lay(package)?;
    }
    let mut index = Index::default();
    for (path, package, attributes) in merge.finish()? {
        let path = path.into_os_string().into_string().map_err(|path| {
            let what =
                format!("the package {package} has a file whose name is not UTF-8: {path:?}");
            Failure::new(Kind::Source, what)
        })?;
        let package = package.to_owned();
        index.files.insert(
            path,
            Member {
                package,
                attributes,
            },
        );
    }
    for (name, package) in packages {
        let about = Versions {
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            source: package.source.clone(),
            source_version: package.source_version.clone(),
            sha256: Some(package.sha256),
        };
        index.packages.insert(name.clone(), about);
    }
    Ok(index)
}

/// Unpacks a package into a folder of its own.
fn apart<'a>(
    name: &'a str,
    package: &'a SysrootPackage,
    deb: &Path,
    scratch: &Path,
) -> Result<merge::Unpacked<'a>> {
    let folder = scratch.join(name);
    let attributes = RefCell::new(HashMap::new());
    let note = |path: &Path, found| {
        attributes.borrow_mut().insert(path.to_owned(), found);
    };
    archive::unpack_deb_noting(deb, &folder, &note)?;
    let control = archive::control(deb)?;
    let stanzas = deb822::parse(&control).unwrap_or_default();
    let stanza = stanzas
        .first()
        .filter(|stanza| stanza.get("Package") == Some(name))
        .ok_or_else(|| {
            let what = format!("{} is not the package {name}", deb.display());
            Failure::new(Kind::Source, what)
        })?;
    Ok(merge::Unpacked {
        name,
        version: &package.version,
        folder,
        replaces: stanza.get("Replaces").unwrap_or_default().to_owned(),
        attributes: attributes.into_inner(),
    })
}
