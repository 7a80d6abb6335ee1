//! Which mirrors of Debian's archive are used: those of `site.toml`, or else those that the host's own apt is
//! configured with. No mirror has its name in the code, and nobody but Debian is ever taken for Debian: what
//! a mirror serves is checked by apt against Debian's keyring all the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::lists::{self, Entry};
use crate::failure::{Failure, Kind, Result};

/// The archive of releases and their updates, as `site.toml` calls it.
pub const DEBIAN: &str = "debian";
/// The archive of security updates.
pub const SECURITY: &str = "debian-security";

/// Mirrors by archive ([`DEBIAN`], [`SECURITY`]), tried in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors(pub BTreeMap<String, Vec<String>>);

/// One archive with the suites that are taken from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// [`DEBIAN`] or [`SECURITY`].
    pub name: &'static str,
    /// Addresses of mirrors without a final slash, tried in order; never empty.
    pub mirrors: Vec<String>,
    /// The suites.
    pub suites: Vec<String>,
}

/// What the host says about itself and its apt; read once, so that choosing is pure.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Everything in its apt lists.
    pub entries: Vec<Entry>,
    /// Its suite, where the host itself is a Debian: an entry without a keyring of its own is Debian's
    /// then when it names this suite.
    pub codename: Option<String>,
}

impl Host {
    /// Reads the configuration under `root` (`/`, but for tests). What is not there or may not be read is left out.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let os = read(&root.join("etc/os-release"));
        let field = |name: &str| {
            let line = os.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        let is_debian = field("ID=").as_deref() == Some("debian");
        Self {
            entries: entries(root),
            codename: field("VERSION_CODENAME=").filter(|_| is_debian),
        }
    }
}

fn read(path: &Path) -> String {
    fs_err::read_to_string(path).unwrap_or_default()
}

fn entries(root: &Path) -> Vec<Entry> {
    let mut entries = lists::one_line(&read(&root.join("etc/apt/sources.list")));
    let folder = fs_err::read_dir(root.join("etc/apt/sources.list.d"));
    let mut files: Vec<PathBuf> = folder
        .into_iter()
        .flatten()
        .filter_map(|file| Some(file.ok()?.path()))
        .collect();
    files.sort();
    for file in files {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => entries.extend(lists::one_line(&read(&file))),
            Some("sources") => entries.extend(lists::deb822(&read(&file))),
            _ => {}
        }
    }
    entries
        .into_iter()
        .flat_map(|entry| expand(root, entry))
        .collect()
}

/// An entry that names a list of mirrors (Debian's cloud images have one) becomes one entry for each of them.
fn expand(root: &Path, entry: Entry) -> Vec<Entry> {
    let Some(list) = entry.uri.strip_prefix("mirror+file:") else {
        return vec![entry];
    };
    let text = read(&root.join(list.trim_start_matches('/')));
    let each = |uri| Entry {
        uri,
        ..entry.clone()
    };
    lists::mirror_list(&text).into_iter().map(each).collect()
}

/// The archives that `suite` is taken from: the suite with its updates, and its security updates. The second
/// is left out where no mirror is known or the suite has none.
///
/// # Errors
/// [`Kind::Source`] when no mirror of Debian's archive is known, [`Kind::Recipe`] when `site.toml` names one that cannot be.
pub fn archives(suite: &str, site: &Mirrors, host: &Host) -> Result<Vec<Archive>> {
    let wanted = [
        (DEBIAN, main_suites(suite)),
        (SECURITY, security_suites(suite)),
    ];
    if let Some(wrong) = site.0.values().flatten().find(|uri| !usable(uri)) {
        return Err(Failure::new(
            Kind::Recipe,
            format!("site.toml: {wrong:?} cannot be a mirror's address"),
        )
        .hint("an address is like http://host/debian, without spaces, quotes or brackets"));
    }
    let archives: Vec<Archive> = wanted
        .into_iter()
        .filter(|(_, suites)| !suites.is_empty())
        .map(|(name, suites)| Archive {
            name,
            mirrors: mirrors(name, suite, site, host),
            suites,
        })
        .filter(|archive| !archive.mirrors.is_empty())
        .collect();
    if archives.iter().any(|archive| archive.name == DEBIAN) {
        return Ok(archives);
    }
    Err(Failure::new(
        Kind::Source,
        format!("no mirror of Debian's archive is known to take {suite} from"),
    )
    .note("site.toml names none, and the host's apt lists have no entry for Debian")
    .hint("name one in site.toml, under [mirrors]: debian = [\"http://…/debian\"]"))
}

/// Whether a suite has security updates that none of these archives brings.
#[must_use]
pub fn lacks_security(suite: &str, archives: &[Archive]) -> bool {
    !stands_alone(suite) && !archives.iter().any(|archive| archive.name == SECURITY)
}

/// Suites that have neither updates nor security suites of their own: rolling ones, and parts such as backports.
fn stands_alone(suite: &str) -> bool {
    suite.contains('-') || matches!(suite, "sid" | "unstable" | "experimental" | "rc-buggy")
}

fn main_suites(suite: &str) -> Vec<String> {
    let updates = (!stands_alone(suite)).then(|| format!("{suite}-updates"));
    std::iter::once(suite.to_owned()).chain(updates).collect()
}

fn security_suites(suite: &str) -> Vec<String> {
    let security = (!stands_alone(suite)).then(|| format!("{suite}-security"));
    security.into_iter().collect()
}

fn mirrors(name: &str, suite: &str, site: &Mirrors, host: &Host) -> Vec<String> {
    if let Some(mirrors) = site.0.get(name).filter(|mirrors| !mirrors.is_empty()) {
        return mirrors.iter().map(|uri| trimmed(uri)).collect();
    }
    let mut known: Vec<(u8, String)> = Vec::new();
    for entry in &host.entries {
        let rank = rank(entry, suite, host).filter(|_| archive_of(entry) == name);
        let uri = trimmed(&entry.uri);
        if let Some(rank) = rank.filter(|_| usable(&uri)) {
            known.push((rank, uri));
        }
    }
    // Stable: within a rank the host's own order holds.
    known.sort_by_key(|(rank, _)| *rank);
    let mut mirrors: Vec<String> = Vec::new();
    for (_, uri) in known {
        if !mirrors.contains(&uri) {
            mirrors.push(uri);
        }
    }
    mirrors
}

fn trimmed(uri: &str) -> String {
    uri.trim_end_matches('/').to_owned()
}

/// Removable media, and what would not survive being written into apt's configuration, are of no use.
fn usable(uri: &str) -> bool {
    let harmless = |c: u8| c.is_ascii_graphic() && !b"\"'[]{};\\$".contains(&c);
    uri.contains(":/") && !uri.starts_with("cdrom:") && uri.bytes().all(harmless)
}

/// The suite without what marks updates and security, and the archive it is in.
fn archive_of(entry: &Entry) -> &'static str {
    // Up to Debian 10 the security suites were called `buster/updates`.
    let security = entry.suite.ends_with("-security") || entry.suite.ends_with("/updates");
    if security { SECURITY } else { DEBIAN }
}

fn base_suite(suite: &str) -> &str {
    let ends = [
        "-updates",
        "-security",
        "/updates",
        "-proposed-updates",
        "-backports",
    ];
    ends.iter()
        .find_map(|end| suite.strip_suffix(end))
        .unwrap_or(suite)
}

/// How sure it is that an entry is Debian's archive, and how near to the suite; the lowest is the best. Nothing
/// for others' repositories, however they call their suites.
fn rank(entry: &Entry, suite: &str, host: &Host) -> Option<u8> {
    if !entry.components.iter().any(|component| component == "main") {
        return None;
    }
    let base = base_suite(&entry.suite);
    let same = u8::from(base != base_suite(suite));
    match &entry.signed_by {
        Some(keys) if debians_keys(keys) => Some(same),
        Some(_) => None,
        None => {
            let own = host.codename.as_deref()?;
            let known = [
                own,
                suite,
                "stable",
                "oldstable",
                "testing",
                "unstable",
                "sid",
            ];
            known.contains(&base).then_some(2 + same)
        }
    }
}

/// Whether these are keyrings of the package debian-archive-keyring.
fn debians_keys(signed_by: &str) -> bool {
    let mut rings = signed_by
        .split([',', ' ', '\n'])
        .filter(|ring| !ring.is_empty());
    rings.all(|ring| {
        let name = Path::new(ring).file_name().and_then(|name| name.to_str());
        ring.starts_with('/') && name.is_some_and(|name| name.starts_with("debian-archive-"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RING: &str = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";

    fn host(text: &str) -> Host {
        Host {
            entries: lists::one_line(text),
            codename: Some("bookworm".into()),
        }
    }

    fn chosen(suite: &str, text: &str) -> Vec<(&'static str, String)> {
        let archives = archives(suite, &Mirrors::default(), &host(text)).unwrap();
        archives
            .into_iter()
            .map(|archive| (archive.name, archive.mirrors.join(" ")))
            .collect()
    }

    #[test]
    fn another_suite_comes_from_the_hosts_mirrors() {
        let text = format!(
            "deb {RING} http://a/debian/ bookworm main\ndeb {RING} http://a/debian bookworm-updates main\ndeb {RING} http://s/debian-security bookworm-security main"
        );
        let archives = archives("trixie", &Mirrors::default(), &host(&text)).unwrap();
        assert_eq!(archives[0].mirrors, ["http://a/debian"]);
        assert_eq!(archives[0].suites, ["trixie", "trixie-updates"]);
        assert_eq!(archives[1].mirrors, ["http://s/debian-security"]);
        assert_eq!(archives[1].suites, ["trixie-security"]);
    }

    #[test]
    fn other_peoples_repositories_are_never_used() {
        let text = "deb [signed-by=/usr/share/keyrings/other.gpg] http://o/debian bookworm main\n\
            deb http://p/repo bookworm-pgdg main\ndeb http://d/linux/debian bookworm stable\n\
            deb [signed-by=/x/debian-archive-keyring.gpg,/x/other.gpg] http://q/debian bookworm main\n\
            deb http://deb/debian bookworm main";
        assert_eq!(
            chosen("bookworm", text),
            [(DEBIAN, "http://deb/debian".into())]
        );
    }

    #[test]
    fn entries_with_debians_keyring_come_first_and_the_same_suite_before_others() {
        let text = format!(
            "deb http://c/debian bookworm main\ndeb {RING} http://b/debian trixie main\ndeb {RING} http://a/debian bookworm main"
        );
        assert_eq!(
            chosen("bookworm", &text),
            [(
                DEBIAN,
                "http://a/debian http://b/debian http://c/debian".into()
            )]
        );
    }

    #[test]
    fn the_site_wins() {
        let site = Mirrors([(DEBIAN.to_owned(), vec!["http://site/debian/".to_owned()])].into());
        let archives = archives("sid", &site, &host("deb http://a/debian bookworm main")).unwrap();
        assert_eq!(archives.len(), 1);
        assert_eq!(archives[0].mirrors, ["http://site/debian"]);
        assert_eq!(archives[0].suites, ["sid"]);
        assert!(!lacks_security("sid", &archives) && lacks_security("bookworm", &archives));
    }

    #[test]
    fn without_a_mirror_the_failure_says_where_to_name_one() {
        for text in [
            "",
            "deb cdrom:[x]/ bookworm main",
            "deb http://a/$(ARCH)\" bookworm main",
        ] {
            let failure = archives("bookworm", &Mirrors::default(), &host(text)).unwrap_err();
            assert_eq!(failure.kind, Kind::Source);
            assert!(
                failure.hint.as_ref().unwrap().contains("site.toml"),
                "{text}"
            );
        }
        let foreign = Host {
            codename: None,
            ..host("deb http://a/ubuntu bookworm main")
        };
        assert!(archives("bookworm", &Mirrors::default(), &foreign).is_err());
    }

    #[test]
    fn a_host_is_read_from_its_files() {
        let root = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        file(
            "etc/os-release",
            "ID=debian\nVERSION_CODENAME=\"bookworm\"\n",
        );
        file(
            "etc/apt/mirrors/debian.list",
            "http://one/debian\nhttp://two/debian\n",
        );
        file(
            "etc/apt/sources.list.d/debian.sources",
            "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main\n",
        );
        file(
            "etc/apt/sources.list.d/off.sources.disabled",
            "Types: deb\nURIs: http://three/debian\nSuites: bookworm\nComponents: main\n",
        );
        let archives = archives("bookworm", &Mirrors::default(), &Host::read(root.path())).unwrap();
        assert_eq!(
            archives[0].mirrors,
            ["http://one/debian", "http://two/debian"]
        );
    }
}
