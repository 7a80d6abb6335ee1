//! The text that configures a private root, and what apt's complaints mean. Pure.

use std::path::Path;

use crate::failure::{Failure, Kind, Result};
use crate::source::mirror::Archive;

/// Settings of the host's that concern the way to a mirror and nothing else: proxies, certificates, time limits.
/// Those that weaken checks (`Check-Date`, `AllowInsecureRepositories`) are not among them.
const TRANSPORT: [&str; 7] = [
    "Acquire::http::",
    "Acquire::https::",
    "Acquire::ftp::",
    "Acquire::socks::",
    "Acquire::Retries ",
    "Acquire::ForceIPv4 ",
    "Acquire::ForceIPv6 ",
];

/// The file of a private root in which its sources are.
pub(crate) const SOURCES: &str = "etc/cordwainer.sources";

/// apt.conf(5) for the root in `folder`. `dump` is what `apt-config dump` says of the host, `authority` a file
/// of certificates that is used where the host's apt names none.
pub(super) fn configuration(
    folder: &str,
    arch: &str,
    dump: &str,
    authority: Option<&str>,
) -> String {
    let mut text = format!(
        r#"Dir "{folder}";
Dir::Etc "{folder}/etc";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "{folder}/etc/apt.conf.d";
Dir::Etc::sourcelist "{folder}/{SOURCES}";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "{folder}/etc/trusted.gpg.d";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{folder}/etc/preferences.d";
Dir::Etc::netrc "/etc/apt/auth.conf";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Cache::srcpkgcache "";
Dir::Log "{folder}/log";
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Check-Date "true";
Acquire::Check-Valid-Until "true";
Acquire::GzipIndexes "true";
Acquire::Languages "none";
"#
    );
    let hosts = dump
        .lines()
        .filter(|line| TRANSPORT.iter().any(|prefix| line.starts_with(prefix)));
    for line in hosts {
        text.push_str(line);
        text.push('\n');
    }
    let authority = authority.filter(|path| !path.contains(['"', '\n']));
    if let Some(authority) = authority.filter(|_| !text.contains("Acquire::https::CaInfo ")) {
        text.push_str("Acquire::https::CaInfo \"");
        text.push_str(authority);
        text.push_str("\";\n");
    }
    text
}

/// A folder's path as apt's configuration can hold it.
///
/// # Errors
/// [`Kind::Host`] when it cannot: there is no way to write a quotation mark.
pub(super) fn quotable(folder: &Path) -> Result<&str> {
    let text = folder.to_str();
    text.filter(|text| !text.contains(['"', '\n']))
        .ok_or_else(|| {
            Failure::new(
                Kind::Host,
                format!("apt cannot use the folder {folder:?}: its path is not plain text"),
            )
            .hint("name another cache folder in CORDWAINER_CACHE")
        })
}

/// sources.list(5) in deb822 format. The `attempt`-th mirror of each archive is taken, or its last.
pub(super) fn sources(
    archives: &[Archive],
    components: &[String],
    attempt: usize,
    keyring: &Path,
) -> String {
    let stanza = |archive: &Archive| {
        let mirror = archive.mirrors.get(attempt).or(archive.mirrors.last());
        format!(
            "Types: deb deb-src\nURIs: {}\nSuites: {}\nComponents: {}\nSigned-By: {}\n",
            mirror.map_or("", String::as_str),
            archive.suites.join(" "),
            components.join(" "),
            keyring.display()
        )
    };
    archives.iter().map(stanza).collect::<Vec<_>>().join("\n")
}

/// What apt's errors mean and what to do; the first that fits.
const HINTS: [(&[&str], &str); 5] = [
    (
        &[
            "NO_PUBKEY",
            "BADSIG",
            "EXPKEYSIG",
            "is not signed",
            "invalid signature",
            "NOSPLIT",
            "Clearsigned file",
        ],
        "the mirror serves something that Debian did not sign: name another one in site.toml, or bring the package debian-archive-keyring up to date",
    ),
    (
        &["is not valid yet", "is expired", "invalid since"],
        "either this machine's clock is wrong, or the mirror stands still: set the clock, or name another mirror in site.toml",
    ),
    (
        &[
            "Hash Sum mismatch",
            "unexpected size",
            "Mirror sync in progress",
        ],
        "the mirror is being changed, or damaged: try again in a while, or name another one in site.toml",
    ),
    (
        &["404 ", "File not found", "does not have a Release file"],
        "check the recipe's suite; where it is right, the mirror does not have it: name another one in site.toml",
    ),
    (
        &[],
        "check the network, and the proxy that apt is configured with; what is in the store and in recipes/sources.lock is not touched",
    ),
];

/// What to do about what apt said.
pub(super) fn hint(said: &str) -> &'static str {
    let fits = |words: &[&str]| words.is_empty() || words.iter().any(|word| said.contains(word));
    let found = HINTS.iter().find(|(words, _)| fits(words));
    found.map_or("", |(_, hint)| hint)
}

/// The lines in which apt complains, without their marks: errors, warnings, and what it finds when it is asked to look closely (`APT::Audit`).
pub(crate) fn errors(said: &str) -> Vec<String> {
    let complaint = |line: &str| {
        let line = line.trim();
        let marks = ["E: ", "W: ", "A: "];
        let text = marks.iter().find_map(|mark| line.strip_prefix(mark))?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    said.lines().filter_map(complaint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "Acquire::http::Proxy \"http://proxy:3128\";\nAcquire::Check-Date \"false\";\nAcquire::https::CaInfo \"/ca.pem\";\nAPT::Update::Post-Invoke:: \"rm -rf /\";\nAcquire::AllowInsecureRepositories \"1\";\n";

    #[test]
    fn the_hosts_way_to_a_mirror_is_taken_over_and_its_weakened_checks_are_not() {
        let text = configuration("/c", "amd64", DUMP, Some("/other.pem"));
        assert!(text.contains("Acquire::http::Proxy \"http://proxy:3128\";"));
        assert!(
            text.contains("Acquire::Check-Date \"true\";")
                && !text.contains("\"false\";\nAcquire::https")
        );
        assert!(!text.contains("Post-Invoke") && !text.contains("Repositories \"1\""));
        assert!(text.contains("/ca.pem") && !text.contains("/other.pem"));
        assert!(
            configuration("/c", "amd64", "", Some("/other.pem")).contains("CaInfo \"/other.pem\"")
        );
    }

    #[test]
    fn a_folder_that_apt_cannot_name_is_refused() {
        assert!(quotable(Path::new("/a\"; Dir \"b")).is_err());
        assert_eq!(quotable(Path::new("/a b")).unwrap(), "/a b");
    }

    #[test]
    fn each_attempt_takes_the_next_mirrors() {
        let archive = |name, mirrors: &[&str]| Archive {
            name,
            mirrors: mirrors.iter().map(|&uri| uri.to_owned()).collect(),
            suites: vec!["x".into()],
        };
        let archives = [
            archive("debian", &["http://a", "http://b"]),
            archive("debian-security", &["http://s"]),
        ];
        let second = sources(&archives, &["main".into()], 1, Path::new("/k.gpg"));
        assert!(second.contains("URIs: http://b\n") && second.contains("URIs: http://s\n"));
    }

    #[test]
    fn complaints_have_hints() {
        let said = "Err:1 http://m x InRelease\nW: GPG error: http://m x InRelease:  NO_PUBKEY 1\nE: The repository is not signed.\n";
        assert!(hint(said).contains("did not sign"));
        assert!(hint("E: Release file is not valid yet").contains("clock"));
        assert!(hint("E: Could not resolve 'm'").contains("network"));
        assert_eq!(
            errors(said)[0],
            "GPG error: http://m x InRelease: NO_PUBKEY 1"
        );
    }
}
