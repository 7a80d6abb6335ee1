//! A command on another machine that stays there and answers, line by line. Whatever is started, it ends with us.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::failure::{Doing, Failure, Kind, Result};
use crate::tool::{Running, Stdio, Tool, check_interrupt};

/// How often a wait looks whether the user interrupted it.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};
/// No answer of ours is longer.
const LONGEST: usize = 4096;
/// How many of a session's last lines on standard error are shown.
const LINES: usize = 8;

/// What came within a time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A line, without its end.
    Line(String),
    /// Nothing yet.
    Late,
    /// Nothing ever more: the command or the connection ended.
    Ended,
}

/// A command that runs there.
pub(super) struct Session {
    // Before the pipes, so that it is ended first.
    running: Running,
    input: PipeWriter,
    output: PipeReader,
    log: PathBuf,
    /// What was read and is no whole line yet.
    begun: Vec<u8>,
}

impl Session {
    /// Starts it. What it writes to standard error goes to `log`.
    pub(super) fn start(tool: Tool, log: &Path) -> Result<Self> {
        let doing = || "cannot make a pipe".to_owned();
        let (stdin, input) = std::io::pipe().doing(doing)?;
        let (output, stdout) = std::io::pipe().doing(doing)?;
        let running = tool.log(log).spawn(Stdio {
            stdin: Some(stdin),
            stdout: Some(stdout),
            stderr: None,
        })?;
        Ok(Self {
            running,
            input,
            output,
            log: log.to_owned(),
            begun: Vec::new(),
        })
    }

    /// The next line it writes.
    ///
    /// # Errors
    /// On Ctrl-C, and when it writes what is no line of ours.
    pub(super) fn line(&mut self, patience: Duration) -> Result<Answer> {
        let until = Instant::now() + patience;
        loop {
            if let Some(end) = self.begun.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.begun.drain(..=end).collect();
                return Ok(Answer::Line(
                    String::from_utf8_lossy(&line[..end]).into_owned(),
                ));
            }
            check_interrupt()?;
            if self.begun.len() > LONGEST {
                return Err(Failure::new(
                    Kind::Host,
                    "the other machine answers with a line that does not end",
                ));
            }
            if self.readable()? {
                let mut buffer = [0; LONGEST];
                match self.output.read(&mut buffer) {
                    Ok(0) => return Ok(Answer::Ended),
                    Ok(count) => self.begun.extend_from_slice(&buffer[..count]),
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => return Ok(Answer::Ended),
                }
            } else if Instant::now() >= until {
                return Ok(Answer::Late);
            }
        }
    }

    fn readable(&self) -> Result<bool> {
        let mut asked = [PollFd::new(&self.output, PollFlags::IN)];
        match poll(&mut asked, Some(&LOOK)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(errno) => {
                Err(std::io::Error::from(errno)).doing(|| "cannot wait for ssh".to_owned())
            }
        }
    }

    /// Says a line to it. Whether it hears it is known by its answer alone.
    pub(super) fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").ok();
    }

    /// Whether it still runs here.
    pub(super) fn runs(&self) -> bool {
        matches!(self.running.ended(), Ok(None))
    }

    /// The last lines of what it wrote to standard error.
    pub(super) fn said(&self) -> Vec<String> {
        let said = fs_err::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .collect();
        let skip = lines.len().saturating_sub(LINES);
        lines[skip..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(script: &str) -> (tempfile::TempDir, Session) {
        let folder = tempfile::tempdir().unwrap();
        let tool = Tool::new("sh").args(["-c", script]);
        let session = Session::start(tool, &folder.path().join("log")).unwrap();
        (folder, session)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn lines_come_one_by_one_until_the_end() {
        let (_folder, mut session) = session("printf 'a\\nb'; read x; echo \"$x\"; echo why >&2");
        assert_eq!(session.line(LONG).unwrap(), Answer::Line("a".to_owned()));
        assert_eq!(session.line(Duration::ZERO).unwrap(), Answer::Late);
        session.say("c");
        assert_eq!(session.line(LONG).unwrap(), Answer::Line("bc".to_owned()));
        assert_eq!(session.line(LONG).unwrap(), Answer::Ended);
        assert_eq!(session.said(), ["why"]);
    }

    #[test]
    fn a_line_without_end_is_given_up_on() {
        let (_folder, mut session) = session("cat /dev/zero");
        assert!(session.line(LONG).is_err());
    }
}
