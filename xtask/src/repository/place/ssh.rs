//! A repository in a folder on another machine, by `ssh` and `rsync`. Each file is written beside its place and renamed into it.
//!
//! Whatever stands in the description is nothing but a host, a folder and words by the time a shell sees it (`words`).

mod connection;
mod lock;
mod session;
mod words;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connection::Connection;

use super::{Bytes, Held, Nature, Place, Put, There, checked, owner};
use crate::digest::Digest;
use crate::event::{Event, Listen};
use crate::failure::{Doing, Result};

/// Every script's first argument is the repository's folder. What it answers begins with `+`, or is `-`: there is none.
const READ: &str = r#"[ -e "$1" ] || { echo -; exit; }; cd -- "$1" || exit 3; [ -e "$2" ] || { echo -; exit; }; echo +; exec head -c "$3" -- "$2""#;
const SIZE: &str = r#"[ -e "$1" ] || { echo -; exit; }; cd -- "$1" || exit 3; [ -e "$2" ] || { echo -; exit; }; echo +; exec stat -c %s -- "$2""#;
const DIGEST: &str = r#"[ -e "$1" ] || { echo -; exit; }; cd -- "$1" || exit 3; [ -e "$2" ] || { echo -; exit; }; echo +; exec sha256sum -- "$2""#;
const LIST: &str = r#"[ -e "$1" ] || { echo -; exit; }; cd -- "$1" || exit 3; [ -e "$2" ] || { echo -; exit; }; echo +; exec find "$2" -type f -printf "%s %p\0""#;
/// Names on standard input, each with a NUL at its end.
const REMOVE: &str = r#"cd -- "$1" || exit 3; exec xargs -0 -r sh -c "for file; do rm -f -- \"\$file\" || exit 255; case \"\$file\" in */*) rmdir -p -- \"\${file%/*}\" 2>/dev/null;; esac; done; exit 0" sh"#;
/// A word, two spaces and the name, for each of those that are there.
const DIGESTS: &str = r#"cd -- "$1" || exit 3; exec xargs -0 -r sh -c "for file; do [ ! -e \"\$file\" ] || sha256sum -- \"\$file\" || exit 255; done" sh"#;
const TIMES: &str = r#"cd -- "$1" || exit 3; exec xargs -0 -r sh -c "for file; do [ ! -e \"\$file\" ] || stat -c \"%Y  %n\" -- \"\$file\" || exit 255; done" sh"#;
const SYNC: &str = r#"cd -- "$1" || exit 3; sync -f . 2>/dev/null || exec sync"#;
const AFTER: &str = r#"cd -- "$1" || exit 3; shift; exec "$@""#;

/// `--ignore-times`: two texts of the same second may have the same length. `-s`: no shell there sees a name.
const RSYNC: &[&str] = &[
    "-s",
    "--copy-links",
    "--no-implied-dirs",
    "--perms",
    "--times",
    "--omit-dir-times",
    "--chmod=F644",
    "--ignore-times",
    "--whole-file",
    "--from0",
    "--timeout=60",
];

/// A folder on another machine.
pub struct Ssh {
    host: String,
    path: String,
    after: Vec<String>,
    options: Vec<String>,
    connection: Mutex<Option<Arc<Connection>>>,
}

impl Ssh {
    /// The folder `path` on `host`; `after` is run there in the end, `options` are more of ssh(1)'s. Nothing is connected to yet.
    ///
    /// # Errors
    /// [`Kind::Recipe`](crate::failure::Kind::Recipe) for a host, path, command or option that could be taken for something else.
    pub fn new(host: &str, path: &str, after: &[String], options: &[String]) -> Result<Self> {
        words::valid_host(host)?;
        words::valid_path(path)?;
        words::valid_command(after)?;
        words::valid_options(options)?;
        Ok(Self {
            host: host.to_owned(),
            path: path.trim_end_matches('/').to_owned(),
            after: after.to_owned(),
            options: options.to_owned(),
            connection: Mutex::new(None),
        })
    }

    /// The connection; made when there is none yet. One that was lost stays lost until somebody locks again: without the lock that went
    /// with it nothing may be written.
    fn connection(&self) -> Result<Arc<Connection>> {
        let mut kept = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = &*kept {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(Connection::open(&self.host, &self.options)?);
        *kept = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Forgets a connection that was lost.
    fn forget_lost(&self) {
        let mut kept = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.take_if(|connection| !connection.alive());
    }

    /// Runs a script with the repository's folder and these arguments.
    fn run(&self, script: &str, args: &[&str], stdin: Vec<u8>, doing: &str) -> Result<Vec<u8>> {
        let connection = self.connection()?;
        let args: Vec<&str> = [self.path.as_str()].iter().chain(args).copied().collect();
        connection
            .script(script, &args)
            .stdin(stdin)
            .bytes()
            .map_err(|failure| connection.explained(failure, doing))
    }

    /// As [`Ssh::run`], for a script that says first whether there is anything.
    fn ask(&self, script: &str, args: &[&str], doing: &str) -> Result<Option<Vec<u8>>> {
        let mut said = self.run(script, args, Vec::new(), doing)?;
        match said.as_slice() {
            b"-\n" => Ok(None),
            [b'+', b'\n', ..] => Ok(Some(said.split_off(2))),
            _ => Err(connection::cannot(&self.host, doing).note("its answer is none of ours")),
        }
    }

    /// Runs a script for each of these files that is there; it says one word for each.
    fn each(&self, script: &str, puts: &[&Put], doing: &str) -> Result<BTreeMap<String, String>> {
        let names = ended(puts.iter().map(|put| put.name.as_str()));
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let said = self.run(script, &[], names, doing)?;
        let said = String::from_utf8_lossy(&said);
        let lines = said.lines().filter_map(|line| line.split_once("  "));
        Ok(lines
            .map(|(word, name)| (name.to_owned(), word.to_owned()))
            .collect())
    }

    /// What has to be sent, and with which time of change: all but files that are there and may not change.
    fn wanted<'a>(&self, puts: &'a [Put]) -> Result<Vec<(&'a Put, SystemTime)>> {
        let (immutable, changing): (Vec<&Put>, Vec<&Put>) =
            puts.iter().partition(|put| put.nature == Nature::Immutable);
        let digests = self.each(DIGESTS, &immutable, "compare files on")?;
        let times = self.each(TIMES, &changing, "look at files on")?;
        let now = SystemTime::now();
        let mut wanted = Vec::new();
        for put in puts {
            match digests.get(&put.name) {
                Some(digest) if *digest == put.bytes.digest()?.to_string() => {}
                Some(_) => return Err(super::other_bytes(&put.name, &self.describe())),
                None => wanted.push((put, later(now, times.get(&put.name)))),
            }
        }
        Ok(wanted)
    }

    /// Sends what stands in a folder here, under these names.
    fn send(&self, staged: &Path, names: &[&str]) -> Result<()> {
        let connection = self.connection()?;
        let mut list =
            tempfile::NamedTempFile::new().doing(|| "cannot make a temporary file".to_owned())?;
        list.write_all(&ended(names.iter().copied()))?;
        let files = format!("--files-from={}", list.path().display());
        let mut options = RSYNC.to_vec();
        let staging = format!("--temp-dir={}", connection.staging);
        options.extend([files.as_str(), &staging]);
        if connection.fsync {
            options.push("--fsync");
        }
        connection
            .rsync(
                &options,
                &format!("{}/", staged.display()),
                &format!("{}/", self.path),
            )
            .run()
            .map_err(|failure| connection.explained(failure, "copy files to"))
    }
}

/// Names as programs take them with `-0`.
fn ended<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u8> {
    names.flat_map(|name| name.bytes().chain([0])).collect()
}

/// Now, or a second after the file changed last, for this is what clients compare.
fn later(now: SystemTime, changed: Option<&String>) -> SystemTime {
    let changed = changed.and_then(|seconds| seconds.parse().ok());
    let next = changed.and_then(|seconds: u64| {
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds.checked_add(1)?))
    });
    next.map_or(now, |next| now.max(next))
}

/// Puts what is to be sent into a folder as it is to be there: links to files that stay as they are, and other files with their times.
fn stage(wanted: &[(&Put, SystemTime)]) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir().doing(|| "cannot make a temporary folder".to_owned())?;
    for (put, time) in wanted {
        let path = folder.path().join(&put.name);
        fs_err::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        let immutable = put.nature == Nature::Immutable;
        match &put.bytes {
            Bytes::Of(file) if immutable => {
                fs_err::os::unix::fs::symlink(fs_err::canonicalize(file)?, &path)?;
                continue;
            }
            Bytes::Of(file) => fs_err::copy(file, &path).map(drop)?,
            Bytes::Here(bytes) => fs_err::write(&path, bytes)?,
        }
        let file = fs_err::OpenOptions::new().append(true).open(&path)?;
        file.file()
            .set_modified(*time)
            .doing(|| format!("cannot set the time of {}", path.display()))?;
    }
    Ok(folder)
}

/// One line of a listing: bytes, and the name below the repository.
fn entry(line: &[u8]) -> Option<There> {
    let (size, name) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some(There {
        name: name.strip_prefix("./").unwrap_or(name).to_owned(),
        size: size.parse().ok()?,
    })
}

impl Place for Ssh {
    fn describe(&self) -> String {
        format!("{}:{}", self.host, self.path)
    }

    fn lock(&self, listen: &dyn Listen) -> Result<Box<dyn Held>> {
        self.forget_lost();
        let lock = lock::take(&self.connection()?, &self.path, &owner(), listen)?;
        Ok(Box::new(lock))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        checked(name)?;
        let most = limit.saturating_add(1).to_string();
        let bytes = self.ask(READ, &[name, &most], "read a file on")?;
        match &bytes {
            Some(bytes) if bytes.len() as u64 > limit => Err(super::too_long(name, limit)),
            _ => Ok(bytes),
        }
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        checked(name)?;
        let Some(said) = self.ask(SIZE, &[name], "look at a file on")? else {
            return Ok(None);
        };
        let size = String::from_utf8_lossy(&said).trim().parse();
        size.map(Some).map_err(|_| {
            connection::cannot(&self.host, "look at a file on").note("its answer is no size")
        })
    }

    fn digest(&self, name: &str) -> Result<Option<Digest>> {
        checked(name)?;
        let Some(said) = self.ask(DIGEST, &[name], "read a file on")? else {
            return Ok(None);
        };
        let said = String::from_utf8_lossy(&said);
        let digits = said.get(..64).unwrap_or_default();
        let digest = digits.parse().map_err(|_| {
            connection::cannot(&self.host, "read a file on").note("its answer is no digest")
        });
        digest.map(Some)
    }

    fn write(&self, puts: &[Put]) -> Result<()> {
        for put in puts {
            checked(&put.name)?;
        }
        let wanted = self.wanted(puts)?;
        if !wanted.is_empty() {
            let staged = stage(&wanted)?;
            let names: Vec<&str> = wanted.iter().map(|(put, _)| put.name.as_str()).collect();
            self.send(staged.path(), &names)?;
        }
        self.run(SYNC, &[], Vec::new(), "sync the disks of")
            .map(drop)
    }

    fn list(&self, folder: &str) -> Result<Vec<There>> {
        // find(1) would take `-x` for an option.
        let below = format!("./{}", checked(folder)?);
        let said = self
            .ask(LIST, &[&below], "list files on")?
            .unwrap_or_default();
        let entries = said
            .split(|&byte| byte == 0)
            .filter(|line| !line.is_empty());
        let mut list = Vec::new();
        for line in entries {
            let entry = entry(line).ok_or_else(|| {
                connection::cannot(&self.host, "list files on")
                    .note("its answer is no list of files")
            })?;
            if !super::is_unfinished(&entry.name) {
                list.push(entry);
            }
        }
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(list)
    }

    fn remove(&self, names: &[String]) -> Result<()> {
        for name in names {
            checked(name)?;
        }
        let names = ended(names.iter().map(String::as_str));
        self.run(REMOVE, &[], names, "remove files on").map(drop)
    }

    fn finish(&self, listen: &dyn Listen) -> Result<()> {
        if self.after.is_empty() {
            return Ok(());
        }
        let words: Vec<&str> = self.after.iter().map(String::as_str).collect();
        listen.hear(Event::Note(format!(
            "running {} on {}",
            words.join(" "),
            self.host
        )));
        let ran = self.run(AFTER, &words, Vec::new(), "run the command afterwards on");
        ran.map(drop).map_err(|failure| {
            let hint = format!(
                "the repository is published: run {} on {} by hand when it is mended",
                words.join(" "),
                self.host
            );
            failure.hint(hint)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_survive_single_quotes() {
        for script in [
            READ, SIZE, DIGEST, LIST, REMOVE, DIGESTS, TIMES, SYNC, AFTER,
        ] {
            assert!(!script.contains(['\'', '\n']), "{script}");
        }
    }

    #[test]
    fn a_listing_is_read_as_find_writes_it() {
        let entry = entry(b"12 ./pool/a b").unwrap();
        assert_eq!((entry.name.as_str(), entry.size), ("pool/a b", 12));
        for bad in [&b"x ./a"[..], b"12", b"", b"1 \xff"] {
            assert!(super::entry(bad).is_none());
        }
    }

    #[test]
    fn nothing_hostile_becomes_a_place() {
        let new = |host: &str, path: &str| Ssh::new(host, path, &[], &[]);
        assert!(new("a", "/b").is_ok());
        assert!(new("-oProxyCommand=id", "/b").is_err());
        assert!(new("a", "-b").is_err());
    }
}
