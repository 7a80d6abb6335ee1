//! What apt's own solver makes of a set of packages on a machine that has none. apt is only asked what it
//! would download (`--print-uris`), which comes before the order in which dpkg would get the packages; and the index, what they are.

use super::Root;
use super::index;
use crate::debian::deb822::{self, Stanza};
use crate::digest::Digest;
use crate::failure::{Failure, Kind, Result};
use crate::files::Guard;
use crate::source::sysroot::{Key, Package};
use crate::text::nearest;

/// How apt begins the sentence that there is no such package.
pub const UNKNOWN: &str = "Unable to locate package";

/// The state of a machine that has nothing but what is left out; beside the root's own, which is empty.
const STATUS: &str = "status-without";

impl Root {
    /// All packages that these need, sorted by name; the same for the same lists.
    ///
    /// # Errors
    /// [`Kind::Source`] with apt's explanation when they cannot be installed together, or when the index says too little.
    pub fn solve(&self, key: &Key) -> Result<Vec<Package>> {
        let installed = self.installed(&key.without)?;
        // Exclusive: the status file is the question's.
        let _alone = Guard::exclusive(&self.folder)?;
        let status = self.folder.join(STATUS);
        crate::files::replace(&status, installed.as_bytes())?;
        let answer = self
            .tool("apt-get")
            .args(["install", "--print-uris", "--yes", "--quiet", "--no-remove"])
            .args(settings(key.recommends))
            .arg(format!("-oDir::State::status={}", status.display()))
            .arg("--")
            .args(&key.packages)
            .read()
            .map_err(|failure| self.unsolvable(failure))?;
        let chosen: Vec<(String, String)> = answer.lines().filter_map(chosen).collect();
        let exactly: Vec<String> = chosen
            .iter()
            .map(|(name, version)| format!("{name}={version}"))
            .collect();
        if exactly.is_empty() {
            let what = format!("{key} is empty: `without` leaves out all that is asked for");
            return Err(Failure::new(Kind::Source, what));
        }
        let text = self
            .tool("apt-cache")
            .args(["show", "--"])
            .args(&exactly)
            .read()?;
        let wrong = |what: String| Failure::new(Kind::Source, format!("{}: {what}", self.suite));
        let mut packages = Vec::new();
        let stanzas = deb822::parse(&text)
            .map_err(|line| wrong(format!("apt's answer cannot be read (line {line})")))?;
        for (name, version) in &chosen {
            let is = |stanza: &&Stanza| {
                stanza.get("Package") == Some(name) && stanza.get("Version") == Some(version)
            };
            let package = stanzas
                .iter()
                .find(is)
                .and_then(package)
                .filter(|package| package.fits(&self.arch));
            packages.push(package.ok_or_else(|| wrong(index::unverifiable(name)))?);
        }
        packages.sort();
        Ok(packages)
    }

    /// The status file (dpkg(1)) of a machine that has these packages in the versions that the suite has now; they need nothing.
    fn installed(&self, names: &[String]) -> Result<String> {
        let mut status = String::new();
        for name in names {
            let _shared = Guard::shared(&self.folder)?;
            let query = self
                .tool("apt-cache")
                .args(["show", "--no-all-versions", "--", name]);
            let text = match query.read() {
                Err(failure) if index::says_none(&failure) => String::new(),
                answer => answer?,
            };
            let stanzas = deb822::parse(&text).unwrap_or_default();
            let stanza = stanzas
                .iter()
                .find(|stanza| stanza.get("Package") == Some(name))
                .ok_or_else(|| {
                    Failure::new(
                        Kind::Source,
                        format!("{} has no package {name} ({}) to do without", self.suite, self.arch),
                    )
                    .hint("check `without` in [sysroot]; a virtual package is left out by the name of one that provides it")
                })?;
            status.push_str("Status: install ok installed\n");
            for field in [
                "Package",
                "Version",
                "Architecture",
                "Multi-Arch",
                "Provides",
            ] {
                if let Some(value) = stanza.get(field) {
                    status.push_str(&format!("{field}: {}\n", value.replace('\n', " ")));
                }
            }
            status.push_str("Maintainer: nobody\nDescription: taken for installed\n\n");
        }
        Ok(status)
    }

    /// That there is no package of a name, with the name that may be meant.
    fn with_near(&self, reason: String) -> String {
        let Some(name) = reason.strip_prefix(UNKNOWN).map(str::trim) else {
            return reason;
        };
        let names = self.tool("apt-cache").arg("pkgnames").read();
        let names = names.unwrap_or_default();
        match nearest(name, names.lines()) {
            Some(near) => format!("{reason}; did you mean `{near}`?"),
            None => reason,
        }
    }

    fn unsolvable(&self, failure: Failure) -> Failure {
        let said = failure.tool.as_ref().map_or(&[][..], |end| &end.tail);
        let reasons: Vec<String> = explanation(said).collect();
        let what = format!(
            "{} has no set of packages for {} in which all that is asked for can be installed",
            self.suite, self.arch
        );
        if failure.kind != Kind::Source || reasons.is_empty() {
            let what = format!(
                "cannot find out which packages of {} are needed",
                self.suite
            );
            return failure.while_doing(what);
        }
        let mut explained = Failure::new(Kind::Source, what)
            .hint("check the names in [sysroot], its `suite` and `components` (firmware is in \"non-free-firmware\"), and what `without` leaves out");
        explained.notes = reasons
            .into_iter()
            .map(|reason| self.with_near(reason))
            .collect();
        explained
    }
}

/// Only what is asked for and what it depends on; recommended packages by choice.
fn settings(recommends: bool) -> [String; 2] {
    [
        format!("-oAPT::Install-Recommends={recommends}"),
        "-oAPT::Install-Suggests=false".to_owned(),
    ]
}

/// Name and version from a line such as `'http://…' attr_1%3a2.5.1-4_arm64.deb 23456 SHA256:…`.
fn chosen(line: &str) -> Option<(String, String)> {
    let mut words = line.strip_prefix('\'')?.split("' ").nth(1)?.split(' ');
    let mut parts = words.next()?.strip_suffix(".deb")?.split('_');
    let (name, version, _arch) = (parts.next()?, parts.next()?, parts.next()?);
    Some((name.to_owned(), unquoted(version)?))
}

/// Undoes apt's quoting of `_`, `:` and `\` in file names.
fn unquoted(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let code = u8::from_str_radix(part.get(..2)?, 16).ok()?;
        plain.push(char::from(code));
        plain.push_str(&part[2..]);
    }
    Some(plain)
}

fn package(stanza: &Stanza) -> Option<Package> {
    let own = |name: &str| stanza.get(name).map(str::to_owned);
    let (name, version) = (own("Package")?, own("Version")?);
    let sha256: Digest = stanza.get("SHA256")?.parse().ok()?;
    let (source, source_version) = stanza.source()?;
    Some(Package {
        source: source.to_owned(),
        source_version: source_version.to_owned(),
        package: name,
        version,
        arch: own("Architecture")?,
        path: own("Filename")?,
        size: stanza.get("Size")?.parse().ok()?,
        sha256,
    })
}

/// The lines in which apt says why it cannot: its errors, and what depends on what.
fn explanation(said: &[String]) -> impl Iterator<Item = String> + '_ {
    let words = [
        "Depends:",
        "PreDepends:",
        "Breaks:",
        "Conflicts:",
        "Recommends:",
        "but it is",
        "but ",
    ];
    said.iter()
        .filter(move |line| {
            line.starts_with("E: ")
                || line.starts_with(' ') && words.iter().any(|word| line.contains(word))
        })
        .map(|line| {
            let line = line.strip_prefix("E: ").unwrap_or(line);
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_would_download_is_read_back() {
        let line = "'http://m/pool/main/a/attr/libattr1_2.5.1-4_arm64.deb' libattr1_1%3a2.5.1%5f-4+b1_arm64.deb 22000 MD5Sum:x";
        let expected = ("libattr1".to_owned(), "1:2.5.1_-4+b1".to_owned());
        assert_eq!(chosen(line), Some(expected));
        for other in [
            "Reading package lists...",
            "'x' y",
            "'x' a_1%zz_b.deb 1",
            "",
            "'",
        ] {
            assert_eq!(chosen(other), None, "{other}");
        }
    }
}
