//! `Built-Using`: which source packages, in which exact versions, are in a package without being dependencies of it, so that an archive keeps them as long as the package
//! (Debian Policy 7.8).

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use crate::debian::deb822::Stanza;
use crate::debian::installed::Packages;
use crate::failure::{Failure, Result};

/// Source packages: names and versions, each once, sorted.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeSet<(String, String)>);

impl Sources {
    pub(super) fn add(&mut self, name: &str, version: &str) {
        self.0.insert((name.to_owned(), version.to_owned()));
    }

    /// What a binary package was built from, and what that was built with: Debian's signed kernels are made of others.
    pub(super) fn add_deb(&mut self, control: &Stanza) {
        if let Some((name, version)) = control.source() {
            self.add(name, version);
        }
        for relation in control.get("Built-Using").unwrap_or_default().split(',') {
            if let Some((name, version)) = relation.trim().split_once(" (= ") {
                self.add(name, version.trim_end_matches(')'));
            }
        }
    }

    /// The packages that files of the image were copied from, as a bundle's manifest lists them.
    pub(super) fn add_manifest(&mut self, manifest: &[u8]) -> Result<()> {
        #[derive(Deserialize)]
        struct Manifest {
            #[serde(default)]
            packages: Packages,
        }
        let manifest: Manifest = serde_json::from_slice(manifest)
            .map_err(|error| Failure::bug(format!("a manifest cannot be read: {error}")))?;
        for package in manifest.packages.values() {
            self.add(&package.source, &package.source_version);
        }
        Ok(())
    }
}

/// As the field has it: `a (= 1), b (= 2)`.
impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self
            .0
            .iter()
            .map(|(name, version)| format!("{name} (= {version})"));
        f.write_str(&each.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::deb822;

    #[test]
    fn everything_that_went_in_is_named_once_with_its_source_version() {
        let mut sources = Sources::default();
        sources.add("busybox", "1:1.35.0-4");
        let deb = "Package: pxelinux\nVersion: 3:6.04-3\nSource: syslinux\n";
        let kernel = "Package: linux-image\nVersion: 6.1.2-1\nSource: linux-signed-amd64 (6.1.2+1)\nBuilt-Using: linux (= 6.1.2-1)\n";
        for text in [deb, kernel, deb] {
            sources.add_deb(&deb822::parse(text).unwrap()[0]);
        }
        let libc = |name| {
            format!(
                "\"{name}\": {{\"version\": \"2.36-9+b1\", \"architecture\": \"amd64\", \"source\": \"glibc\", \"source-version\": \"2.36-9\"}}"
            )
        };
        let manifest = format!(
            "{{\"packages\": {{{}, {}}}}}",
            libc("libc6"),
            libc("libc-bin")
        );
        sources.add_manifest(manifest.as_bytes()).unwrap();
        assert_eq!(
            sources.to_string(),
            "busybox (= 1:1.35.0-4), glibc (= 2.36-9), linux (= 6.1.2-1), linux-signed-amd64 (= 6.1.2+1), syslinux (= 3:6.04-3)"
        );
    }

    #[test]
    fn a_bundle_of_nothing_but_folders_was_built_using_nothing() {
        let mut sources = Sources::default();
        sources.add_manifest(b"{\"packages\": {}}").unwrap();
        assert_eq!(sources.to_string(), "");
        assert!(sources.add_manifest(b"no JSON").is_err());
    }
}
