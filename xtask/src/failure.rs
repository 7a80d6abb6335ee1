//! Failures as data: what went wrong, what to do next, and which exit code says so.
//!
//! Every room returns [`Result`]; nobody here prints. Rendering (colours, underlined recipe
//! text, a tool's last lines) is left to `report`.

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut, Range};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The result of everything that can fail.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Kinds of failure, one exit code each. The codes are part of the command line's interface:
/// they are listed by `cargo xtask --help` and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The command line itself is wrong: an unknown verb, recipe, step or scenario.
    Usage,
    /// A mistake in a recipe, a fragment, a template, `site.toml` or the lock.
    Recipe,
    /// A program or package that is needed is missing, too old, or may not be installed.
    Missing,
    /// Sources could not be had: network down, hash mismatch, a pin that is gone, hostile archive.
    Source,
    /// A tool that builds something failed.
    Build,
    /// A machine did not boot as its scenario expects.
    Boot,
    /// What is stored does not match its digest.
    Store,
    /// No space left on the device, or a quota or size limit.
    Space,
    /// The host said no: permissions, a file that is not there, I/O errors.
    Host,
    /// The house rules are broken (`tidy`, `test`), or an image does not pass `lint`.
    Check,
    /// Ctrl-C or a termination signal.
    Interrupted,
    /// A bug in Cordwainer: never the user's mistake.
    Bug,
}

impl Kind {
    /// Every kind, in the order of the exit codes.
    pub const ALL: [Self; 12] = [
        Self::Usage,
        Self::Recipe,
        Self::Missing,
        Self::Source,
        Self::Build,
        Self::Boot,
        Self::Store,
        Self::Space,
        Self::Host,
        Self::Check,
        Self::Bug,
        Self::Interrupted,
    ];

    /// The process exit code, 0 being success. 2 is what command-line parsers use for usage
    /// errors, 130 is the shell's 128 + SIGINT, 70 is `EX_SOFTWARE` of sysexits(3).
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Recipe => 3,
            Self::Missing => 4,
            Self::Source => 5,
            Self::Build => 6,
            Self::Boot => 7,
            Self::Store => 8,
            Self::Space => 9,
            Self::Host => 10,
            Self::Check => 11,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }

    /// The word for it in `--format json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Recipe => "recipe",
            Self::Missing => "missing",
            Self::Source => "source",
            Self::Build => "build",
            Self::Boot => "boot",
            Self::Store => "store",
            Self::Space => "space",
            Self::Host => "host",
            Self::Check => "check",
            Self::Bug => "bug",
            Self::Interrupted => "interrupted",
        }
    }

    /// What the exit code means, in half a line.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Usage => "the command line is wrong, or names something unknown",
            Self::Recipe => "a mistake in a recipe, fragment, template, site.toml or lock",
            Self::Missing => "a program or package is missing, or too old",
            Self::Source => "sources could not be had, or are not the ones expected",
            Self::Build => "a tool that builds something failed",
            Self::Boot => "a machine did not boot as expected",
            Self::Store => "the store holds something damaged",
            Self::Space => "no space left",
            Self::Host => "the host refused: permissions, missing files, I/O errors",
            Self::Check => "a check of tidy, lint or test failed",
            Self::Bug => "a bug in Cordwainer",
            Self::Interrupted => "interrupted (Ctrl-C or a termination signal)",
        }
    }
}

/// A place in a text file that a person wrote, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as the user knows it (relative to the checkout).
    pub file: PathBuf,
    /// The whole text of that file.
    pub text: Arc<str>,
    /// Byte range of the offending text in `text`.
    pub span: Range<usize>,
    /// What is wrong, one line, starting in lower case.
    pub message: String,
    /// Short words under the underlined text; may be empty.
    pub label: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Line and column of the beginning, both counted from 1, columns in characters.
    #[must_use]
    pub fn line_column(&self) -> (usize, usize) {
        let before = &self.text[..self.span.start.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

/// How a program ended that should have ended well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolEnd {
    /// The end in words: `exit status 2`, `signal 9`, `not found`.
    pub end: String,
    /// The last lines it wrote, oldest first.
    pub tail: Vec<String>,
    /// Where everything it wrote is kept.
    pub log: Option<PathBuf>,
    /// A command line that can be pasted into a shell to run it again.
    pub paste: String,
}

/// Something that a recipe asks for and that cannot be had. Whoever finds out knows the table and the name; the line is known
/// to whoever has the recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The table, such as `copy.tools`.
    pub table: String,
    /// The name in it.
    pub name: String,
    /// What is wrong, one line, starting in lower case.
    pub wrong: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Asked {
    /// The same as a fact of a failure, for where the line is not known.
    #[must_use]
    pub fn note(&self) -> String {
        let help = self.help.iter().map(|help| format!("; {help}"));
        format!(
            "[{}]: {}{}",
            self.table,
            self.wrong,
            help.collect::<String>()
        )
    }
}

/// What a failure is made of; reached through [`Failure`].
#[derive(Debug)]
pub struct Facts {
    /// Which kind, and so which exit code.
    pub kind: Kind,
    /// What went wrong: one sentence, without a final stop.
    pub what: String,
    /// Further facts, one a line.
    pub notes: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// The places in recipes that are wrong, all of them.
    pub diagnostics: Vec<Diagnostic>,
    /// What the recipe asks for in vain. Each is told by a note, too; by [`Failure::asked`]'s until its place is known.
    pub asked: Vec<Asked>,
    /// The program that failed.
    pub tool: Option<ToolEnd>,
    /// What there is to say although it failed: text for a person, a value for a program.
    pub answer: Option<(String, serde_json::Value)>,
}

/// A failure: a kind, a sentence, and whatever helps to mend it.
#[derive(Debug)]
pub struct Failure(Box<Facts>);

impl Failure {
    /// A failure of this kind; `what` is one sentence without a final stop.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self(Box::new(Facts {
            kind,
            what: what.into(),
            notes: Vec::new(),
            hint: None,
            diagnostics: Vec::new(),
            asked: Vec::new(),
            tool: None,
            answer: None,
        }))
    }

    /// A bug: something that cannot happen, happened.
    pub fn bug(what: impl Into<String>) -> Self {
        Self::new(Kind::Bug, what)
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds what the recipe asks for in vain.
    #[must_use]
    pub fn asked(mut self, asked: Asked) -> Self {
        self.notes.push(asked.note());
        self.asked.push(asked);
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the places that are wrong.
    #[must_use]
    pub fn diagnostics(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.diagnostics.extend(diagnostics);
        self
    }

    /// Adds how a program ended.
    #[must_use]
    pub fn tool(mut self, end: ToolEnd) -> Self {
        self.tool = Some(end);
        self
    }

    /// Adds what there is to say although it failed.
    #[must_use]
    pub fn after(mut self, text: impl Into<String>, value: serde_json::Value) -> Self {
        self.0.answer = Some((text.into(), value));
        self
    }

    /// Puts what was being done in front; the former sentence becomes the first note. An interrupt stays what it is: nothing
    /// was wrong with what was being done.
    #[must_use]
    pub fn while_doing(mut self, doing: impl Into<String>) -> Self {
        if self.kind == Kind::Interrupted {
            return self;
        }
        let former = std::mem::replace(&mut self.0.what, doing.into());
        self.0.notes.insert(0, former);
        self
    }

    /// The same failure once more, for another who failed by it, without what there was to say of the first.
    #[must_use]
    pub fn again(&self) -> Self {
        let mut again = Self::new(self.kind, self.what.clone());
        again.notes.clone_from(&self.notes);
        again.hint.clone_from(&self.hint);
        again.diagnostics.clone_from(&self.diagnostics);
        again.asked.clone_from(&self.asked);
        again.tool.clone_from(&self.tool);
        again
    }

    /// The same failure as another kind.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }
}

impl Deref for Failure {
    type Target = Facts;
    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

impl std::error::Error for Failure {}

/// Files are opened through `fs_err`, so that the message already names the path.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as E;
        match error.kind() {
            E::StorageFull | E::QuotaExceeded | E::FileTooLarge => {
                Self::new(Kind::Space, error.to_string())
                    .hint("free some space (`cargo xtask store gc` empties the store of what nothing refers to), then run the same command again: finished steps are kept")
            }
            E::Interrupted => Self::new(Kind::Interrupted, error.to_string()),
            _ => Self::new(Kind::Host, error.to_string()),
        }
    }
}

/// What the first panic said, and where.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Keeps what a panic says for [`panicked`], in place of printing it in the middle of everything.
pub fn remember_panics() {
    std::panic::set_hook(Box::new(|info| {
        // The first panic counts: others are its consequences.
        let mut said = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        said.get_or_insert_with(|| info.to_string());
    }));
}

/// The bug that a panic is.
#[must_use]
pub fn panicked() -> Failure {
    let said = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
    Failure::bug(said.unwrap_or_else(|| "something panicked".to_owned()))
}

/// Says what was being done when something failed.
pub trait Doing<T> {
    /// Puts `doing` (a sentence such as `cannot read the lock`) in front of a failure.
    ///
    /// # Errors
    /// The same failure, with the sentence in front.
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Failure>> Doing<T> for Result<T, E> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| error.into().while_doing(doing()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_distinct_and_never_success() {
        let mut codes: Vec<u8> = Kind::ALL.iter().map(|kind| kind.exit_code()).collect();
        assert!(codes.iter().all(|&code| code != 0 && code != 1));
        codes.dedup();
        assert_eq!(codes.len(), Kind::ALL.len());
        assert!(codes.is_sorted());
    }

    #[test]
    fn a_full_disk_is_its_own_kind() {
        let failure = Failure::from(io::Error::from_raw_os_error(28));
        assert_eq!(failure.kind, Kind::Space);
    }

    #[test]
    fn an_interrupt_is_nobodys_failure() {
        let failure = Failure::new(Kind::Interrupted, "interrupted").while_doing("cannot do x");
        assert_eq!(failure.to_string(), "interrupted");
        let failure = Failure::new(Kind::Host, "no y").while_doing("cannot do x");
        assert_eq!(failure.to_string(), "cannot do x; no y");
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let diagnostic = Diagnostic {
            file: "a.toml".into(),
            text: "a = 1\nbé = 2\n".into(),
            span: 9..10,
            message: String::new(),
            label: String::new(),
            help: None,
        };
        assert_eq!(diagnostic.line_column(), (2, 3));
    }
}
