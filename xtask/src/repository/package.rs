//! From a .deb to its stanza in an index: its control file, where it is kept, its size and its digest.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::index::Entry;
use super::names::Names;
use super::release::Sum;
use crate::archive;
use crate::debian::version::Version;
use crate::digest::Digest;
use crate::failure::{Failure, Kind, Result};
use crate::tool;

/// Fields that are ours to say: where the file is, and what is in it. Others' digests would have clients believe a control file.
const OURS: [&str; 7] = [
    "Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Status",
];

/// Fields that are looked for in indexes later on, in the only case in which they are found.
const LOOKED_FOR: [&str; 4] = ["Package", "Version", "Architecture", "Source"];

/// A package that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    /// Its file.
    pub(super) path: PathBuf,
    /// Its stanza.
    pub(super) stanza: String,
}

impl Package {
    /// Reads a package's file: all of it, once.
    ///
    /// # Errors
    /// [`Kind::Source`] when it is no Debian package, or its control file has something that cannot be in an index.
    pub(super) fn read(path: &Path, names: Names<'_>) -> Result<Self> {
        let control = archive::control(path)?;
        let (sha256, size) = Digest::of_file(path)?;
        let stanza = stanza(&control, names, &Sum { sha256, size }).map_err(|wrong| {
            let what = format!("{} cannot be published: {wrong}", path.display());
            Failure::new(Kind::Source, what)
        })?;
        Ok(Self {
            path: path.to_owned(),
            stanza,
        })
    }

    /// The stanza's fields.
    ///
    /// # Errors
    /// Never: it was read already.
    pub(super) fn entry(&self) -> Result<Entry<'_>> {
        Entry::parse(&self.stanza).map_err(Failure::bug)
    }
}

/// Reads packages' files, as many at a time as there are processors.
///
/// # Errors
/// That of the first one that was found not to be readable.
pub(super) fn read_all(paths: &[PathBuf], names: Names<'_>) -> Result<Vec<Package>> {
    let next = AtomicUsize::new(0);
    let read = Mutex::new(Vec::with_capacity(paths.len()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(at) else { return };
            let package = tool::check_interrupt().and_then(|()| Package::read(path, names));
            if package.is_err() {
                // Nobody needs to begin with another one.
                next.store(paths.len(), Ordering::Relaxed);
            }
            let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
            read.push((at, package));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..cores.min(paths.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut read = read.into_inner().unwrap_or_else(PoisonError::into_inner);
    read.sort_by_key(|(at, _)| *at);
    read.into_iter().map(|(_, package)| package).collect()
}

/// The stanza of a package with this control file; the error is a sentence.
fn stanza(control: &str, names: Names<'_>, file: &Sum) -> Result<String, String> {
    let fields = fields(control)?;
    let value = |name: &str| {
        let same = |(field, _): &&(&str, &str)| field.eq_ignore_ascii_case(name);
        let field = fields.iter().find(same);
        field
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    };
    let needed = |name: &str| value(name).ok_or(format!("its control file has no {name}"));
    let (package, version) = (needed("Package")?, needed("Version")?);
    let architecture = needed("Architecture")?;
    let source = value("Source").unwrap_or(package);
    let source = source.split_whitespace().next().unwrap_or(package);
    for name in [package, source] {
        if !is_package(name) {
            return Err(format!("{name:?} is no package's name"));
        }
    }
    if !architecture
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || c == b'-')
    {
        return Err(format!("{architecture:?} is no architecture"));
    }
    let version: Version = version
        .parse()
        .map_err(|wrong: Failure| wrong.what.clone())?;
    let filename = names.pool(source, package, &version, architecture);
    let Sum { sha256, size } = file;
    let ours = format!("Filename: {filename}\nSize: {size}\nSHA256: {sha256}\n");
    Ok(write(&fields, &ours))
}

/// The fields as they are in an index: the package's name first, the description last, ours before it.
fn write(fields: &[(&str, &str)], ours: &str) -> String {
    let is = |field: &str, name: &str| field.eq_ignore_ascii_case(name);
    let rank = |field: &str| match field {
        _ if is(field, "Package") => 0,
        _ if is(field, "Description") => 2,
        _ => 1,
    };
    let mut text = String::new();
    for turn in 0..3 {
        if turn == 2 {
            text.push_str(ours);
        }
        for (field, value) in fields {
            if rank(field) != turn || OURS.iter().any(|name| is(field, name)) {
                continue;
            }
            let canonical = LOOKED_FOR.iter().find(|name| is(field, name));
            text.push_str(canonical.unwrap_or(field));
            text.push(':');
            text.push_str(value);
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// The fields of a control file, each with all of its lines, without the line feed at its end. What dpkg refuses is refused: a second
/// stanza above all, which would be another package in the index.
fn fields(control: &str) -> Result<Vec<(&str, &str)>, String> {
    let text = control.trim_end();
    if text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        return Err("its control file has control characters".to_owned());
    }
    let mut fields: Vec<(&str, &str)> = Vec::new();
    let mut at = 0;
    for line in text.split('\n') {
        let (begin, end) = (at, at + line.len());
        at = end + 1;
        if line.trim().is_empty() {
            return Err("its control file has an empty line".to_owned());
        }
        if line.starts_with([' ', '\t']) {
            let (_, value) = fields
                .last_mut()
                .ok_or("its control file begins with a space")?;
            let first = end - (line.len() + 1 + value.len());
            *value = &text[first..end];
            continue;
        }
        let name = line.split_once(':').map_or("", |(name, _)| name);
        if !is_field(name) {
            return Err(format!("its control file has the line {line:?}"));
        }
        if fields
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
        {
            return Err(format!("its control file has two fields {name}"));
        }
        fields.push((name, &text[begin + name.len() + 1..end]));
    }
    Ok(fields)
}

/// Debian Policy 5.1: printable ASCII without spaces and colons, beginning with neither `#` nor `-`.
fn is_field(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['#', '-']) && name.bytes().all(|c| c.is_ascii_graphic())
}

/// Debian Policy 5.6.1 and 5.6.7; as dpkg, a single letter passes.
fn is_package(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.bytes().next().is_some_and(plain) && name.bytes().all(|c| plain(c) || b"+-.".contains(&c))
}

#[cfg(test)]
#[path = "package_tests.rs"]
mod tests;
