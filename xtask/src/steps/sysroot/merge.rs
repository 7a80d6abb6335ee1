//! Lays unpacked packages side by side into one tree with a merged `/usr`. What a package may not bring at all was refused when it
//! was unpacked (`archive`); here it is about what two of them may not bring together.
//!
//! Every path is judged by what was laid before, and no directory on the way is ever a link: so nothing comes to lie outside.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use fs_err::os::unix::fs::symlink;
use walkdir::{DirEntry, WalkDir};

use super::relation;
use crate::archive::Attributes;
use crate::digest::Digest;
use crate::failure::{Failure, Kind, Result};
use crate::tool;

/// Folders that are links into `usr` (usrmerge; <https://wiki.debian.org/UsrMerge>), where they are there at all.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Those that are always there.
const ALWAYS: [&str; 3] = ["bin", "sbin", "lib"];

/// Directories that every root has.
const DIRECTORY: Attributes = Attributes {
    mode: 0o755,
    uid: 0,
    gid: 0,
};

/// A package that was unpacked into a folder of its own.
pub(super) struct Unpacked<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    /// Where its files are. They are moved away from there.
    pub(super) folder: PathBuf,
    /// Its `control` file's field `Replaces`.
    pub(super) replaces: String,
    /// What it says of its members' modes and owners.
    pub(super) attributes: HashMap<PathBuf, Attributes>,
}

/// What a path became.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kindred {
    Directory,
    Other,
}

/// Something that was laid.
struct Laid<'a> {
    kind: Kindred,
    by: &'a Unpacked<'a>,
    attributes: Attributes,
}

/// A tree in the making.
pub(super) struct Merge<'a> {
    tree: &'a Path,
    laid: BTreeMap<PathBuf, Laid<'a>>,
}

impl<'a> Merge<'a> {
    pub(super) fn into(tree: &'a Path) -> Result<Self> {
        fs_err::create_dir_all(tree)?;
        Ok(Self {
            tree,
            laid: BTreeMap::new(),
        })
    }

    /// Moves a package's files into the tree.
    pub(super) fn lay(&mut self, package: &'a Unpacked<'a>) -> Result<()> {
        for entry in WalkDir::new(&package.folder)
            .min_depth(1)
            .sort_by_file_name()
        {
            tool::check_interrupt()?;
            let entry = entry.map_err(std::io::Error::from)?;
            let path = entry.path().strip_prefix(&package.folder);
            let path = path.unwrap_or(entry.path()).to_owned();
            self.entry(package, &entry, &path)?;
        }
        Ok(())
    }

    /// Makes the links of a merged `/usr`, and tells where each path comes from: every file and link, and the directories
    /// that are not as directories mostly are.
    pub(super) fn finish(mut self) -> Result<Vec<(PathBuf, &'a str, Attributes)>> {
        for name in ALWAYS {
            fs_err::create_dir_all(self.tree.join("usr").join(name))?;
        }
        for name in MERGED {
            let target = Path::new("usr").join(name);
            if self.tree.join(&target).is_dir() {
                symlink(target, self.tree.join(name))?;
            }
        }
        self.laid
            .retain(|_, laid| laid.kind == Kindred::Other || laid.attributes != DIRECTORY);
        let told = |(path, laid): (PathBuf, Laid<'a>)| (path, laid.by.name, laid.attributes);
        Ok(self.laid.into_iter().map(told).collect())
    }

    fn entry(&mut self, package: &'a Unpacked<'a>, entry: &DirEntry, path: &Path) -> Result<()> {
        let place = merged(path);
        let attributes = package.attributes.get(path).copied();
        if entry.file_type().is_dir() {
            return self.directory(package, &place, attributes.unwrap_or(DIRECTORY));
        }
        if entry.path_is_symlink() {
            let target = fs_err::read_link(entry.path())?;
            // `/bin` itself, as newer base-files has it, and compatibility links such as `/usr/bin/x` to `/bin/x`.
            if resolved(path, &target) == place {
                return Ok(());
            }
        }
        if MERGED.iter().any(|name| path == Path::new(name)) {
            let what = format!(
                "the package {} has a /{} that is neither a directory nor a link to /usr/{}",
                package.name,
                path.display(),
                path.display()
            );
            return Err(Failure::new(Kind::Source, what));
        }
        self.parents(package, &place)?;
        if let Some(there) = self.laid.get(&place)
            && !self.gives_way(there, package, entry.path(), &place)?
        {
            return Ok(());
        }
        fs_err::rename(entry.path(), self.tree.join(&place))?;
        let laid = Laid {
            kind: Kindred::Other,
            by: package,
            attributes: attributes.unwrap_or(DIRECTORY),
        };
        self.laid.insert(place, laid);
        Ok(())
    }

    /// Whether what is there already is to be replaced; or else kept. Two that are equal need no decision, two that differ need a
    /// `Replaces` (Debian Policy 7.6.1).
    fn gives_way(
        &self,
        there: &Laid<'_>,
        package: &Unpacked<'_>,
        file: &Path,
        place: &Path,
    ) -> Result<bool> {
        let on_disk = self.tree.join(place);
        if there.kind == Kindred::Other {
            if same(&on_disk, file)? {
                return Ok(false);
            }
            for (one, other, answer) in [(package, there.by, true), (there.by, package, false)] {
                if one.name != other.name
                    && relation::names(&one.replaces, other.name, other.version)
                {
                    return Ok(answer);
                }
            }
        }
        Err(clash(there, package, place))
    }

    fn directory(
        &mut self,
        package: &'a Unpacked<'a>,
        place: &Path,
        attributes: Attributes,
    ) -> Result<()> {
        self.parents(package, place)?;
        self.make(package, place, attributes)
    }

    /// The directories above a path, which redirecting may have put there.
    fn parents(&mut self, package: &'a Unpacked<'a>, place: &Path) -> Result<()> {
        let above: Vec<&Path> = place.ancestors().skip(1).collect();
        for above in above.into_iter().rev().skip(1) {
            self.make(package, above, DIRECTORY)?;
        }
        Ok(())
    }

    fn make(
        &mut self,
        package: &'a Unpacked<'a>,
        place: &Path,
        attributes: Attributes,
    ) -> Result<()> {
        match self.laid.get(place) {
            Some(laid) if laid.kind == Kindred::Directory => Ok(()),
            Some(laid) => Err(clash(laid, package, place)),
            None => {
                fs_err::create_dir(self.tree.join(place))?;
                let laid = Laid {
                    kind: Kindred::Directory,
                    by: package,
                    attributes,
                };
                self.laid.insert(place.to_owned(), laid);
                Ok(())
            }
        }
    }
}

/// Where a path lies when `/usr` is merged.
fn merged(path: &Path) -> PathBuf {
    if MERGED.iter().any(|name| path.starts_with(name)) {
        Path::new("usr").join(path)
    } else {
        path.to_owned()
    }
}

/// Where the link at `path` leads, when `/usr` is merged and nothing on the way is a link.
fn resolved(path: &Path, target: &Path) -> PathBuf {
    let mut here = path.parent().unwrap_or(Path::new("")).to_owned();
    for part in target.components() {
        match part {
            Component::RootDir => here.clear(),
            Component::ParentDir => drop(here.pop()),
            Component::Normal(name) => here.push(name),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    merged(&here)
}

/// Whether two are the same file, or links to the same.
fn same(one: &Path, other: &Path) -> Result<bool> {
    if one.is_symlink() || other.is_symlink() {
        let target = |path: &Path| fs_err::read_link(path).ok();
        return Ok(target(one).is_some() && target(one) == target(other));
    }
    let mode = |path: &Path| Ok::<_, Failure>(fs_err::metadata(path)?.permissions());
    Ok(mode(one)? == mode(other)? && Digest::of_file(one)? == Digest::of_file(other)?)
}

fn clash(there: &Laid<'_>, package: &Unpacked<'_>, place: &Path) -> Failure {
    let what = if there.by.name == package.name {
        format!("the package {} has two different", package.name)
    } else {
        format!(
            "the packages {} and {} have different",
            there.by.name, package.name
        )
    };
    Failure::new(Kind::Source, format!("{what} files /{}", place.display()))
        .hint("leave one of the packages out: name it in `without`, or take another one that provides the same")
}
