//! One connection to another machine, which all commands share (`ControlMaster` of `ssh_config(5)`): ten operations cost one handshake.
//!
//! The user's own configuration, agent and environment count when it is made. The commands only get the socket it is shared by, so that
//! nothing of the host's name, the options or the configuration reaches their command lines, and none connects by itself when it is gone.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use super::session::{Answer, Session};
use super::words;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::repository::place::unique;
use crate::tool::Tool;

/// How long connecting may take with everything that belongs to it; ssh gives up sooner itself, where it can tell.
const CONNECTING: Duration = Duration::from_secs(60);
/// Longest folder that a socket's path (108 bytes, with ssh's own 17 at its end; unix(7)) can be in.
const LONGEST_FOLDER: usize = 60;
/// What stands for the host in command lines that go over the shared connection.
const THERE: &str = "there";

/// Options that the user's cannot override.
const FIRMLY: &[&str] = &[
    "-T",
    "-x",
    "-a",
    "-M",
    "-oBatchMode=yes",
    "-oControlPersist=no",
    "-oClearAllForwardings=yes",
    "-oPermitLocalCommand=no",
    "-oRemoteCommand=none",
];
/// Options that those in the repository's description override: a dead connection is noticed within 45 seconds.
const KINDLY: &[&str] = &[
    "-oConnectTimeout=15",
    "-oServerAliveInterval=15",
    "-oServerAliveCountMax=3",
];
/// Options of what goes over the connection; without it, they cannot connect at all.
const SHARED: &[&str] = &[
    "-F",
    "/dev/null",
    "-T",
    "-oBatchMode=yes",
    "-oControlMaster=no",
    "-oProxyCommand=false",
];

/// Says that the login shell works, and whether rsync can sync what it writes; ends when we do.
const READY: &str =
    r#"echo "ready $(rsync --help 2>/dev/null | grep -c -e --fsync)"; exec cat >/dev/null"#;

/// A connection.
pub(super) struct Connection {
    host: String,
    // Ended before the folder with its socket is removed.
    master: Mutex<Session>,
    folder: TempDir,
    /// Where unfinished files of this connection are, below the repository's folder. Whoever gets the lock after us removes it: what is
    /// still under way then comes to nothing.
    pub(super) staging: String,
    /// Whether rsync there can sync what it writes (3.2.4 and later).
    pub(super) fsync: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When that fails, with what can be done about it.
    pub(super) fn open(host: &str, options: &[String]) -> Result<Self> {
        let folder = private_folder()?;
        let tool = Tool::new("ssh")
            .own_environment()
            .args(FIRMLY)
            .arg("-S")
            .arg(folder.path().join("s"))
            .args(options)
            .args(KINDLY)
            .args(["--", host])
            .arg(words::command(READY, &[]));
        let mut master = Session::start(tool, &folder.path().join("log"))?;
        let answer = master.line(CONNECTING)?;
        let said = master.said();
        let failed = |why: &str| {
            let failure = said
                .iter()
                .fold(cannot(host, "connect to"), |failure, line| {
                    failure.note(line)
                });
            match words::hint(&said) {
                Some(hint) => failure.hint(hint),
                None => failure.hint(why),
            }
        };
        let fsync = match answer {
            Answer::Line(line) if line.starts_with("ready ") => line != "ready 0",
            Answer::Line(line) => {
                let line: String = line.chars().take(100).collect();
                return Err(failed("the login shell there must write nothing for commands that are not interactive: look into ~/.bashrc there")
                    .note(format!("it says {line:?} before the command runs")));
            }
            Answer::Ended => return Err(failed("try `ssh` with this host by hand")),
            Answer::Late => {
                return Err(failed(
                    "it does not answer: try `ssh` with this host by hand",
                ));
            }
        };
        Ok(Self {
            host: host.to_owned(),
            master: Mutex::new(master),
            folder,
            staging: format!(".new-files/{}", unique()?),
            fsync,
        })
    }

    /// The machine, as the user knows it.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is still there.
    pub(super) fn alive(&self) -> bool {
        let master = self.master.lock().unwrap_or_else(PoisonError::into_inner);
        master.runs()
    }

    /// A file in a folder of our own, which goes with the connection.
    pub(super) fn private(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program and options of a command that goes over it, without the host.
    fn shared(&self) -> Vec<String> {
        let socket = self.private("s").to_string_lossy().into_owned();
        let options = SHARED.iter().map(|word| (*word).to_owned());
        options.chain(["-S".to_owned(), socket]).collect()
    }

    /// `ssh` with a script of ours (see [`words::command`]) and its arguments, ready to run.
    pub(super) fn script(&self, script: &str, args: &[&str]) -> Tool {
        Tool::new("ssh")
            .args(self.shared())
            .arg(THERE)
            .arg(words::command(script, args))
            .kind(Kind::Host)
    }

    /// `rsync` over it, with the target's folder as last argument, ready for options.
    pub(super) fn rsync(&self, options: &[&str], from: &str, to: &str) -> Tool {
        let shared: Vec<String> = self
            .shared()
            .iter()
            .map(|word| words::quote_rsh(word))
            .collect();
        Tool::new("rsync")
            .args(options)
            .arg(format!("--rsh=ssh {}", shared.join(" ")))
            // The folders it makes are for everybody to read, whatever the login shell thinks.
            .arg("--rsync-path=umask 022 && rsync")
            .args(["--", from])
            .arg(format!("{THERE}:{to}"))
            .kind(Kind::Host)
    }

    /// What a command's failure means.
    pub(super) fn explained(&self, mut failure: Failure, doing: &str) -> Failure {
        if failure.kind == Kind::Interrupted {
            return failure;
        }
        let tail = failure
            .tool
            .take()
            .map(|tool| tool.tail)
            .unwrap_or_default();
        let mut said = tail;
        if !self.alive() {
            said.push("the connection was lost".to_owned());
        }
        let told = said
            .iter()
            .fold(cannot(&self.host, doing), |failure, line| {
                failure.note(line)
            });
        let told = told.kind(failure.kind).note(failure.what.clone());
        match words::hint(&said) {
            Some(hint) => told.hint(hint),
            None => told.hint(
                "run the same command again: what is published is whole, and the rest is taken up",
            ),
        }
    }
}

/// The failure that something cannot be done with a machine.
pub(super) fn cannot(host: &str, doing: &str) -> Failure {
    Failure::new(Kind::Host, format!("cannot {doing} {host}"))
}

/// A folder that nobody else may enter, with a path that is short enough for a socket in it.
fn private_folder() -> Result<TempDir> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let folders = [
        Some(std::env::temp_dir()),
        runtime,
        Some(PathBuf::from("/tmp")),
    ];
    let fits = |folder: &PathBuf| {
        folder.is_absolute() && folder.as_os_str().len() < LONGEST_FOLDER && folder.is_dir()
    };
    let folder = folders.into_iter().flatten().find(fits).ok_or_else(|| {
        Failure::new(Kind::Host, "there is no folder for a socket")
            .hint("set TMPDIR to a folder with a short path")
    })?;
    tempfile::Builder::new()
        .prefix("cordwainer-")
        .tempdir_in(folder)
        .doing(|| "cannot make a folder for a connection".to_owned())
}
