//! Which installed package a file belongs to, as dpkg's database below a root says (dpkg(1), `var/lib/dpkg`). For roots whose packages
//! are not known otherwise: the host, and folders that hold a whole system.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::deb822::{self, Stanza};
use crate::digest::Digest;
use crate::failure::{Failure, Kind, Result};

/// The versions of a binary package that files were taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Versions {
    /// Its version.
    pub version: String,
    /// Debian's name of its architecture, or `all`.
    pub architecture: String,
    /// The source package that it was built from.
    pub source: String,
    /// That source package's version.
    pub source_version: String,
    /// Digest of the `.deb`, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
}

/// Packages by name.
pub type Packages = BTreeMap<String, Versions>;

/// Where the database is, below a root.
const DATABASE: &str = "var/lib/dpkg";

/// The folders that are links below a merged `/usr`: dpkg knows files by the paths that they had in their packages.
const MERGED: [&str; 6] = ["bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/"];

/// The package of each of these paths (without a leading slash), where dpkg knows one. Nothing of a root without such a database. What several
/// packages have belongs to none of them: directories, and links in the place of one such as `/bin`.
///
/// # Errors
/// When the database is there but cannot be read.
pub fn owners(root: &Path, paths: &BTreeSet<String>) -> Result<BTreeMap<String, String>> {
    let mut claims: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let info = root.join(DATABASE).join("info");
    if paths.is_empty() || !info.is_dir() {
        return Ok(BTreeMap::new());
    }
    let ends = Ends::of(paths);
    for entry in fs_err::read_dir(&info)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(package) = name.and_then(|name| name.strip_suffix(".list")) else {
            continue;
        };
        let list = fs_err::read(&path)?;
        for line in lines(&list) {
            if ends.may_have(line)
                && let Ok(line) = std::str::from_utf8(line)
                && let Some(path) = known_as(line, paths)
            {
                let name = package.split(':').next().unwrap_or(package);
                claims.entry(path).or_default().insert(name.to_owned());
            }
        }
    }
    claims.retain(|_, names| names.len() == 1);
    let only = |(path, mut names): (String, BTreeSet<String>)| Some((path, names.pop_first()?));
    Ok(claims.into_iter().filter_map(only).collect())
}

/// What dpkg's database says of those of these packages that it knows.
///
/// # Errors
/// When the database is there but cannot be read.
pub fn versions(root: &Path, names: &BTreeSet<&str>) -> Result<Packages> {
    let path = root.join(DATABASE).join("status");
    if names.is_empty() || !path.is_file() {
        return Ok(Packages::new());
    }
    let status = fs_err::read(&path)?;
    let mut packages = Packages::new();
    // The database has thousands of stanzas: only those that count are read.
    let status = String::from_utf8_lossy(&status);
    let ends = memchr::memmem::find_iter(status.as_bytes(), b"\n\n");
    let mut from = 0;
    for end in ends.chain([status.len()]) {
        let text = status[from..end.max(from)].trim_start_matches('\n');
        from = end;
        let package = text
            .lines()
            .find_map(|line| line.strip_prefix("Package:"))
            .map(str::trim);
        if !package.is_some_and(|package| names.contains(package)) {
            continue;
        }
        let stanzas = deb822::parse(text).map_err(|line| {
            let what = format!(
                "line {line} of a stanza of {} cannot be read",
                path.display()
            );
            Failure::new(Kind::Source, what)
                .hint("`dpkg --audit` says what is wrong with a database")
        })?;
        packages.extend(stanzas.iter().filter_map(stanza));
    }
    Ok(packages)
}

/// The lines of a list. (There are so many that it is worth a loop of its own.)
fn lines(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let (line, after) = match memchr::memchr(b'\n', rest) {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None if rest.is_empty() => return None,
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        Some(line)
    })
}

/// The last two bytes of paths. Most of a database's lines (a hundred thousand of them, on an ordinary host) end otherwise than anything
/// that is looked for.
struct Ends(Vec<bool>);

impl Ends {
    fn of(paths: &BTreeSet<String>) -> Self {
        let mut ends = vec![false; 1 << 16];
        for path in paths {
            ends[Self::end(path.as_bytes())] = true;
        }
        Self(ends)
    }

    fn may_have(&self, path: &[u8]) -> bool {
        self.0[Self::end(path)]
    }

    fn end(path: &[u8]) -> usize {
        match *path {
            [.., one, other] => usize::from(one) << 8 | usize::from(other),
            // `/` alone, or as good as that: in a list it stands behind a slash.
            [one] => usize::from(b'/') << 8 | usize::from(one),
            [] => 0,
        }
    }
}

/// The wanted path that a line of a `.list` file means.
fn known_as(line: &str, paths: &BTreeSet<String>) -> Option<String> {
    let path = line.strip_prefix('/')?;
    if paths.contains(path) {
        return Some(path.to_owned());
    }
    MERGED.iter().find(|folder| path.starts_with(**folder))?;
    let merged = format!("usr/{path}");
    paths.contains(&merged).then_some(merged)
}

/// What a stanza of `status` says of its package; nothing where it says too little.
fn stanza(stanza: &Stanza) -> Option<(String, Versions)> {
    let (source, source_version) = stanza.source()?;
    let versions = Versions {
        version: stanza.get("Version")?.to_owned(),
        architecture: stanza.get("Architecture")?.to_owned(),
        source: source.to_owned(),
        source_version: source_version.to_owned(),
        sha256: None,
    };
    Some((stanza.get("Package")?.to_owned(), versions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_under_the_paths_that_packages_know_them_by() {
        let root = tempfile::tempdir().unwrap();
        let info = root.path().join("var/lib/dpkg/info");
        fs_err::create_dir_all(&info).unwrap();
        let write = |name: &str, text: &str| fs_err::write(info.join(name), text).unwrap();
        write(
            "bash.list",
            "/.
/x
/bin
/bin/bash
/usr/share/bash
",
        );
        write(
            "coreutils.list",
            "/.
/bin
/bin/ls
",
        );
        write("libc6:amd64.list", "/lib/x86_64-linux-gnu/libc.so.6\n");
        write("bash.md5sums", "/bin/other\n");
        let status = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b7\nSource: bash (5.2.15-2)\nDescription: x\n y\n\nPackage: libc6\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n\nPackage: other\n";
        fs_err::write(root.path().join("var/lib/dpkg/status"), status).unwrap();
        let paths = [
            "bin",
            "usr/bin/bash",
            "usr/lib/x86_64-linux-gnu/libc.so.6",
            "bin/other",
            "x",
        ];
        let paths = paths.map(str::to_owned).into();
        let owners = owners(root.path(), &paths).unwrap();
        let packages = versions(root.path(), &["bash", "libc6", "other"].into()).unwrap();
        assert_eq!(owners["usr/bin/bash"], "bash");
        assert_eq!(owners["usr/lib/x86_64-linux-gnu/libc.so.6"], "libc6");
        assert_eq!(owners["x"], "bash");
        assert_eq!(owners.len(), 3);
        assert_eq!(packages["bash"].source_version, "5.2.15-2");
        let libc = &packages["libc6"];
        assert_eq!(
            (libc.source.as_str(), libc.source_version.as_str()),
            ("glibc", "2.36-9")
        );
    }

    #[test]
    fn a_root_without_a_database_has_no_packages() {
        let root = tempfile::tempdir().unwrap();
        let owners = owners(root.path(), &["x".to_owned()].into()).unwrap();
        let packages = versions(root.path(), &["x"].into()).unwrap();
        assert!(owners.is_empty() && packages.is_empty());
    }
}
