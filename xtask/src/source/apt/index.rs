//! What package lists say about a package: versions with their files. Pure; every entry needs a SHA-256.

use super::Candidate;
use crate::debian::deb822::{self, Stanza};
use crate::debian::version::Version;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::source::lock::LockedFile;

/// Reads the candidates for the package of this name from stanzas; the error is a sentence.
pub(super) type Read = fn(&str, &str) -> Result<Vec<Candidate>, String>;

/// What `apt-cache show` prints.
pub(super) fn binaries(package: &str, text: &str) -> Result<Vec<Candidate>, String> {
    candidates(package, text, |stanza| {
        let file = LockedFile::checked(
            stanza.get("Filename")?,
            stanza.get("Size")?.parse().ok()?,
            digest(stanza.get("SHA256")?)?,
        );
        Some(vec![file?])
    })
}

/// What `apt-cache showsrc` prints.
pub(super) fn sources(package: &str, text: &str) -> Result<Vec<Candidate>, String> {
    candidates(package, text, |stanza| {
        let folder = stanza.get("Directory")?;
        let file = |line: &str| {
            let mut words = line.split_whitespace();
            let (sha256, size, name) = (words.next()?, words.next()?, words.next()?);
            LockedFile::checked(
                &format!("{folder}/{name}"),
                size.parse().ok()?,
                digest(sha256)?,
            )
        };
        let files: Option<Vec<LockedFile>> = stanza.lines("Checksums-Sha256").map(file).collect();
        files.filter(|files| files.iter().any(|file| file.path.ends_with(".dsc")))
    })
}

fn digest(text: &str) -> Option<Digest> {
    text.parse().ok()
}

fn candidates(
    package: &str,
    text: &str,
    files: impl Fn(&Stanza) -> Option<Vec<LockedFile>>,
) -> Result<Vec<Candidate>, String> {
    let stanzas = deb822::parse(text)
        .map_err(|line| format!("apt's answer about {package} cannot be read (line {line})"))?;
    stanzas
        .iter()
        .filter(|stanza| stanza.get("Package") == Some(package))
        .map(|stanza| {
            let version = stanza
                .get("Version")
                .and_then(|text| text.parse::<Version>().ok());
            let candidate = version.zip(files(stanza));
            let (version, files) = candidate.ok_or_else(|| unverifiable(package))?;
            Ok(Candidate {
                version: version.to_owned(),
                files,
            })
        })
        .collect()
}

/// Why a package cannot be taken.
pub(super) fn unverifiable(package: &str) -> String {
    format!(
        "the index lacks what it takes to verify {package}: version, file names, sizes and SHA-256 digests"
    )
}

/// The newest; of equal ones the first.
pub(super) fn newest(candidates: Vec<Candidate>) -> Option<Candidate> {
    let newer = |best: Candidate, next: Candidate| {
        if next.version > best.version {
            next
        } else {
            best
        }
    };
    candidates.into_iter().reduce(newer)
}

/// Whether apt failed only because there is no such package.
pub(super) fn says_none(failure: &Failure) -> bool {
    let tail = failure.tool.as_ref().map_or(&[][..], |end| &end.tail);
    let says = |line: &String| {
        [
            "No packages found",
            "Unable to locate package",
            "Unable to find a source package",
        ]
        .iter()
        .any(|words| line.contains(words))
    };
    tail.iter().any(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "ae95fe63d4c553f8d0e6c86cb1ab566f3894a43743eb19ab585cd97d82f26514";

    fn binary(version: &str, path: &str) -> String {
        format!("Package: a1\nVersion: {version}\nFilename: {path}\nSize: 3\nSHA256: {SUM}\n\n")
    }

    #[test]
    fn the_newest_version_wins_wherever_it_stands() {
        let text = ["1.9-1", "1.10-1", "1.10~rc1-1"]
            .map(|v| binary(v, "pool/a.deb"))
            .concat();
        let best = newest(binaries("a1", &text).unwrap()).unwrap();
        assert_eq!(best.version.to_string(), "1.10-1");
        assert_eq!(best.files[0].size, 3);
    }

    #[test]
    fn an_index_without_digests_or_with_odd_paths_is_refused() {
        let stripped = binary("1", "pool/a.deb").replace("SHA256", "MD5sum");
        for text in [
            stripped,
            binary("1", "../a.deb"),
            binary("1 2", "pool/a.deb"),
            binary("1", "/etc/a"),
        ] {
            assert!(
                binaries("a1", &text).unwrap_err().contains("verify"),
                "{text}"
            );
        }
        assert!(binaries("a1", "<html>").is_err());
    }

    #[test]
    fn a_source_package_is_its_dsc_and_what_belongs_to_it() {
        let text = format!(
            "Package: a1\nVersion: 1:2-3\nDirectory: pool/main/a/a1\nFiles:\n 0 1 x\nChecksums-Sha256:\n {SUM} 10 a1_2-3.dsc\n {SUM} 11 a1_2.orig.tar.gz\n\nPackage: other\nVersion: 9\n"
        );
        let found = sources("a1", &text).unwrap();
        assert_eq!(found.len(), 1);
        let paths: Vec<_> = found[0]
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect();
        assert_eq!(
            paths,
            [
                "pool/main/a/a1/a1_2-3.dsc",
                "pool/main/a/a1/a1_2.orig.tar.gz"
            ]
        );
        assert!(sources("a1", &text.replace(".dsc", ".dsx")).is_err());
    }
}
