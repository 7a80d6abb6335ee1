//! A private apt root: package lists of one suite and architecture, apart from the host's package state.
//! apt itself checks signatures, dates and hashes and speaks to mirrors and proxies; nothing here needs root
//! and nothing of the host's is written. What is taken from the lists is `index`'s, what is recorded `lock`'s.

pub(crate) mod conf;
mod index;
mod solve;
#[cfg(test)]
mod tests;

pub use solve::UNKNOWN;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::lock::LockedFile;
use super::mirror::{self, Archive, Host, Mirrors};
use super::spec;
use crate::debian::version::Version;
use crate::digest::Digest;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::files::{self, Guard};
use crate::tool::Tool;

/// The keyring that Debian's archives are checked against (package debian-archive-keyring).
pub const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt's own downloader, part of the package apt.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// What apt's methods read of the environment (apt-transport-http(1)).
const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy"];

/// Debian's archives as seen from this host, for one architecture.
#[derive(Clone, Debug)]
pub struct Debian {
    /// Folder under which the private roots are.
    pub cache: PathBuf,
    /// `site.toml`'s mirrors.
    pub site: Mirrors,
    /// What the host's own apt is configured with.
    pub host: Host,
    /// What signatures are checked against.
    pub keyring: PathBuf,
    /// Debian's name of the architecture that binary packages are for.
    pub arch: String,
}

impl Debian {
    /// The archives that this host and site know.
    #[must_use]
    pub fn new(cache: &Path, site: Mirrors, arch: &str) -> Self {
        Self {
            cache: cache.to_owned(),
            site,
            host: Host::read(Path::new("/")),
            keyring: KEYRING.into(),
            arch: arch.to_owned(),
        }
    }

    /// The private root of these components of a suite. Nothing is made yet.
    ///
    /// # Errors
    /// [`Kind::Source`] when no mirror is known; [`Kind::Recipe`] when this is no suite's name, or no component's.
    pub fn root(&self, suite: &str, components: &[String]) -> Result<Root> {
        let wrong = |name: &str, what: &str| {
            Failure::new(Kind::Recipe, format!("{name:?} is no name of a {what}"))
        };
        if !spec::is_suite(suite) {
            return Err(wrong(suite, "suite"));
        }
        if let Some(component) = components.iter().find(|name| !spec::is_component(name)) {
            return Err(wrong(component, "component"));
        }
        let archives = mirror::archives(suite, &self.site, &self.host)?;
        let settings: Vec<String> = (0..attempts(&archives))
            .map(|attempt| conf::sources(&archives, components, attempt, &self.keyring))
            .collect();
        // Other mirrors or components, another root: checkouts with different sites share a cache and do not disturb each other.
        let name = format!(
            "{suite}-{}-{}",
            self.arch,
            Digest::of(settings.concat()).short()
        );
        Ok(Root {
            folder: self.cache.join("apt").join(name),
            suite: suite.to_owned(),
            arch: self.arch.clone(),
            archives,
            settings,
        })
    }
}

/// How many ways there are to choose a mirror for each archive, taking each mirror at least once.
fn attempts(archives: &[Archive]) -> usize {
    let counts = archives.iter().map(|archive| archive.mirrors.len());
    counts.max().unwrap_or(0)
}

/// A private apt root.
#[derive(Clone, Debug)]
pub struct Root {
    folder: PathBuf,
    suite: String,
    arch: String,
    archives: Vec<Archive>,
    /// The text of apt's sources, for each attempt.
    settings: Vec<String>,
}

/// What a suite offers of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its version.
    pub version: Version,
    /// Its files: one `.deb`, or a `.dsc` and what it lists.
    pub files: Vec<LockedFile>,
}

impl Root {
    /// The archives it is configured with.
    #[must_use]
    pub fn archives(&self) -> &[Archive] {
        &self.archives
    }

    /// When the package lists were last got, whole and verified.
    #[must_use]
    pub fn looked(&self) -> Option<SystemTime> {
        let text = fs_err::read_to_string(self.stamp()).ok()?;
        UNIX_EPOCH.checked_add(Duration::from_secs(text.trim().parse().ok()?))
    }

    /// Forgets when the lists were got: the next build that follows the suite looks again.
    ///
    /// # Errors
    /// When the stamp cannot be removed.
    pub fn forget(&self) -> Result<()> {
        match fs_err::remove_file(self.stamp()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("looked")
    }

    /// Gets the package lists, mirror after mirror until all of one attempt's are there and their signatures are good;
    /// unless `enough` says that what another process got meanwhile will do.
    ///
    /// # Errors
    /// [`Kind::Source`] with what apt said; [`Kind::Missing`] without apt or the keyring.
    pub fn update(&self, enough: impl Fn(SystemTime) -> bool) -> Result<()> {
        self.update_after(enough, |_| {})
    }

    /// As [`Root::update`]; `waiting` is called once when another process is at it, with who that is.
    ///
    /// # Errors
    /// As [`Root::update`].
    pub fn update_after(
        &self,
        enough: impl Fn(SystemTime) -> bool,
        waiting: impl FnOnce(&str),
    ) -> Result<()> {
        let _alone = self.make(waiting)?;
        if self.looked().is_some_and(enough) {
            return Ok(());
        }
        let log = self.folder.join("log/update.log");
        fs_err::write(&log, "")?;
        let mut failure: Option<Failure> = None;
        for settings in &self.settings {
            let began = SystemTime::now();
            files::replace(&self.folder.join(conf::SOURCES), settings.as_bytes())?;
            match self.tool("apt-get").log(&log).arg("update").run() {
                Ok(()) => return self.stamp_at(began),
                Err(next) if next.kind == Kind::Source => {
                    let next = self.explained(next);
                    failure = Some(match failure.take() {
                        Some(first) => first.note(next.to_string()),
                        None => next,
                    });
                }
                Err(next) => return Err(next),
            }
        }
        Err(failure.unwrap_or_else(|| Failure::bug("a root without mirrors")))
    }

    fn stamp_at(&self, time: SystemTime) -> Result<()> {
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        files::replace(&self.stamp(), seconds.to_string().as_bytes())
    }

    fn explained(&self, failure: Failure) -> Failure {
        let said = failure.tool.as_ref().map(|end| end.tail.join("\n"));
        let hint = conf::hint(&said.clone().unwrap_or_default());
        let mut failure =
            failure.while_doing(format!("cannot get the package lists of {}", self.suite));
        for line in conf::errors(&said.unwrap_or_default()) {
            failure = failure.note(line);
        }
        failure.hint(hint)
    }

    /// The newest version of a binary package.
    ///
    /// # Errors
    /// [`Kind::Source`] when the suite has none, or its index says too little.
    pub fn binary(&self, package: &str) -> Result<Candidate> {
        self.newest(package, &["show"], index::binaries)
    }

    /// The newest version of a source package.
    ///
    /// # Errors
    /// As [`Root::binary`].
    pub fn source(&self, package: &str) -> Result<Candidate> {
        self.newest(package, &["showsrc", "--only-source"], index::sources)
    }

    fn newest(&self, package: &str, query: &[&str], read: index::Read) -> Result<Candidate> {
        let _shared = Guard::shared(&self.folder)?;
        let tool = self.tool("apt-cache").args(query).args(["--", package]);
        let text = match tool.read() {
            Err(failure) if index::says_none(&failure) => String::new(),
            answer => answer?,
        };
        let candidates = read(package, &text)
            .map_err(|what| Failure::new(Kind::Source, format!("{}: {what}", self.suite)))?;
        index::newest(candidates).ok_or_else(|| {
            Failure::new(
                Kind::Source,
                format!("{} has no package {package} ({})", self.suite, self.arch),
            )
            .hint("check the name and the suite; a source package and the binary packages made from it can have different names")
        })
    }

    /// Where a file of the archive's pool can be had, best first.
    #[must_use]
    pub fn addresses(&self, path: &str) -> Vec<String> {
        // The security archive keeps its pool apart; any other mirror may still have the file.
        let security = path.starts_with("pool/updates/");
        let mut archives: Vec<&Archive> = self.archives.iter().collect();
        archives.sort_by_key(|archive| (archive.name == mirror::SECURITY) != security);
        let mirrors = archives.iter().flat_map(|archive| &archive.mirrors);
        mirrors.map(|mirror| format!("{mirror}/{path}")).collect()
    }

    /// Downloads what is at an address through apt: its methods, proxies and resuming.
    ///
    /// # Errors
    /// [`Kind::Source`] with what apt said.
    pub fn download(&self, address: &str, to: &Path, sha256: Digest, log: &Path) -> Result<()> {
        drop(self.make(|_| {})?);
        let _shared = Guard::shared(&self.folder)?;
        self.tool(HELPER)
            .log(log)
            .args(["download-file", address])
            .arg(to)
            .arg(format!("SHA256:{sha256}"))
            .run()
    }

    /// What apt complained of first, without the address.
    pub(crate) fn complaint(failure: &Failure) -> String {
        let said = failure.tool.as_ref().map(|end| end.tail.join("\n"));
        let first = conf::errors(&said.unwrap_or_default()).into_iter().next();
        let text = first.unwrap_or_else(|| failure.to_string());
        match text
            .strip_prefix("Failed to fetch ")
            .and_then(|rest| rest.split_once(' '))
        {
            Some((_, why)) => why.trim().to_owned(),
            None => text,
        }
    }

    fn tool(&self, program: &str) -> Tool {
        tool(&self.folder, program)
    }

    /// Makes the root, or heals one whose making was cut short, and brings the host's settings of proxies up to date. Returns
    /// its exclusive lock.
    fn make(&self, waiting: impl FnOnce(&str)) -> Result<Guard> {
        // A path that apt cannot use is to be left alone.
        conf::quotable(&self.folder)?;
        let alone = Guard::exclusive_after(&self.folder, waiting)?;
        furnish(&self.folder, &self.arch)?;
        Ok(alone)
    }
}

/// A program of apt's that sees nothing but the private root in a folder.
pub(crate) fn tool(folder: &Path, program: &str) -> Tool {
    let tool = Tool::new(program)
        .kind(Kind::Source)
        .env("APT_CONFIG", folder.join("apt.conf"));
    PROXIES.iter().fold(tool, |tool, name| tool.pass(name))
}

/// Makes a private root for an architecture in a folder, all but its sources, which go to [`conf::SOURCES`] there.
pub(crate) fn furnish(folder: &Path, arch: &str) -> Result<()> {
    let shown = conf::quotable(folder)?;
    for inner in [
        "etc/preferences.d",
        "state/lists/partial",
        "cache/archives/partial",
        "log",
        "etc/trusted.gpg.d",
        "etc/apt.conf.d",
    ] {
        fs_err::create_dir_all(folder.join(inner))?;
    }
    let dump = Tool::new("apt-config")
        .pass("APT_CONFIG")
        .arg("dump")
        .kind(Kind::Source)
        .read()
        .doing(|| "cannot ask apt for the host's settings".to_owned())?;
    let authority = std::env::var("SSL_CERT_FILE").ok();
    let text = conf::configuration(shown, arch, &dump, authority.as_deref());
    for (name, text) in [("apt.conf", text.as_str()), ("status", "")] {
        let path = folder.join(name);
        if fs_err::read_to_string(&path).ok().as_deref() != Some(text) {
            files::replace(&path, text.as_bytes())?;
        }
    }
    Ok(())
}
