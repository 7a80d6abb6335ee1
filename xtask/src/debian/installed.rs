//! Which installed package a file belongs to, as dpkg's database below a root says (dpkg(1), `var/lib/dpkg`). For roots whose packages
//! are not known otherwise: the host, and folders that hold a whole system.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::failure::Result;

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

/// The package of each of these paths (without a leading slash), where dpkg knows one. Nothing of a root without such a database.
///
/// # Errors
/// When the database is there but cannot be read.
pub fn owners(root: &Path, paths: &BTreeSet<String>) -> Result<BTreeMap<String, String>> {
    let mut owners = BTreeMap::new();
    let info = root.join(DATABASE).join("info");
    if paths.is_empty() || !info.is_dir() {
        return Ok(owners);
    }
    let ends = Ends::of(paths);
    for entry in fs_err::read_dir(&info)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(package) = name.and_then(|name| name.strip_suffix(".list")) else {
            continue;
        };
        let list = fs_err::read(&path)?;
        for line in String::from_utf8_lossy(&list).lines() {
            if ends.may_have(line)
                && let Some(path) = known_as(line, paths)
            {
                let name = package.split(':').next().unwrap_or(package);
                owners.insert(path, name.to_owned());
            }
        }
    }
    Ok(owners)
}

/// What dpkg's database says of those of these packages that it knows.
///
/// # Errors
/// When the database is there but cannot be read.
pub fn versions(root: &Path, names: &BTreeSet<&str>) -> Result<Packages> {
    let status = root.join(DATABASE).join("status");
    if names.is_empty() || !status.is_file() {
        return Ok(Packages::new());
    }
    let status = fs_err::read(status)?;
    let status = String::from_utf8_lossy(&status);
    let stanzas = status.split("\n\n");
    Ok(stanzas.filter_map(|text| stanza(text, names)).collect())
}

/// The last two bytes of paths. Most of a database's lines (a hundred thousand of them, on an ordinary host) end otherwise than anything
/// that is looked for.
struct Ends(Vec<bool>);

impl Ends {
    fn of(paths: &BTreeSet<String>) -> Self {
        let mut ends = vec![false; 1 << 16];
        for path in paths {
            ends[Self::end(path)] = true;
        }
        Self(ends)
    }

    fn may_have(&self, path: &str) -> bool {
        self.0[Self::end(path)]
    }

    fn end(path: &str) -> usize {
        match *path.as_bytes() {
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

/// What a stanza of `status` says, if it is of one of these packages. One that says too little is none.
fn stanza(text: &str, names: &BTreeSet<&str>) -> Option<(String, Versions)> {
    let field = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim())
    };
    let package = field("Package").filter(|package| names.contains(package))?;
    let version = field("Version")?;
    // `Source: name (version)`, the version where it is another one; neither where they are the package's own (Debian Policy 5.6.1).
    let source = field("Source").unwrap_or(package);
    let (source, source_version) = match source.split_once(" (") {
        Some((name, rest)) => (name, rest.trim_end_matches(')')),
        None => (source, version),
    };
    let versions = Versions {
        version: version.to_owned(),
        architecture: field("Architecture")?.to_owned(),
        source: source.to_owned(),
        source_version: source_version.to_owned(),
        sha256: None,
    };
    Some((package.to_owned(), versions))
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
        write("bash.list", "/.\n/x\n/bin\n/bin/bash\n/usr/share/bash\n");
        write("libc6:amd64.list", "/lib/x86_64-linux-gnu/libc.so.6\n");
        write("bash.md5sums", "/bin/other\n");
        let status = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b7\nSource: bash (5.2.15-2)\nDescription: x\n y\n\nPackage: libc6\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n\nPackage: other\n";
        fs_err::write(root.path().join("var/lib/dpkg/status"), status).unwrap();
        let paths = [
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
