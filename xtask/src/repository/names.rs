//! Where the files of a repository are, relative to the place that keeps it. Pure.
//!
//! After Debian's repository format (<https://wiki.debian.org/DebianRepository/Format>): `dists/SUITE/InRelease`,
//! `dists/SUITE/COMPONENT/binary-ARCH/Packages.gz`, the same by its digest below `by-hash/SHA256/`, and `pool/COMPONENT/…`.

use crate::debian::version::Version;
use crate::digest::Digest;

/// The names of one suite with one component.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    /// The suite.
    pub(super) suite: &'a str,
    /// The component.
    pub(super) component: &'a str,
}

impl Names<'_> {
    /// A file of the suite itself, such as `InRelease`.
    #[must_use]
    pub(super) fn suite(&self, file: &str) -> String {
        format!("dists/{}/{file}", self.suite)
    }

    /// What we know about the suite beside what is signed.
    #[must_use]
    pub(super) fn state(&self) -> String {
        self.suite("cordwainer.json")
    }

    /// What is being published: whoever finds it goes on with it.
    #[must_use]
    pub(super) fn journal(&self) -> String {
        self.suite("cordwainer.journal")
    }

    /// The folder of the snapshots.
    #[must_use]
    pub(super) fn snapshots(&self) -> String {
        self.suite("snapshots")
    }

    /// The Release file as it was when the snapshot was taken, signed.
    #[must_use]
    pub(super) fn snapshot(&self, name: &str) -> String {
        self.suite(&format!("snapshots/{name}/InRelease"))
    }

    /// An architecture's index as the Release file names it, without the ending of its compression.
    #[must_use]
    pub(super) fn index(&self, architecture: &str) -> String {
        format!("{}/binary-{architecture}/Packages", self.component)
    }

    /// An architecture's compressed index.
    #[must_use]
    pub(super) fn packed(&self, architecture: &str) -> String {
        self.suite(&format!("{}.gz", self.index(architecture)))
    }

    /// The same by its digest; every architecture has its own folder of these, even where indexes are the same.
    #[must_use]
    pub(super) fn by_hash(&self, architecture: &str, digest: &Digest) -> String {
        let component = self.component;
        self.suite(&format!(
            "{component}/binary-{architecture}/by-hash/SHA256/{digest}"
        ))
    }

    /// Where a package's file is. The folder is called after its source package, as in Debian's archive: `pool/main/h/hello/…`,
    /// `pool/main/libh/libhello/…`. The file's name has no epoch (deb(7)).
    #[must_use]
    pub(super) fn pool(
        &self,
        source: &str,
        name: &str,
        version: &Version,
        architecture: &str,
    ) -> String {
        let component = self.component;
        let letters = if source.starts_with("lib") { 4 } else { 1 };
        let folder: String = source.chars().take(letters).collect();
        let version = version.file_name_safe();
        format!("pool/{component}/{folder}/{source}/{name}_{version}_{architecture}.deb")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pool_names_are_those_of_debian() {
        let names = Names {
            suite: "stable",
            component: "main",
        };
        let pool = |source, name, version: &str| {
            names.pool(source, name, &version.parse().unwrap(), "all")
        };
        assert_eq!(
            pool("hello", "hello-doc", "2:1.0-1"),
            "pool/main/h/hello/hello-doc_1.0-1_all.deb"
        );
        assert_eq!(
            pool("libc6", "libc6", "1~rc1"),
            "pool/main/libc/libc6/libc6_1~rc1_all.deb"
        );
        assert_eq!(pool("lib", "lib", "1"), "pool/main/lib/lib/lib_1_all.deb");
    }
}
