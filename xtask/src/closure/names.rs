//! What the names in a recipe mean: paths, patterns, programs and libraries of a root. Every name that means nothing is a
//! mistake, told together with the one that probably was meant.

use std::collections::BTreeSet;

use crate::failure::Result;
use crate::image::pattern::{Pattern, is_pattern};
use crate::text::{nearest, quoted};

use super::glob;
use super::machine::Machine;
use super::root::{Place, Root, Thing, below};
use super::search::{Query, Search};

/// Where programs are looked for by name, in this order.
pub(super) const PROGRAMS: &[&str] = &[
    "usr/sbin",
    "usr/bin",
    "sbin",
    "bin",
    "usr/local/sbin",
    "usr/local/bin",
];

/// One path that a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meant {
    /// The path in the root, without a leading slash, links on the way not resolved.
    pub(super) path: String,
    /// Its part that is kept when it goes to another folder: what comes behind the folders without wildcards.
    pub(super) kept: String,
    /// Whether this very file was named, not a pattern that fits it.
    pub(super) exactly: bool,
}

/// A name that means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// What is wrong, with where was looked.
    pub(super) what: String,
    /// What to do.
    pub(super) help: String,
}

/// What a name means, or what is wrong with it.
///
/// # Errors
/// What reading fails with, and patterns that are none.
pub(super) fn meaning(search: &Search<'_>, name: &str) -> Result<Result<Vec<Meant>, Mistake>> {
    let root = search.root;
    if name.contains('/') {
        let paths = glob::expand(root, name)?;
        if paths.is_empty() {
            return Ok(Err(nothing_at(root, name)?));
        }
        let fixed = fixed_part(&paths, name);
        let exactly = !is_pattern(name) || paths == [name.trim_matches('/')];
        let meant = paths.into_iter().map(|path| Meant {
            kept: path[fixed..].to_owned(),
            path,
            exactly,
        });
        return Ok(Ok(meant.collect()));
    }
    if is_pattern(name) && program(root, name)?.is_none() {
        return bare_pattern(search, name);
    }
    let found = if is_library(name) {
        library(search, name)?.or(program(root, name)?)
    } else {
        program(root, name)?.or(library(search, name)?)
    };
    Ok(match found {
        Some(path) => Ok(vec![Meant {
            path,
            kept: name.to_owned(),
            exactly: true,
        }]),
        None => Err(no_such(search, name)?),
    })
}

/// The path of a program with this name, if there is one that may be run.
pub(super) fn program(root: &Root, name: &str) -> Result<Option<String>> {
    for folder in PROGRAMS {
        let path = below(folder, name);
        if root.find(&path)?.place().is_some_and(|end| is_program(end)) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn is_program(place: &Place) -> bool {
    place.kind == Thing::File && place.mode & 0o111 != 0
}

/// The path of a library with this soname, as a process of the image's machine would find it.
fn library(search: &Search<'_>, name: &str) -> Result<Option<String>> {
    let machine = Machine::of(search.settings.arch);
    let loader = search.loader(None, machine)?;
    let query = Query {
        name,
        machine,
        loader: &loader,
    };
    let outcome = search.system(query, false)?;
    let library = outcome.library.as_ref();
    Ok(library.map(|library| library.opened.trim_start_matches('/').to_owned()))
}

fn is_library(name: &str) -> bool {
    name.ends_with(".so") || name.contains(".so.")
}

/// The programs, or the libraries, that a pattern without a slash fits; of those with one name, the first.
fn bare_pattern(search: &Search<'_>, text: &str) -> Result<Result<Vec<Meant>, Mistake>> {
    let pattern = Pattern::new(text)?;
    let programs: Vec<String> = PROGRAMS.iter().map(|folder| (*folder).to_owned()).collect();
    let mut meant = fitting(search.root, &programs, &pattern, true)?;
    if meant.is_empty() || is_library(text) {
        let folders = library_folders(search)?;
        meant.extend(fitting(search.root, &folders, &pattern, false)?);
    }
    Ok(if meant.is_empty() {
        let what = format!("{} fits no program and no library", quoted(text));
        let folders = [programs, library_folders(search)?].concat();
        Err(mistake(search.root, &what, &folders, None))
    } else {
        Ok(meant)
    })
}

fn fitting(
    root: &Root,
    folders: &Vec<String>,
    pattern: &Pattern,
    runs: bool,
) -> Result<Vec<Meant>> {
    let mut seen = BTreeSet::new();
    let mut meant = Vec::new();
    for folder in folders {
        for name in names_in(root, folder)? {
            let path = below(folder, &name);
            let fits = pattern.matches(&name) && !seen.contains(&name);
            let found = if fits { Some(root.find(&path)?) } else { None };
            let file = found.as_ref().and_then(|found| found.file());
            if file.is_some_and(|file| !runs || is_program(file)) {
                seen.insert(name.clone());
                meant.push(Meant {
                    path,
                    kept: name,
                    exactly: false,
                });
            }
        }
    }
    Ok(meant)
}

fn library_folders(search: &Search<'_>) -> Result<Vec<String>> {
    let loader = search.loader(None, Machine::of(search.settings.arch))?;
    let folders = loader.configured.iter().chain(&loader.defaults);
    Ok(folders
        .map(|folder| folder.trim_matches('/').to_owned())
        .collect())
}

fn names_in(root: &Root, folder: &str) -> Result<Vec<String>> {
    let found = root.find(folder)?;
    let directory = found.place().filter(|end| end.kind == Thing::Directory);
    let Some(directory) = directory else {
        return Ok(Vec::new());
    };
    Ok(root.names(&directory.path)?.names.iter().cloned().collect())
}

/// How much of each path is the folders before the first wildcard; of a path without one, all but its last part.
fn fixed_part(paths: &[String], name: &str) -> usize {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    let literal = paths == [name.trim_matches('/')];
    let wild = parts.iter().position(|part| !literal && is_pattern(part));
    let fixed = &parts[..wild.unwrap_or(parts.len().saturating_sub(1))];
    let length: usize = fixed.iter().map(|part| part.len() + 1).sum();
    paths.iter().map(String::len).min().unwrap_or(0).min(length)
}

fn no_such(search: &Search<'_>, name: &str) -> Result<Mistake> {
    let mut names = BTreeSet::new();
    let mut folders: Vec<String> = PROGRAMS.iter().map(|folder| (*folder).to_owned()).collect();
    let what = if is_library(name) {
        folders = library_folders(search)?;
        "library"
    } else {
        "program"
    };
    for folder in &folders {
        names.extend(names_in(search.root, folder)?);
    }
    let near = near(name, &names);
    let what = format!("there is no {what} {}", quoted(name));
    Ok(mistake(search.root, &what, &folders, near))
}

/// The name that probably was meant: one that is a slip away, or else the shortest that goes on where this one ends (`python`, `python3`).
fn near<'n>(name: &str, names: &'n BTreeSet<String>) -> Option<&'n str> {
    let all = || names.iter().map(String::as_str);
    let longer = || {
        let longer = all().filter(|one| name.len() > 2 && one.starts_with(name));
        longer.min_by_key(|one| one.len())
    };
    nearest(name, all()).or_else(longer)
}

/// That nothing is at a path, with what is there in the first of its folders that has no such name.
fn nothing_at(root: &Root, name: &str) -> Result<Mistake> {
    let what = if is_pattern(name) {
        format!("{} fits nothing", quoted(name))
    } else {
        format!("{} is not there", quoted(name))
    };
    let mut folder = String::new();
    for part in name.split('/').filter(|part| !part.is_empty()) {
        let path = below(&folder, part);
        if root.find(&path)?.place().is_some() {
            folder = path;
            continue;
        }
        let names = names_in(root, &folder)?;
        let near = nearest(part, names.iter().map(String::as_str)).filter(|_| !is_pattern(part));
        let near = near.map(|near| format!("/{}", below(&folder, near)));
        return Ok(mistake(root, &what, &[], near.as_deref()));
    }
    Ok(mistake(root, &what, &[], None))
}

/// A mistake with where was looked, what probably was meant, and where else it may be.
fn mistake(root: &Root, what: &str, folders: &[String], near: Option<&str>) -> Mistake {
    let roots: Vec<&str> = root.layers().iter().map(|layer| &*layer.name).collect();
    let mut what = format!("{what} in {}", roots.join(", "));
    if !folders.is_empty() {
        let mut seen = BTreeSet::new();
        let folders = folders.iter().filter(|folder| seen.insert(*folder));
        let folders: Vec<String> = folders.map(|folder| format!("/{folder}")).collect();
        what.push_str(&format!(" ({})", folders.join(", ")));
    }
    let near = near.map(|near| format!("did you mean {}? ", quoted(near)));
    let install = match roots.first() {
        Some(&"sysroot") => "is its package in [sysroot]?",
        Some(&"host") => "is its package installed on this host?",
        _ => "is it in this source?",
    };
    let elsewhere = match folders.is_empty() {
        true => "`from` in the table says where else to look",
        false => "its full path, or `from` in the table, says where else it is",
    };
    Mistake {
        what,
        help: format!("{}{install} {elsewhere}", near.unwrap_or_default()),
    }
}
