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

use crate::event::Listen;
use crate::failure::{Failure, Result};

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

    /// Whether a program reads the answers.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
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
        print(&text)
    }

    /// Prints a failure: to standard error for a person, as JSON to standard output for a program.
    pub fn failure(&self, failure: &Failure) {
        self.progress.finish();
        match self.format {
            Format::Human => progress::say(&failure::render(failure, self.colour)),
            // Standard output is gone: there is nobody left to tell.
            Format::Json => print(&json(&failure::value(failure))).unwrap_or(()),
        }
    }

    /// Asks a question that can be answered by yes; everything else is no. Only where there is a terminal.
    #[must_use]
    pub fn confirm(&self, question: &str) -> Option<bool> {
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return None;
        }
        self.progress.finish();
        progress::say(&format!("{question} [y/N] "));
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).ok()?;
        Some(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
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

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
