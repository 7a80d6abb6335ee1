//! The only place that starts programs: by argv, never through a shell, with a clean
//! environment, in a process group of its own that is ended with everything in it.
//!
//! A failure carries the program's last lines, where its whole output is, and a command line that can be
//! pasted. Which package a missing program comes from is `needs`' knowledge.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::failure::{Doing, Failure, Kind, Result, ToolEnd};
use crate::needs;

/// How many of a failed program's last lines a failure carries.
const TAIL_LINES: usize = 20;

/// Process groups that run now, so that an interrupt can end them.
static GROUPS: LazyLock<Mutex<BTreeSet<i32>>> = LazyLock::new(Mutex::default);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Ends every program that runs and makes every later start fail. Called on Ctrl-C.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::SeqCst);
    for &group in lock_groups().iter() {
        kill_group(group);
    }
}

/// Whether [`interrupt`] was called.
#[must_use]
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// The failure that an interrupt is.
#[must_use]
pub fn interruption() -> Failure {
    Failure::new(Kind::Interrupted, "interrupted")
        .hint("finished steps are kept: the same command goes on where it stopped")
}

/// Fails when the user interrupted; long loops of our own call it.
///
/// # Errors
/// [`Kind::Interrupted`].
pub fn check_interrupt() -> Result<()> {
    if interrupted() {
        Err(interruption())
    } else {
        Ok(())
    }
}

/// A program to be started.
#[derive(Clone)]
pub struct Tool {
    program: String,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    folder: Option<PathBuf>,
    log: Option<PathBuf>,
    stdin: Vec<u8>,
    kind: Kind,
    confined: bool,
    jobs: Option<jobserver::Client>,
}

impl Tool {
    /// The program of this name, with the clean environment every tool gets: fixed `PATH`, `HOME`,
    /// locale and time zone, and nothing else.
    pub fn new(program: impl Into<String>) -> Self {
        let env = [
            ("PATH", needs::search_path()),
            ("HOME", "/nonexistent".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("TZ", "UTC".to_owned()),
        ];
        Self {
            program: program.into(),
            args: Vec::new(),
            env: env.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
            folder: None,
            log: None,
            stdin: Vec::new(),
            kind: Kind::Build,
            confined: false,
            jobs: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Gives it this variable of our own environment, where it is set.
    #[must_use]
    pub fn pass(self, name: &str) -> Self {
        match std::env::var_os(name) {
            Some(value) => self.env(name, value),
            None => self,
        }
    }

    /// Gives it our whole environment: for what the user runs through us (`$EDITOR`, cargo, apt).
    #[must_use]
    pub fn own_environment(mut self) -> Self {
        self.env = std::env::vars_os().collect();
        self
    }

    /// Runs it in this folder.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Appends everything it writes to this file.
    #[must_use]
    pub fn log(mut self, log: impl Into<PathBuf>) -> Self {
        self.log = Some(log.into());
        self
    }

    /// Bytes for its standard input; nothing otherwise.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// The kind of failure when it fails; [`Kind::Build`] otherwise.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Gives it no network, and makes it and all it starts end with us, where the host lets us make namespaces.
    #[must_use]
    pub fn confined(mut self) -> Self {
        self.confined = true;
        self
    }

    /// Lets it take part in the job budget (GNU make's jobserver).
    #[must_use]
    pub fn jobs(mut self, jobs: &jobserver::Client) -> Self {
        self.jobs = Some(jobs.clone());
        self
    }

    /// The command line as it could be pasted into a shell.
    #[must_use]
    pub fn paste(&self) -> String {
        let mut words = Vec::new();
        if let Some(folder) = &self.folder {
            words.push(format!("cd {} &&", quote(folder.as_os_str())));
        }
        words.push("env -i".to_owned());
        for (name, value) in &self.env {
            words.push(format!("{}={}", name.to_string_lossy(), quote(value)));
        }
        words.extend(self.argv().iter().map(quote));
        words.join(" ")
    }

    /// The program and its arguments, with what takes the network away in front.
    fn argv(&self) -> Vec<OsString> {
        let mut argv: Vec<OsString> = Vec::new();
        if self.confined && namespaces() {
            argv.extend(CONFINED.iter().map(Into::into));
        }
        argv.push(self.program.clone().into());
        argv.extend(self.args.iter().cloned());
        argv
    }

    /// Runs it to its end; what it writes goes to the log.
    ///
    /// # Errors
    /// When it is missing, cannot be started, or ends other than with exit status 0.
    pub fn run(self) -> Result<()> {
        self.capture(false).map(drop)
    }

    /// Runs it to its end and returns what it wrote to standard output. Standard error goes to the log.
    ///
    /// # Errors
    /// As [`Tool::run`]; also when the output is not UTF-8.
    pub fn read(self) -> Result<String> {
        let (program, kind) = (self.program.clone(), self.kind);
        let bytes = self.capture(true)?;
        String::from_utf8(bytes)
            .map_err(|_| Failure::new(kind, format!("{program} wrote something that is not UTF-8")))
    }

    /// Whether it runs and succeeds. For trials, where failing is an answer.
    #[must_use]
    pub fn succeeds(self) -> bool {
        self.capture(true).is_ok()
    }

    fn capture(self, want_stdout: bool) -> Result<Vec<u8>> {
        self.check()?;
        let mut log = self.open_log()?;
        writeln!(log, "$ {}", self.paste())?;
        let from = log.stream_position()?;

        let jobs = self.jobs.clone();
        let argv = self.argv();
        let expression = expression(&argv)
            .full_env(&self.env)
            .dir(self.folder.as_deref().unwrap_or(Path::new("/")))
            .stdin_bytes(self.stdin.clone())
            .stderr_file(log.try_clone()?)
            .unchecked()
            .before_spawn(move |command| {
                own_group(command, jobs.as_ref());
                Ok(())
            });
        let expression = if want_stdout {
            expression.stdout_capture()
        } else {
            expression.stdout_file(log.try_clone()?)
        };
        let handle = expression
            .start()
            .map_err(|error| self.not_started(&error))?;
        let output = {
            let _group = Group::enter(handle.pids().first().copied().unwrap_or(0));
            handle
                .wait()
                .doing(|| format!("cannot wait for {}", self.program))?
                .clone()
        };
        if output.status.success() {
            return Ok(output.stdout);
        }
        check_interrupt()?;
        Err(self.failed(output.status, &mut log, from, &output.stdout))
    }

    /// Starts it and leaves it running; it ends when the returned value is dropped.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn spawn(self, stdio: Stdio) -> Result<Running> {
        self.check()?;
        let argv = self.argv();
        let jobs = self.jobs.clone();
        let mut expression = expression(&argv)
            .full_env(&self.env)
            .dir(self.folder.as_deref().unwrap_or(Path::new("/")))
            .unchecked()
            .before_spawn(move |command| {
                own_group(command, jobs.as_ref());
                Ok(())
            });
        expression = match stdio.stdin {
            Some(pipe) => expression.stdin_file(pipe),
            None => expression.stdin_null(),
        };
        expression = match stdio.stdout {
            Some(pipe) => expression.stdout_file(pipe),
            None => expression.stdout_file(self.open_log()?),
        };
        expression = match stdio.stderr {
            Some(pipe) => expression.stderr_file(pipe),
            None => expression.stderr_file(self.open_log()?),
        };
        let handle = expression
            .start()
            .map_err(|error| self.not_started(&error))?;
        let group = Group::enter(handle.pids().first().copied().unwrap_or(0));
        Ok(Running {
            handle,
            group,
            program: self.program,
        })
    }

    /// Runs it on the user's terminal, in the foreground, and returns how it ended.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn interactive(self) -> Result<ExitStatus> {
        self.check()?;
        let argv = self.argv();
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => std::env::current_dir()?,
        };
        let output = expression(&argv)
            .full_env(&self.env)
            .dir(folder)
            .unchecked()
            .run()
            .map_err(|error| self.not_started(&error))?;
        Ok(output.status)
    }

    fn check(&self) -> Result<()> {
        check_interrupt()?;
        if needs::find(&self.program).is_some() {
            return Ok(());
        }
        Err(needs::missing(&self.program))
    }

    fn open_log(&self) -> Result<File> {
        match &self.log {
            Some(path) => {
                if let Some(parent) = path.parent() {
                    fs_err::create_dir_all(parent)?;
                }
                let mut log = fs_err::OpenOptions::new()
                    .create(true)
                    .append(true)
                    .read(true)
                    .open(path)?;
                log.seek(SeekFrom::End(0))?;
                Ok(log.into_parts().0)
            }
            None => Ok(tempfile::tempfile()?),
        }
    }

    fn not_started(&self, error: &io::Error) -> Failure {
        Failure::new(
            Kind::Host,
            format!("cannot start {}: {error}", self.program),
        )
        .tool(ToolEnd {
            end: "not started".to_owned(),
            paste: self.paste(),
            ..ToolEnd::default()
        })
    }

    fn failed(&self, status: ExitStatus, log: &mut File, from: u64, stdout: &[u8]) -> Failure {
        let mut written = Vec::new();
        if log.seek(SeekFrom::Start(from)).is_ok() {
            // Only the tail is shown: what cannot be read is no reason to hide the failure itself.
            log.read_to_end(&mut written).ok();
        }
        written.extend_from_slice(stdout);
        let tail = last_lines(&String::from_utf8_lossy(&written));
        let full = tail
            .iter()
            .any(|line| line.contains("No space left on device"));
        let kind = if full { Kind::Space } else { self.kind };
        let end = describe(status);
        let failure =
            Failure::new(kind, format!("{} failed ({end})", self.program)).tool(ToolEnd {
                end,
                tail,
                log: self.log.clone(),
                paste: self.paste(),
            });
        if full {
            failure.hint("free some space (`cargo xtask store gc`), then run the same command again: finished steps are kept")
        } else {
            failure
        }
    }
}

/// The pipes that a [`Running`] program gets; without one, no input, and output to the log.
#[derive(Default)]
pub struct Stdio {
    /// Where its standard input comes from.
    pub stdin: Option<io::PipeReader>,
    /// Where its standard output goes.
    pub stdout: Option<io::PipeWriter>,
    /// Where its standard error goes.
    pub stderr: Option<io::PipeWriter>,
}

/// A program that runs beside us. Dropping it ends it and all that it started.
pub struct Running {
    handle: duct::Handle,
    group: Group,
    program: String,
}

impl Running {
    /// How it ended, or nothing while it still runs.
    ///
    /// # Errors
    /// When the host cannot say.
    pub fn ended(&self) -> Result<Option<ExitStatus>> {
        let output = self
            .handle
            .try_wait()
            .doing(|| format!("cannot wait for {}", self.program))?;
        Ok(output.map(|output| output.status))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the host cannot say.
    pub fn wait(&self) -> Result<ExitStatus> {
        let output = self
            .handle
            .wait()
            .doing(|| format!("cannot wait for {}", self.program))?;
        Ok(output.status)
    }

    /// Its process id, which is its process group's too.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.group.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        kill_group(self.group.0);
        // The kill cannot be refused: this returns at once, and leaves no zombie.
        self.handle.wait().ok();
    }
}

/// A process group in the register of those that an interrupt ends.
struct Group(i32);

impl Group {
    fn enter(pid: u32) -> Self {
        let group = i32::try_from(pid).unwrap_or(0);
        lock_groups().insert(group);
        if interrupted() {
            kill_group(group);
        }
        Self(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        lock_groups().remove(&self.0);
    }
}

fn lock_groups() -> std::sync::MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill_group(group: i32) {
    if let Some(pid) = Pid::from_raw(group).filter(|_| group > 1) {
        // It may have ended by itself: then there is nobody to end.
        kill_process_group(pid, Signal::KILL).ok();
    }
}

fn own_group(command: &mut Command, jobs: Option<&jobserver::Client>) {
    command.process_group(0);
    if let Some(jobs) = jobs {
        jobs.configure_make(command);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that starts programs"
)]
fn expression(argv: &[OsString]) -> duct::Expression {
    duct::cmd(&argv[0], &argv[1..])
}

/// In front of a step's tools. The kernel kills `unshare` with us (prctl(2), PR_SET_PDEATHSIG), `unshare` its child, and with
/// that, as the first process of a namespace, everything it started: what a killed build leaves running could otherwise
/// still write where the next one works.
const CONFINED: [&str; 13] = [
    "setpriv",
    "--pdeathsig",
    "KILL",
    "--",
    "unshare",
    "--user",
    "--map-current-user",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--",
];

/// Whether the host lets an unprivileged user make the namespaces that steps are confined in; tried once.
#[must_use]
pub fn namespaces() -> bool {
    static TRIED: OnceLock<bool> = OnceLock::new();
    *TRIED.get_or_init(|| {
        let tools = needs::find(CONFINED[0]).is_some() && needs::find(CONFINED[4]).is_some();
        tools && Tool::new(CONFINED[0]).args(&CONFINED[1..]).arg("true").succeeds()
    })
}

/// A word as a POSIX shell would have to be given it.
#[must_use]
pub fn quote(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// How a program ended, in words: `exit status 2`, `signal 9`.
#[must_use]
pub fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown end".to_owned(),
    }
}

fn last_lines(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let skip = lines.len().saturating_sub(TAIL_LINES);
    lines[skip..]
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_when_they_must_be() {
        assert_eq!(quote("CC=gcc"), "CC=gcc");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("$(reboot)"), "'$(reboot)'");
    }

    #[test]
    fn tools_see_a_clean_environment() {
        let seen = Tool::new("env").read().unwrap();
        let names: Vec<&str> = seen
            .lines()
            .filter_map(|line| line.split('=').next())
            .collect();
        assert_eq!(names, ["HOME", "LC_ALL", "PATH", "TZ"]);
    }

    #[test]
    fn a_failure_carries_the_last_lines_and_a_command_to_paste() {
        let failure = Tool::new("ls").arg("/no such").run().unwrap_err();
        assert_eq!(failure.kind, Kind::Build);
        let end = failure.tool.as_ref().unwrap();
        assert_eq!(end.end, "exit status 2");
        assert!(end.tail[0].contains("/no such"), "{end:?}");
        assert!(end.paste.ends_with("ls '/no such'"), "{end:?}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = Tool::new("no-such-program").run().unwrap_err();
        assert_eq!(failure.kind, Kind::Missing);
        assert!(failure.what.contains("no-such-program"));
    }

    #[test]
    fn dropping_a_running_program_ends_what_it_started() {
        let (mut ours, theirs) = io::pipe().unwrap();
        let stdio = Stdio {
            stdout: Some(theirs),
            ..Stdio::default()
        };
        // `timeout` starts a child of its own in the same group; both hold the pipe open.
        let running = Tool::new("timeout")
            .args(["1000", "sleep", "1000"])
            .spawn(stdio)
            .unwrap();
        assert!(running.ended().unwrap().is_none());
        drop(running);
        // Reads the end of the file only once nobody holds the other end any more.
        assert_eq!(ours.read_to_end(&mut Vec::new()).unwrap(), 0);
    }
}
