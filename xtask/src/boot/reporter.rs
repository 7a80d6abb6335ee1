//! What an image's reporter tells of its boot by HTTP (`overlays/reporter`): understanding what was posted, and whether it is what
//! the console said. The server is `http`'s, waiting is the `judge`'s.
//!
//! ```text
//! POST /report/52:54:00:12:34:56/log     the boot log, whole; a line `[... 4711 bytes are left out here ...]` where it was cut
//! POST /report/52:54:00:12:34:56/code    0, or the code of the step that failed
//! POST /report/52:54:00:12:34:56/state   ready | failed STEP
//! ```
//! In this order, the log on failure only: whoever sees the state come finds the rest there. Bodies have an announced length, and are taken
//! whole or not at all. The same may come twice, when an answer was lost; of several the last counts, until the machine boots again.

use serde::{Deserialize, Serialize};

use super::scenario::Scenario;
use super::state::{Failed, State};
use super::verdict::Verdict;

/// The file of a record that has the boot log, if one was told.
pub const LOG: &str = "boot.log";
/// Where reports are posted.
const PREFIX: &str = "report/";
/// The longest body that is taken; a reporter cuts its log far below that.
pub const MOST: usize = 256 << 10;
/// The longest code or state.
const WORDS: usize = 200;

/// One thing that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// The boot log.
    Log {
        /// Its length in bytes.
        bytes: usize,
        /// Whether something was left out of it.
        cut: bool,
    },
    /// The code of the step that failed; 0 if none did.
    Code(u32),
    /// The boot went well.
    Ready,
    /// This step failed.
    Failed(String),
}

/// What was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The MAC address of the card by which the machine says it booted, in small letters.
    pub mac: String,
    /// What it told.
    pub report: Report,
    /// The boot log, if that is what it told.
    pub log: Option<String>,
}

/// Why something that was posted is not taken: the status of the answer (RFC 9110, 15.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Refusal {
    /// It makes no sense.
    BadRequest = 400,
    /// Nothing is taken there.
    NotFound = 404,
    /// It is too long.
    ContentTooLarge = 413,
}

/// Understands what was posted to a path, the body being whole.
///
/// # Errors
/// How it is refused.
pub fn parse(path: &str, body: &[u8]) -> Result<Posted, Refusal> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let place = path.strip_prefix(PREFIX).ok_or(Refusal::NotFound)?;
    let (mac, what) = place.split_once('/').ok_or(Refusal::NotFound)?;
    let mac = address(mac).ok_or(Refusal::NotFound)?;
    let most = if what == "log" { MOST } else { WORDS };
    if body.len() > most {
        return Err(Refusal::ContentTooLarge);
    }
    let text = String::from_utf8_lossy(body).into_owned();
    let (report, log) = match what {
        "log" => {
            let (bytes, cut) = (body.len(), text.lines().any(is_marker));
            (Report::Log { bytes, cut }, Some(text))
        }
        "code" => (code(text.trim()).ok_or(Refusal::BadRequest)?, None),
        "state" => (state(text.trim()).ok_or(Refusal::BadRequest)?, None),
        _ => return Err(Refusal::NotFound),
    };
    Ok(Posted { mac, report, log })
}

/// A MAC address, in small letters.
fn address(text: &str) -> Option<String> {
    let mut parts = text.split(':');
    let two_digits =
        |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = text.len() == 17 && parts.all(two_digits);
    fits.then(|| text.to_ascii_lowercase())
}

fn code(text: &str) -> Option<Report> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(Report::Code)
}

fn state(text: &str) -> Option<Report> {
    match text.split_once(' ') {
        None if text == "ready" => Some(Report::Ready),
        Some(("failed", step)) if !step.is_empty() && !step.contains(char::is_whitespace) => {
            Some(Report::Failed(step.to_owned()))
        }
        _ => None,
    }
}

/// Whether this line of a log says that something was left out.
fn is_marker(line: &str) -> bool {
    let inside = line.strip_prefix("[... ");
    let count = inside.and_then(|rest| rest.strip_suffix(" bytes are left out here ...]"));
    count.is_some_and(|count| count.parse::<u64>().is_ok())
}

/// All that was told in one boot, in the order in which it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports(Vec<(String, Report)>);

impl Reports {
    /// Takes in what was told next.
    pub fn add(&mut self, mac: &str, report: &Report) {
        self.0.push((mac.to_owned(), report.clone()));
    }

    /// Whether the last thing that a reporter tells has come.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.state().is_some()
    }

    fn last<T>(&self, pick: impl Fn(&Report) -> Option<T>) -> Option<T> {
        self.0.iter().rev().find_map(|(_, report)| pick(report))
    }

    fn state(&self) -> Option<Told> {
        self.last(|report| match report {
            Report::Ready => Some(Told::Ready),
            Report::Failed(step) => Some(Told::Failed(step.clone())),
            Report::Log { .. } | Report::Code(_) => None,
        })
    }

    fn code(&self) -> Option<u32> {
        self.last(|report| match report {
            Report::Code(code) => Some(*code),
            _ => None,
        })
    }

    /// Compares with the scenario, and with the state in which the boot came to its end by all other signs.
    ///
    /// # Errors
    /// The verdict, when they do not agree or something is missing that has to be there.
    pub fn judge(&self, scenario: &Scenario, came: Option<&State>) -> Result<(), Verdict> {
        self.agree(came)?;
        let wrong = |what: String| Err(Verdict::WrongReport { what });
        let cards: Vec<String> = (0..scenario.nics)
            .map(|card| scenario.mac_of(card))
            .collect();
        if let Some((mac, _)) = self.0.iter().find(|(mac, _)| !cards.contains(mac)) {
            return wrong(format!(
                "the reporter says it is {mac}, which is no card of this machine"
            ));
        }
        if !(scenario.report && awaited(came)) {
            return Ok(());
        }
        let (expected, seen) = (self.expected(came), self.seen());
        if expected == seen {
            return Ok(());
        }
        let words = |words: &[&str]| match words {
            [] => "nothing".to_owned(),
            words => words.join(", "),
        };
        let (seen, expected) = (words(&seen), words(&expected));
        wrong(format!(
            "the reporter told {seen}, but should have told {expected}"
        ))
    }

    /// What is told by HTTP must not contradict what was seen otherwise.
    fn agree(&self, came: Option<&State>) -> Result<(), Verdict> {
        // Who waits for lines alone does not look at what the guest says of itself.
        if came == Some(&State::Expected) {
            return Ok(());
        }
        let agree = match (self.state(), came) {
            (None, _) => true,
            (Some(Told::Ready), came) => came == Some(&State::Ready),
            (Some(Told::Failed(told)), Some(State::Failed(Failed { step, .. }))) => told == *step,
            (Some(Told::Failed(_)), _) => false,
        };
        let code = match came {
            Some(State::Ready) => Some(0),
            Some(State::Failed(Failed { code, .. })) => Some(*code),
            _ => None,
        };
        let codes = self.code().is_none_or(|told| Some(told) == code);
        if agree && codes {
            return Ok(());
        }
        let console = came.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        let told = self
            .state()
            .map_or_else(|| "no state".to_owned(), |told| told.to_string());
        let code = self
            .code()
            .map_or_else(String::new, |code| format!(" code {code}"));
        let reported = told + &code;
        Err(Verdict::ReportsDisagree { console, reported })
    }

    fn expected(&self, came: Option<&State>) -> Vec<&'static str> {
        let failed = match came {
            Some(State::Expected) => matches!(self.state(), Some(Told::Failed(_))),
            other => matches!(other, Some(State::Failed(_))),
        };
        if failed {
            vec!["log", "code", "state"]
        } else {
            vec!["code", "state"]
        }
    }

    /// The kinds of what was told, in order; what came twice in a row once.
    fn seen(&self) -> Vec<&'static str> {
        let mut kinds: Vec<_> = self.0.iter().map(|(_, report)| report.kind()).collect();
        kinds.dedup();
        kinds
    }
}

/// Whether a machine that came to this state is able to report it.
#[must_use]
pub const fn awaited(came: Option<&State>) -> bool {
    matches!(
        came,
        Some(State::Ready | State::Failed(_) | State::Expected)
    )
}

impl Report {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Log { .. } => "log",
            Self::Code(_) => "code",
            Self::Ready | Self::Failed(_) => "state",
        }
    }

    /// Whether it is the last thing that a reporter tells.
    #[must_use]
    pub const fn is_state(&self) -> bool {
        matches!(self, Self::Ready | Self::Failed(_))
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Log { bytes, cut } => {
                let cut = if *cut { ", cut" } else { "" };
                write!(f, "log of {bytes} bytes{cut}")
            }
            Self::Code(code) => write!(f, "code {code}"),
            Self::Ready => f.write_str("state ready"),
            Self::Failed(step) => write!(f, "state failed {step}"),
        }
    }
}

/// A state that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Ready,
    Failed(String),
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Failed(step) => write!(f, "failed {step}"),
        }
    }
}

#[cfg(test)]
#[path = "reporter_tests.rs"]
mod tests;
