//! Who the tools are: the version each says it has, which enters the keys of the steps that use it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::digest::Digest;
use crate::failure::{self, Failure, Result};
use crate::files;
use crate::needs;
use crate::recipe::schema::Libc;
use crate::tool::Tool;

/// How a tool's identity is found.
#[derive(Clone, Copy, Debug)]
enum Identity {
    /// The first line of what it prints with `--version`.
    Version(&'static str),
    /// The digest of a file that is linked into what is built.
    File(&'static str),
}

use Identity::{File, Version};

/// What a kernel's build calls (Documentation/process/changes.rst).
const KERNEL: &[(&str, Identity)] = &[
    ("bc", Version("bc")),
    ("bison", Version("bison")),
    ("depmod", Version("depmod")),
    ("flex", Version("flex")),
    ("gcc", Version("gcc")),
    ("gzip", Version("gzip")),
    ("ld", Version("ld")),
    ("lz4", Version("lz4")),
    ("make", Version("make")),
    ("perl", Version("perl")),
    ("xz", Version("xz")),
    ("zstd", Version("zstd")),
];

/// busybox is compiled against the host's kernel headers; this one holds their version.
const BUSYBOX: &[(&str, Identity)] = &[
    ("gcc", Version("gcc")),
    ("kernel headers", File("/usr/include/linux/version.h")),
    ("ld", Version("ld")),
    ("make", Version("make")),
];

/// The compiler for an architecture, and what is linked into what it makes.
struct Target {
    compiler: &'static [(&'static str, Identity)],
    musl: &'static [(&'static str, Identity)],
    glibc: &'static [(&'static str, Identity)],
}

/// A cross compiler and its C library, as Debian's packages have them.
macro_rules! cross {
    ($tuple:literal) => {
        Target {
            compiler: &[
                (concat!($tuple, "-gcc"), Version(concat!($tuple, "-gcc"))),
                (concat!($tuple, "-ld"), Version(concat!($tuple, "-ld"))),
            ],
            musl: &[],
            glibc: &[
                (
                    "kernel headers",
                    File(concat!("/usr/", $tuple, "/include/linux/version.h")),
                ),
                ("libc", File(concat!("/usr/", $tuple, "/lib/libc.a"))),
            ],
        }
    };
}

const fn target(arch: Arch) -> Target {
    match arch {
        Arch::Amd64 => Target {
            compiler: &[],
            musl: &[("libc", File("/usr/lib/x86_64-linux-musl/libc.a"))],
            glibc: &[("libc", File("/usr/lib/x86_64-linux-gnu/libc.a"))],
        },
        Arch::Arm64 => cross!("aarch64-linux-gnu"),
        Arch::Armhf => cross!("arm-linux-gnueabihf"),
        Arch::Ppc64el => cross!("powerpc64le-linux-gnu"),
    }
}

/// Tools and their versions. One that is missing has the version `missing`: planning goes on,
/// and the step that needs it fails with what to install.
pub type Tools = BTreeMap<String, String>;

/// The version of a tool that does not run. No step may run with it.
pub const BROKEN: &str = "broken";

/// Both sets of tools.
#[must_use]
pub fn both(mut tools: Tools, others: Tools) -> Tools {
    tools.extend(others);
    tools
}

/// Remembers what tools said of themselves, so that a build with nothing to do starts none of them. A tool whose file is another one, by
/// path, length or time of change, is asked again.
#[derive(Debug, Default)]
pub struct Memory {
    path: PathBuf,
    /// Program or file → who it is, and what its file was like when that was found out.
    known: Mutex<Known>,
    news: AtomicBool,
}

type Known = BTreeMap<String, Remembered>;

/// The memory as it is written: what a tool says of itself goes into keys and manifests, so damage must not pass for it.
#[derive(Deserialize, Serialize)]
struct Written<K> {
    digest: Digest,
    known: K,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Remembered {
    file: FileLooks,
    identity: String,
}

/// What a file is like from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileLooks {
    path: PathBuf,
    length: u64,
    changed: i64,
    changed_nanoseconds: i64,
}

impl FileLooks {
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        // Compilers are found through links; what counts is where they lead.
        let path = path.canonicalize().ok()?;
        let meta = path.metadata().ok()?;
        Some(Self {
            length: meta.len(),
            changed: meta.ctime(),
            changed_nanoseconds: meta.ctime_nsec(),
            path,
        })
    }
}

impl Memory {
    /// What was remembered in a cache folder. A memory that cannot be read, or is damaged, is an empty one.
    #[must_use]
    pub fn of(cache: &Path) -> Self {
        let path = cache.join("tools.json");
        let written = std::fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Written<Known>>(&bytes).ok())
            .filter(|written| Digest::of_value(&written.known) == written.digest);
        Self {
            path,
            known: Mutex::new(written.map_or_else(Known::new, |written| written.known)),
            news: AtomicBool::new(false),
        }
    }

    /// Writes down what is new. Planning does not call this: it never writes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self) -> Result<()> {
        if !self.news.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let known = &*self.lock();
        let digest = Digest::of_value(known);
        let bytes = serde_json::to_vec(&Written { digest, known })
            .map_err(|error| Failure::bug(format!("tools cannot be written down: {error}")))?;
        files::replace(&self.path, &bytes)
    }

    /// What a kernel for this architecture is built with.
    ///
    /// # Errors
    /// When the host fails.
    pub fn kernel(&self, arch: Arch) -> Result<Tools> {
        Ok(both(
            self.identify(KERNEL)?,
            self.identify(target(arch).compiler)?,
        ))
    }

    /// What busybox for this architecture is built with.
    ///
    /// # Errors
    /// When the host fails.
    pub fn busybox(&self, libc: Libc, arch: Arch) -> Result<Tools> {
        let target = target(arch);
        let libc = match libc {
            Libc::Musl => target.musl,
            Libc::Glibc => target.glibc,
        };
        let tools = both(self.identify(BUSYBOX)?, self.identify(target.compiler)?);
        Ok(both(tools, self.identify(libc)?))
    }

    fn identify(&self, tools: &[(&str, Identity)]) -> Result<Tools> {
        // Side by side: each is a process, and there are ten of them.
        std::thread::scope(|scope| {
            let asked: Vec<_> = tools
                .iter()
                .map(|&(name, identity)| (name, scope.spawn(move || self.find(identity))))
                .collect();
            asked
                .into_iter()
                .map(|(name, answer)| {
                    let answer = answer.join().map_err(|_| failure::panicked())??;
                    Ok((name.to_owned(), answer))
                })
                .collect()
        })
    }

    fn find(&self, identity: Identity) -> Result<String> {
        let (name, path) = match identity {
            Version(program) => (program, needs::find(program)),
            File(path) => (path, Some(PathBuf::from(path))),
        };
        let Some(looks) = path.as_deref().and_then(FileLooks::of) else {
            return Ok("missing".to_owned());
        };
        let known = self
            .lock()
            .get(name)
            .filter(|known| known.file == looks)
            .cloned();
        if let Some(known) = known {
            return Ok(known.identity);
        }
        let found = identity.ask(&looks.path)?;
        self.lock().insert(
            name.to_owned(),
            Remembered {
                file: looks,
                identity: found.clone(),
            },
        );
        self.news.store(true, Ordering::Relaxed);
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Our own code, for steps that run in it and are quick: whatever changes in it runs them again.
#[must_use]
pub fn ours() -> Tools {
    [(
        "cordwainer".to_owned(),
        env!("CORDWAINER_SOURCE_DIGEST").to_owned(),
    )]
    .into()
}

/// Our own code, for steps too long to run again at every change of it: a number, raised by hand when the step changes.
#[must_use]
pub fn revision(number: u32) -> Tools {
    [("cordwainer".to_owned(), format!("revision {number}"))].into()
}

impl Identity {
    fn ask(self, file: &Path) -> Result<String> {
        match self {
            Version(program) => match Tool::new(program).arg("--version").answer()? {
                Some(said) => Ok(said
                    .lines()
                    .map(str::trim)
                    .find(|line| !line.is_empty())
                    .unwrap_or("")
                    .to_owned()),
                // The step that needs it says so; planning goes on.
                None => Ok(BROKEN.to_owned()),
            },
            File(_) => Ok(Digest::of_file(file)?.0.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_not_asked_again_until_the_file_changes() {
        let cache = tempfile::tempdir().unwrap();
        let memory = Memory::of(cache.path());
        let make = memory.find(Version("make")).unwrap();
        assert!(make.starts_with("GNU Make"), "{make}");
        assert!(
            !cache.path().join("tools.json").exists(),
            "asking writes nothing"
        );
        memory.keep().unwrap();
        let again = Memory::of(cache.path());
        assert_eq!(again.find(Version("make")).unwrap(), make);
        assert!(!again.news.load(Ordering::Relaxed));
        if let Some(known) = again.lock().get_mut("make") {
            known.file.length += 1;
            known.identity = "another one".to_owned();
        }
        assert_eq!(again.find(Version("make")).unwrap(), make);
        assert!(again.news.load(Ordering::Relaxed));
    }

    #[test]
    fn a_damaged_memory_is_an_empty_one() {
        let cache = tempfile::tempdir().unwrap();
        let memory = Memory::of(cache.path());
        let make = memory.find(Version("make")).unwrap();
        memory.keep().unwrap();
        let whole = fs_err::read(&memory.path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs_err::write(&memory.path, bytes).unwrap();
            let known = Memory::of(cache.path());
            let known: Vec<String> = known
                .lock()
                .values()
                .map(|it| it.identity.clone())
                .collect();
            assert!(known.is_empty() || known == [make.clone()], "{known:?}");
        }
    }

    #[test]
    fn a_missing_tool_does_not_stop_planning() {
        let memory = Memory::default();
        assert_eq!(memory.find(Version("no-such-program")).unwrap(), "missing");
    }
}
