//! The only place that prints: answers, failures, progress. What to say is decided elsewhere.
//!
//! Answers go to standard output, everything else to standard error; progress is drawn only when that is a
//! terminal. `NO_COLOR` and `CLICOLOR_FORCE` are heeded (no-color.org).

mod answer;
pub mod diagnostics;
mod failure;
mod progress;

use std::io::{IsTerminal, Write};

pub use answer::{Answer, Table};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::event::Listen;
use crate::failure::{Failure, Kind, Result};
use crate::tool;

/// Who reads the answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A person.
    #[default]
    Human,
    /// A program: one JSON value on standard output.
    Json,
}

/// How much is said beside the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volume {
    /// Warnings and failures only.
    Quiet,
    /// What happens.
    #[default]
    Normal,
    /// Everything: steps that were hits, too.
    Verbose,
}

/// Says things to the user.
pub struct Report {
    format: Format,
    colour: bool,
    progress: progress::Progress,
}

impl Report {
    /// A report as the command line asks for it.
    #[must_use]
    pub fn new(format: Format, volume: Volume) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let colour = colour_wanted(terminal);
        Self {
            format,
            colour,
            progress: progress::Progress::new(volume, terminal, colour),
        }
    }

    /// Who hears events.
    #[must_use]
    pub fn listener(&self) -> &dyn Listen {
        &self.progress
    }

    /// Prints an answer.
    ///
    /// # Errors
    /// When standard output cannot be written. A reader that went away is no failure.
    pub fn answer(&self, answer: &Answer) -> Result<()> {
        self.progress.finish();
        let text = match self.format {
            Format::Human => answer.text().to_owned(),
            Format::Json => json(answer.value()),
        };
        print(text.as_bytes())
    }

    /// Prints the bytes of a file as they are.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a program that asked for JSON; as [`Report::answer`].
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        if self.format == Format::Json {
            let what = "the bytes of a file are no JSON";
            return Err(Failure::new(Kind::Usage, what)
                .hint("leave out `--format json`, or write the file into a folder"));
        }
        self.progress.finish();
        print(bytes)
    }

    /// Prints a failure: to standard error for a person, as JSON to standard output for a program.
    pub fn failure(&self, failure: &Failure) {
        self.progress.finish();
        let answer = match (self.format, &failure.answer) {
            (Format::Human, Some((text, _))) => text.clone(),
            (Format::Human, None) => String::new(),
            (Format::Json, _) => json(&failure::value(failure)),
        };
        // When standard output is gone, there is nobody left to tell.
        print(answer.as_bytes()).unwrap_or(());
        if self.format == Format::Human {
            progress::say(&failure::render(failure, self.colour));
        }
    }

    /// Asks a question that can be answered by yes; everything else is no. Nothing, where there is no terminal to ask on.
    ///
    /// # Errors
    /// On Ctrl-C; when the terminal cannot be read.
    pub fn confirm(&self, question: &str) -> Result<Option<bool>> {
        let stdin = std::io::stdin();
        if !(stdin.is_terminal() && std::io::stderr().is_terminal()) {
            return Ok(None);
        }
        self.progress.finish();
        progress::say(&format!("{question} [y/N] "));
        wait_for_input(&stdin)?;
        let mut line = String::new();
        stdin.read_line(&mut line)?;
        Ok(Some(matches!(
            line.trim().to_lowercase().as_str(),
            "y" | "yes"
        )))
    }
}

/// Waits until there is something to read. Reading alone would go on waiting after Ctrl-C.
fn wait_for_input(stdin: &std::io::Stdin) -> Result<()> {
    let look = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    loop {
        tool::check_interrupt()?;
        match poll(&mut [PollFd::new(stdin, PollFlags::IN)], Some(&look)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
    }
}

fn colour_wanted(terminal: bool) -> bool {
    let set =
        |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    set("CLICOLOR_FORCE")
        || (terminal
            && !set("NO_COLOR")
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb"))
}

fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn print(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
