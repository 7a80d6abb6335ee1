//! Debian source packages (dsc(5), dpkg-source(1)): from the files of one to the tree that is compiled, upstream's
//! tarball with Debian's patches applied. Which files belong to it was verified by whoever fetched them; that
//! they belong together is checked here.

mod diff;

use std::io::Read;
use std::path::Path;

use super::spec;
use crate::archive::{self, Options};
use crate::debian::deb822::{self, Stanza};
use crate::digest::Digest;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::tool::Tool;

/// No patch is longer than this many bytes: Debian's longest are some tens of megabytes.
const LONGEST: u64 = 256 << 20;

/// The parts of a source package, by file name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts {
    /// Upstream's tarball, or all there is of a native package.
    tarball: String,
    /// Further tarballs of upstream's, and the folders they go to.
    components: Vec<(String, String)>,
    /// The tarball of `debian/` (format 3.0).
    debian: Option<String>,
    /// Everything of Debian's as one patch (format 1.0).
    diff: Option<String>,
}

/// Lays out a source package in `tree`, which is empty or not there: the files are in `folder`, `dsc` is the
/// name of the one that describes the others. What `patch` says is appended to `log`.
///
/// # Errors
/// [`Kind::Source`] when the package is of an unknown format, its files do not belong together, or a patch does not apply;
/// as [`archive::unpack_tar`]. The tree is to be thrown away then.
pub fn unpack(folder: &Path, dsc: &str, tree: &Path, log: &Path) -> Result<()> {
    let doing = || format!("cannot lay out the source package {dsc}");
    let text = fs_err::read_to_string(folder.join(dsc))?;
    let stanza = described(&text).map_err(wrong).doing(doing)?;
    let files = listed(&stanza).map_err(wrong).doing(doing)?;
    for (name, size, sha256) in &files {
        if Digest::of_file(&folder.join(name))? != (*sha256, *size) {
            return Err(wrong(format!("{name} is not the file that it lists"))).doing(doing);
        }
    }
    let names = files.into_iter().map(|(name, ..)| name).collect();
    let format = stanza.get("Format").unwrap_or("1.0");
    let parts = parts(format, names).map_err(wrong).doing(doing)?;
    lay_out(folder, &parts, tree, log).doing(doing)
}

fn wrong(what: String) -> Failure {
    Failure::new(Kind::Source, what)
}

fn described(text: &str) -> Result<Stanza, String> {
    let stanzas = deb822::parse(&deb822::unsigned(text))
        .map_err(|line| format!("line {line} of its description is no field"))?;
    let found = stanzas
        .into_iter()
        .find(|stanza| stanza.get("Checksums-Sha256").is_some());
    found.ok_or_else(|| "it lists no files with their SHA-256 digests".to_owned())
}

/// Name, size and digest of each file.
fn listed(stanza: &Stanza) -> Result<Vec<(String, u64, Digest)>, String> {
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        let sha256 = words.next()?.parse().ok()?;
        let size = words.next()?.parse().ok()?;
        let name = words
            .next()
            .filter(|name| !name.contains('/') && *name != "..")?;
        Some((name.to_owned(), size, sha256))
    };
    let each =
        |line| read(line).ok_or_else(|| format!("it lists a file in an unknown way: {line}"));
    stanza.lines("Checksums-Sha256").map(each).collect()
}

fn parts(format: &str, names: Vec<String>) -> Result<Parts, String> {
    if !["1.0", "3.0 (native)", "3.0 (quilt)"].contains(&format) {
        return Err(format!(
            "its format {format:?} is unknown: 1.0, 3.0 (quilt) and 3.0 (native) are known"
        ));
    }
    let mut parts = Parts::default();
    let mut natives = Vec::new();
    for name in names.into_iter().filter(|name| !name.ends_with(".asc")) {
        if name.ends_with(".diff.gz") {
            parts.diff = Some(name);
        } else if name.contains(".debian.tar.") {
            parts.debian = Some(name);
        } else if name.contains(".orig.tar.") {
            parts.tarball = name;
        } else if let Some(component) = component(&name) {
            parts.components.push((component, name));
        } else {
            natives.push(name);
        }
    }
    let patched = parts.debian.is_some() || parts.diff.is_some();
    match (natives.pop(), natives.is_empty(), patched) {
        (Some(native), true, false) if parts.tarball.is_empty() => {
            parts.tarball = native;
            Ok(parts)
        }
        (None, true, true) if !parts.tarball.is_empty() => Ok(parts),
        _ => Err(format!(
            "its files are not those of a package of format {format}"
        )),
    }
}

/// The folder of a further tarball: `x` in `package_1.0.orig-x.tar.gz`.
fn component(name: &str) -> Option<String> {
    let (_, rest) = name.split_once(".orig-")?;
    let (component, _) = rest.split_once(".tar.")?;
    let harmless = component
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || c == b'-');
    (harmless && !component.is_empty()).then(|| component.to_owned())
}

fn lay_out(folder: &Path, parts: &Parts, tree: &Path, log: &Path) -> Result<()> {
    tarball(folder, &parts.tarball, tree, 1)?;
    for (component, name) in &parts.components {
        let to = tree.join(component);
        remove(&to)?;
        tarball(folder, name, &to, 1)?;
    }
    if let Some(name) = &parts.debian {
        debian(folder, name, tree)?;
        for name in series(tree)? {
            let text = fs_err::read(tree.join("debian/patches").join(&name))?;
            apply(&text, tree, log).doing(|| format!("Debian's patch {name} does not apply"))?;
        }
    }
    if let Some(name) = &parts.diff {
        let mut text = Vec::new();
        let file = fs_err::File::open(folder.join(name))?;
        let mut diff = archive::decoded(name, file)?.take(LONGEST + 1);
        diff.read_to_end(&mut text)
            .map_err(|error| wrong(format!("{name} is damaged: {error}")))?;
        apply(&text, tree, log).doing(|| format!("Debian's changes {name} do not apply"))?;
    }
    Ok(())
}

fn tarball(folder: &Path, name: &str, to: &Path, strip_components: usize) -> Result<()> {
    let options = Options {
        strip_components,
        ..Options::new(name)
    };
    archive::unpack_tar(fs_err::File::open(folder.join(name))?, to, &options).map(drop)
}

/// Debian's `debian/` takes the place of upstream's.
fn debian(folder: &Path, name: &str, tree: &Path) -> Result<()> {
    let aside = tree.join(".debian-aside");
    remove(&aside)?;
    tarball(folder, name, &aside, 0)?;
    remove(&tree.join("debian"))?;
    fs_err::rename(aside.join("debian"), tree.join("debian"))?;
    if fs_err::read_dir(&aside)?.next().is_some() {
        return Err(wrong(format!("{name} holds more than the folder debian")));
    }
    Ok(fs_err::remove_dir(&aside)?)
}

fn remove(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => Ok(fs_err::remove_dir_all(path)?),
        Ok(_) => Ok(fs_err::remove_file(path)?),
        Err(_) => Ok(()),
    }
}

/// The patches that are applied, in order.
fn series(tree: &Path) -> Result<Vec<String>> {
    let patches = tree.join("debian/patches");
    let names = ["debian.series", "series"].map(|name| patches.join(name));
    let Some(series) = names.iter().find(|series| series.is_file()) else {
        return Ok(Vec::new());
    };
    let text = fs_err::read_to_string(series)?;
    let names = text
        .lines()
        .filter_map(|line| line.split('#').next()?.split_whitespace().next());
    let check = |name: &str| {
        if spec::is_inside(name) {
            Ok(name.to_owned())
        } else {
            Err(wrong(format!(
                "its list of patches names {name:?}, outside of it"
            )))
        }
    };
    names.map(check).collect()
}

/// GNU patch as dpkg-source runs it: no fuzz, no questions, no backups. It refuses names outside the tree by itself.
fn apply(text: &[u8], tree: &Path, log: &Path) -> Result<()> {
    if text.len() as u64 > LONGEST {
        return Err(wrong(format!("it is longer than {LONGEST} bytes")));
    }
    let diffs = diff::unified(text).map_err(wrong)?;
    if diffs.is_empty() {
        return Ok(());
    }
    let options = [
        "--batch",
        "--forward",
        "--strip=1",
        "--fuzz=0",
        "--unified",
        "--remove-empty-files",
        "--no-backup-if-mismatch",
        "--version-control=never",
        "--reject-file=-",
    ];
    let tool = Tool::new("patch")
        .args(options)
        .stdin(diffs)
        .folder(tree)
        .log(log);
    tool.kind(Kind::Source).confined().run()
}

#[cfg(test)]
mod tests;
