//! Gets the bytes of one file, from one address after the other, and lets nothing pass whose digest is not
//! the expected one. What came before a connection broke is kept and continued; under its final
//! name a file is whole or not there.

mod http;
#[cfg(test)]
mod tests;
pub mod trust;
mod unreachable;
mod words;

pub use unreachable::Unreachable;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::apt::{Debian, Root};
use super::resolve::{File, Origin};
use super::spec::Policy;
use crate::digest::Digest;
use crate::event::{Event, Listen};
use crate::failure::{Failure, Kind, Result};
use crate::files::Guard;

/// Why a file could not be had.
#[derive(Debug)]
pub enum Missed {
    /// Everybody who was asked answered, and nobody has it any more.
    Gone(Failure),
    /// Anything else.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Missed {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Missed {
    /// The failure, whichever it is.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Gone(failure) | Self::Failed(failure) => failure,
        }
    }
}

/// When an answer is given up on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest wait for a connection, an answer, or more of it.
    pub silence: Duration,
    /// Over this long, at least [`Limits::least`] bytes have to arrive.
    pub window: Duration,
    /// Bytes in each window.
    pub least: u64,
    /// Most bytes that a file of unknown size may have.
    pub most: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            window: Duration::from_secs(30),
            least: 30 << 10,
            most: 16 << 30,
        }
    }
}

/// What fetching needs.
pub struct Fetcher<'a> {
    /// Folder where unfinished downloads wait, under the cache folder.
    pub partial: PathBuf,
    /// The archives that files of Debian packages come from.
    pub debian: &'a Debian,
    /// When an answer is given up on.
    pub limits: Limits,
    /// Hosts that are not asked again in this run.
    pub unreachable: &'a Unreachable,
    /// The step that progress is told of.
    pub step: &'a str,
    /// Who hears of progress.
    pub listen: &'a dyn Listen,
}

/// Why one address did not help.
pub(crate) enum Why {
    /// It says that it does not have the file.
    Absent(String),
    /// There is no connection to its host: nothing else of that host is worth asking for.
    Unreachable(String),
    /// It broke off: worth asking for the rest.
    Broken(String),
    /// Anything else that another address may do better.
    Bad(String),
    /// Nothing another address could mend: no space, an interrupt.
    Fatal(Failure),
}

impl From<Failure> for Why {
    fn from(failure: Failure) -> Self {
        Self::Fatal(failure)
    }
}

impl From<std::io::Error> for Why {
    fn from(error: std::io::Error) -> Self {
        Self::Fatal(error.into())
    }
}

impl Fetcher<'_> {
    /// Gets a file and puts it at `to`, whose folder has to be there.
    ///
    /// # Errors
    /// [`Missed`] with every address that was tried, and why it did not help.
    pub fn fetch(&self, file: &File, to: &Path) -> Result<(), Missed> {
        let folder = self.partial.join(file.sha256.to_string());
        let waiting = |who: &str| self.listen.hear(Event::waiting(who, &file.name));
        let _alone = Guard::exclusive_after(&folder, waiting)?;
        let data = folder.join("data");
        if data.exists() {
            // A downloader that outlived its killed parent may still write into what is there.
            detach(&data)?;
        }
        self.download(file, &data)?;
        place(&data, to)?;
        // The folder may hold what apt left beside it; it is only room that it takes.
        fs_err::remove_dir_all(&folder).ok();
        Ok(())
    }

    fn download(&self, file: &File, data: &Path) -> Result<(), Missed> {
        if data.exists() && differs(file, data)?.is_none() {
            return Ok(());
        }
        let root = self.root(&file.origin)?;
        let addresses = match (&file.origin, &root) {
            (Origin::Pool { path, .. }, Some(root)) => root.addresses(path),
            (Origin::Urls(urls), _) => urls.clone(),
            (Origin::Pool { .. }, None) => Vec::new(),
        };
        let mut tried = Vec::new();
        let mut absent = 0;
        for address in &addresses {
            if let Some(why) = self.unreachable.why(address) {
                tried.push(format!("{}: {why}", words::shown(address)));
                continue;
            }
            let why = match self.attempt(root.as_ref(), address, file, data) {
                Ok(()) => return Ok(()),
                Err(Why::Fatal(failure)) => return Err(Missed::Failed(failure)),
                Err(Why::Absent(why)) => {
                    absent += 1;
                    why
                }
                Err(Why::Unreachable(why)) => {
                    self.unreachable.note(address, &why);
                    why
                }
                Err(Why::Broken(why) | Why::Bad(why)) => why,
            };
            tried.push(format!("{}: {why}", words::shown(address)));
        }
        Err(self.missed(file, root.as_ref(), tried, absent))
    }

    /// One address. What an earlier one left may be what is wrong: then it is asked again for all of it.
    fn attempt(
        &self,
        root: Option<&Root>,
        address: &str,
        file: &File,
        data: &Path,
    ) -> Result<(), Why> {
        loop {
            let continued = data.metadata().is_ok_and(|meta| meta.len() > 0);
            match root {
                Some(root) => self.by_apt(root, address, file, data)?,
                None => http::get(self, address, file, data)?,
            }
            let Some(difference) = differs(file, data)? else {
                return Ok(());
            };
            fs_err::remove_file(data)?;
            if !continued {
                return Err(Why::Bad(difference));
            }
        }
    }

    fn root(&self, origin: &Origin) -> Result<Option<Root>> {
        match origin {
            Origin::Pool {
                suite, components, ..
            } => self.debian.root(suite, components).map(Some),
            Origin::Urls(_) => Ok(None),
        }
    }

    /// Through apt's own downloader, which knows proxies, other kinds of addresses, and how to resume.
    fn by_apt(&self, root: &Root, address: &str, file: &File, data: &Path) -> Result<(), Why> {
        let log = data.with_file_name("log");
        let (done, ended) = mpsc::channel::<()>();
        let answer = std::thread::scope(|scope| {
            let worker = scope.spawn(move || {
                let answer = root.download(address, data, file.sha256, &log);
                drop(done);
                answer
            });
            // Disconnected when the worker drops its end.
            while ended.recv_timeout(PROGRESS) == Err(mpsc::RecvTimeoutError::Timeout) {
                let length = data.metadata().map_or(0, |meta| meta.len());
                self.progress(file, address, length);
            }
            worker.join()
        });
        match answer.unwrap_or_else(|_| Err(Failure::bug("the downloading thread panicked"))) {
            // apt answers with a link where the file is on this machine.
            Ok(()) if data.is_symlink() => Ok(detach(data)?),
            Ok(()) => Ok(()),
            Err(failure) if failure.kind != Kind::Source => Err(Why::Fatal(
                failure.while_doing(format!("cannot download {}", file.name)),
            )),
            Err(failure) => {
                let why = Root::complaint(&failure);
                let absent = ["404 ", "410 ", "File not found"]
                    .iter()
                    .any(|words| why.contains(words));
                Err(match why {
                    why if absent => Why::Absent(why),
                    why if unreachable::says_apt(&why) => Why::Unreachable(why),
                    why => Why::Bad(why),
                })
            }
        }
    }

    fn progress(&self, file: &File, address: &str, done: u64) {
        self.listen.hear(Event::Progress {
            step: self.step.to_owned(),
            line: words::progress(&file.name, file.size, done, address),
        });
    }

    fn missed(
        &self,
        file: &File,
        root: Option<&Root>,
        tried: Vec<String>,
        absent: usize,
    ) -> Missed {
        let gone = absent == tried.len();
        let (what, hint) = sentence(file, gone);
        let mut failure = Failure::new(Kind::Source, what).hint(hint);
        failure.notes = tried;
        if !gone {
            return Missed::Failed(failure);
        }
        // Whoever follows the suite looks again on the next run.
        match root.map(Root::forget) {
            Some(Err(forgetting)) => Missed::Gone(failure.note(forgetting.to_string())),
            _ => Missed::Gone(failure),
        }
    }
}

/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(250);

fn sentence(file: &File, gone: bool) -> (String, &'static str) {
    let name = &file.name;
    match (&file.origin, gone) {
        (
            Origin::Pool {
                policy: Policy::Pin,
                suite,
                ..
            },
            true,
        ) => (
            format!(
                "{name} is pinned by recipes/sources.lock, but {suite}'s mirror no longer has it"
            ),
            "move on to what the suite has now with `cargo xtask update`, or name a mirror that keeps old versions in site.toml",
        ),
        (
            Origin::Pool {
                policy: Policy::Follow,
                suite,
                ..
            },
            true,
        ) => (
            format!("{suite}'s mirror no longer has {name}"),
            "run the same command again: it looks at what the suite has now; where that does not help, name another mirror in site.toml",
        ),
        (Origin::Pool { .. }, false) => (
            format!("cannot get {name} from the mirrors of Debian's archive"),
            "check the network, and the proxy that apt is configured with; or name another mirror in site.toml",
        ),
        (Origin::Urls(_), _) => (
            format!("cannot get {name} with the digest that the recipe names"),
            "check the network and the addresses; where the bytes were changed on purpose, check them and change `sha256` in the recipe",
        ),
    }
}

/// How a file differs from what it should be, if it does.
fn differs(file: &File, data: &Path) -> Result<Option<String>> {
    let (sha256, length) = Digest::of_file(data)?;
    if let Some(size) = file.size.filter(|size| *size != length) {
        return Ok(Some(format!("it has {length} bytes, not {size}")));
    }
    let wrong = sha256 != file.sha256;
    Ok(wrong.then(|| format!("its SHA-256 is {sha256}, not {}", file.sha256)))
}

/// Makes a file, or what a link points to, a file that nobody else has open.
fn detach(data: &Path) -> Result<()> {
    let copy = data.with_file_name("copy");
    fs_err::copy(data, &copy)?;
    Ok(fs_err::rename(&copy, data)?)
}

/// Moves a verified file to its final name, across file systems if need be.
fn place(data: &Path, to: &Path) -> Result<()> {
    let synced = fs_err::File::open(data)?;
    synced.sync_all()?;
    match fs_err::rename(data, to) {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
            let folder = to.parent().unwrap_or(Path::new("/"));
            let copy = tempfile::NamedTempFile::new_in(folder)?;
            fs_err::copy(data, copy.path())?;
            copy.as_file().sync_all()?;
            let kept = copy.into_temp_path().keep().map_err(std::io::Error::from)?;
            Ok(fs_err::rename(kept, to)?)
        }
        answer => Ok(answer?),
    }
}
