//! The only place that starts programs: by argv, never through a shell, with a clean
//! environment, in a process group of its own that is ended with everything in it.
//!
//! A failure carries the program's last lines, where its whole output is, and a command line that can be
//! pasted. Which package a missing program comes from is `needs`' knowledge.

mod confine;
mod running;
mod scarcity;
#[cfg(test)]
mod tests;
pub mod version;
mod words;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use confine::CONFINED;
pub use confine::namespaces;
use running::Group;
pub use running::{Running, Stdio, check_interrupt, interrupt, interrupted, interruption};
use scarcity::{NO_SPACE, is_full, is_scarcity};
use words::last_lines;
pub use words::{describe, quote};

use crate::failure::{Doing, Failure, Kind, Result, ToolEnd};
use crate::needs;

/// A program to be started.
#[derive(Clone)]
pub struct Tool {
    program: String,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    /// Whether `env` began as our own environment.
    inherits: bool,
    folder: Option<PathBuf>,
    log: Option<PathBuf>,
    stdin: Vec<u8>,
    kind: Kind,
    confined: bool,
    jobs: Option<jobserver::Client>,
    foreground: bool,
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
            inherits: false,
            folder: None,
            log: None,
            stdin: Vec::new(),
            kind: Kind::Build,
            confined: false,
            jobs: None,
            foreground: false,
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
        self.inherits = true;
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

    /// Leaves it in the terminal's foreground: it may ask for a password there, and Ctrl-C is its own to handle. For what must not
    /// be killed in the middle.
    #[must_use]
    pub fn foreground(mut self) -> Self {
        self.foreground = true;
        self
    }

    /// Lets it take part in the job budget (GNU make's jobserver).
    #[must_use]
    pub fn jobs(mut self, jobs: &jobserver::Client) -> Self {
        self.jobs = Some(jobs.clone());
        self
    }

    /// The program and its arguments as they could be pasted into a shell.
    #[must_use]
    pub fn command(&self) -> String {
        let words: Vec<String> = self.argv().iter().map(quote).collect();
        words.join(" ")
    }

    /// The command line as it could be pasted into a shell, with folder and environment. Our own environment is left out: it is the user's
    /// anyway, and may hold what nobody else should read.
    #[must_use]
    pub fn paste(&self) -> String {
        let mut words = Vec::new();
        if let Some(folder) = &self.folder {
            words.push(format!("cd {} &&", quote(folder.as_os_str())));
        }
        if !self.inherits {
            words.push("env -i".to_owned());
            for (name, value) in &self.env {
                words.push(format!("{}={}", name.to_string_lossy(), quote(value)));
            }
        }
        words.push(self.command());
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
        let bytes = self.bytes()?;
        String::from_utf8(bytes)
            .map_err(|_| Failure::new(kind, format!("{program} wrote something that is not UTF-8")))
    }

    /// As [`Tool::read`], for output that need not be text.
    ///
    /// # Errors
    /// As [`Tool::run`].
    pub fn bytes(self) -> Result<Vec<u8>> {
        self.capture(true)
    }

    /// Whether it runs and succeeds. For trials, where failing is an answer.
    #[must_use]
    pub fn succeeds(self) -> bool {
        self.capture(true).is_ok()
    }

    /// What it answers; nothing, when it does not run or fails. For trials, where failing is an answer.
    ///
    /// # Errors
    /// When it cannot be tried: an interrupt, or a host that has no file, process, memory or space left for it.
    pub fn answer(self) -> Result<Option<String>> {
        match self.read() {
            Ok(said) => Ok(Some(said)),
            Err(failure) if failure.tool.is_some() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn capture(self, want_stdout: bool) -> Result<Vec<u8>> {
        self.check()?;
        let mut log = self.open_log()?;
        writeln!(log, "$ {}", self.paste())
            .doing(|| format!("cannot write the log of {}", self.program))?;
        let from = log.stream_position()?;

        let (jobs, foreground) = (self.jobs.clone(), self.foreground);
        let argv = self.argv();
        let expression = expression(&argv)
            .full_env(&self.env)
            .dir(self.folder.as_deref().unwrap_or(Path::new("/")))
            .stdin_bytes(self.stdin.clone())
            .stderr_file(log.try_clone()?)
            .unchecked()
            .before_spawn(move |command| {
                prepare(command, jobs.as_ref(), foreground);
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
            let pid = handle.pids().first().copied().unwrap_or(0);
            let _group = (!foreground).then(|| Group::enter(pid));
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
                prepare(command, jobs.as_ref(), false);
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
            None => tempfile::tempfile().doing(|| "cannot make a temporary file".to_owned()),
        }
    }

    fn not_started(&self, error: &io::Error) -> Failure {
        let failure = Failure::new(
            Kind::Host,
            format!("cannot start {}: {error}", self.program),
        );
        if error.raw_os_error().is_some_and(is_scarcity) {
            return failure.hint("see `ulimit -a` for what this host allows, then run the same command again: finished steps are kept");
        }
        failure.tool(ToolEnd {
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
        let full = tail.iter().any(|line| line.contains(NO_SPACE)) || is_full(log);
        let kind = if full { Kind::Space } else { self.kind };
        let end = describe(status);
        let what = format!("{} failed ({end})", self.program);
        let failure = Failure::new(kind, what).tool(ToolEnd {
            end,
            tail,
            log: self.log.clone(),
            paste: self.paste(),
        });
        if full {
            let said = failure.tool.iter().flat_map(|tool| &tool.tail);
            let said = said.into_iter().any(|line| line.contains(NO_SPACE));
            let failure = if said {
                failure
            } else {
                failure.note(NO_SPACE)
            };
            failure.hint("free some space (`cargo xtask store gc`), then run the same command again: finished steps are kept")
        } else {
            failure
        }
    }
}

fn prepare(command: &mut Command, jobs: Option<&jobserver::Client>, foreground: bool) {
    if !foreground {
        command.process_group(0);
    }
    if let Some(jobs) = jobs {
        jobs.configure_make(command);
    }
}

/// Starts the very program that was found, by its full path: looking for it again in a changed `PATH` would cost a copy of our
/// whole process (fork(2) in place of `posix_spawn`).
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that starts programs"
)]
fn expression(argv: &[OsString]) -> duct::Expression {
    let found = argv[0].to_str().and_then(needs::find);
    let program = found.map_or_else(|| argv[0].clone(), PathBuf::into_os_string);
    duct::cmd(program, &argv[1..])
}
