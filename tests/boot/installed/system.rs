//! A Debian of a test's own, to install packages into: a copy of the clean one, in mount, process and network namespaces of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use xtask::digest::Digest;
use xtask::tool::{Running, Stdio, Tool};

use super::base::{self, SHELF};
use super::packages::{self, Packages};

/// Such a system. Whatever runs in it ends with it.
pub(crate) struct System {
    /// Its first process.
    init: String,
    _alive: std::io::PipeWriter,
    _process: Running,
    root: PathBuf,
    _folder: tempfile::TempDir,
}

impl System {
    pub(crate) fn new() -> Result<Self, Failed> {
        let base = base::base()?;
        let folder = tempfile::tempdir()?;
        // The servers' users have to come this far.
        fs_err::set_permissions(folder.path(), PermissionsExt::from_mode(0o755))?;
        let root = folder.path().join("root");
        let copy = Tool::new("cp").args(["--archive", "--reflink=auto"]);
        done(copy.arg(base).arg(&root).run())?;
        let (stdin, mut alive) = std::io::pipe()?;
        let (said, stdout) = std::io::pipe()?;
        // Its first process does nothing but live as long as we do. It does not care for children, so the kernel buries them.
        let process = done(
            Tool::new("setpriv")
                .args(["--pdeathsig", "KILL", "--", "unshare", "--mount", "--pid"])
                .args(["--net", "--ipc", "--uts", "--fork", "--kill-child"])
                .arg(format!("--root={}", root.display()))
                .args(["--wd=/", "--mount-proc", "--"])
                .args(["env", "--ignore-signal=CHLD", "cat"])
                .spawn(Stdio {
                    stdin: Some(stdin),
                    stdout: Some(stdout),
                    ..Stdio::default()
                }),
        )?;
        alive.write_all(b"\n")?;
        BufReader::new(said).read_line(&mut String::new())?;
        let pid = process.pid();
        let children = fs_err::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let system = Self {
            init: children.trim().to_owned(),
            _alive: alive,
            _process: process,
            root,
            _folder: folder,
        };
        let up = Tool::new("nsenter").arg(format!("--net={}", system.network().display()));
        done(up.args(["ip", "link", "set", "lo", "up"]).run())?;
        system.run("apt-get update")?;
        Ok(system)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path in it, which has to be relative.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Its network namespace, where its services listen.
    pub(crate) fn network(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.init).into()
    }

    fn tool(&self, words: &str) -> Tool {
        Tool::new("nsenter")
            .args(["--target", &self.init])
            .args(["--mount", "--pid", "--net", "--ipc", "--uts", "--root"])
            .args(["--wd", "--"])
            .args(words.split(' '))
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    }

    /// What a program says, which must succeed; the words are split at spaces.
    pub(crate) fn run(&self, words: &str) -> Result<String, Failed> {
        done(self.tool(words).read())
    }

    /// Whether a program succeeds.
    pub(crate) fn succeeds(&self, words: &str) -> bool {
        self.tool(words).succeeds()
    }

    /// `apt-get install` and the like, which must succeed, without a warning.
    pub(crate) fn apt(&self, words: &str) -> Result<String, Failed> {
        self.run(&format!("apt-get --yes --quiet {words}"))
    }

    /// Puts packages where its apt finds them.
    pub(crate) fn offer(&self, packages: &Packages) -> Result<(), Failed> {
        for (name, bytes) in packages.iter() {
            fs_err::write(self.path(SHELF).join(name), bytes)?;
        }
        packages::index(&self.path(SHELF))?;
        self.run("apt-get update").map(drop)
    }

    /// Whether no service may start; otherwise those that ask may, and what they ask is in `/run/asked`.
    pub(crate) fn services(&self, start: bool) -> Result<(), Failed> {
        let code = if start { 0 } else { 101 };
        let text = format!("#!/bin/sh\necho \"$@\" >>/run/asked\nexit {code}\n");
        Ok(fs_err::write(self.path(base::POLICY), text)?)
    }

    /// Everything in it that an administrator would call his system, as piuparts compares it: not logs, not caches, not what dpkg and apt
    /// write down for themselves. Versions of packages are among it.
    pub(crate) fn state(&self) -> Result<BTreeMap<String, String>, Failed> {
        let mut state = BTreeMap::new();
        let walk = walkdir::WalkDir::new(&self.root).sort_by_file_name();
        let walk = walk.into_iter().filter_entry(|entry| {
            let path = entry.path().strip_prefix(&self.root).unwrap();
            !PASSING.iter().any(|passing| path == Path::new(passing))
        });
        for entry in walk {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let content = if metadata.is_symlink() {
                fs_err::read_link(entry.path())?.display().to_string()
            } else if metadata.is_file() {
                Digest::of_file(entry.path())?.0.short()
            } else {
                String::new()
            };
            let path = entry.path().strip_prefix(&self.root)?;
            let (mode, uid, gid) = (metadata.mode(), metadata.uid(), metadata.gid());
            state.insert(
                path.display().to_string(),
                format!("{mode:o} {uid}:{gid} {content}"),
            );
        }
        state.insert("dpkg --list".to_owned(), self.run("dpkg --list")?);
        Ok(state)
    }
}

/// What comes and goes whatever is installed.
const PASSING: &[&str] = &[
    "dev",
    "opt/debian",
    "proc",
    "run",
    "tmp",
    "usr/sbin/policy-rc.d",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg/available",
    "var/lib/dpkg/available-old",
    "var/lib/dpkg/info/format",
    "var/lib/dpkg/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/triggers",
    "var/log",
];

/// What was there before and is not there as it was, one line each.
pub(crate) fn difference(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<String> {
    let gone = before
        .iter()
        .filter(|(path, what)| after.get(*path) != Some(what));
    let come = after
        .iter()
        .filter(|(path, what)| before.get(*path) != Some(what));
    let gone = gone.map(|(path, what)| format!("- {path} {what}"));
    gone.chain(come.map(|(path, what)| format!("+ {path} {what}")))
        .collect()
}

pub(crate) fn done<T>(result: xtask::failure::Result<T>) -> Result<T, Failed> {
    result.map_err(|failure| format!("{failure:#?}").into())
}
