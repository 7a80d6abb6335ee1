//! A scenario of a bundle, and all that came of it: of one boot, or of several where it is repeated to find out how often it fails.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};
use crate::loader::route::Route;
use crate::text::counted;

use super::history::{Comparison, Past};
use super::run::Outcome;
use super::scenario::Scenario;
use super::timeline::Stage;

/// What came of one boot.
#[derive(Debug)]
pub enum Came {
    /// It was judged.
    Judged(Box<Outcome>),
    /// It could not be made.
    Error(Failure),
    /// It was not begun, as all was interrupted before.
    NotRun,
}

impl From<Option<Result<Outcome>>> for Came {
    fn from(result: Option<Result<Outcome>>) -> Self {
        match result {
            Some(Ok(outcome)) => Self::Judged(Box::new(outcome)),
            Some(Err(failure)) if failure.kind == Kind::Interrupted => Self::NotRun,
            Some(Err(failure)) => Self::Error(failure),
            None => Self::NotRun,
        }
    }
}

/// How a case or a boot ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As its scenario expects.
    Passed,
    /// Otherwise.
    Failed,
    /// It could not be made.
    Error,
    /// It was not begun.
    NotRun,
}

impl State {
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Error => "ERROR",
            Self::NotRun => "not run",
        }
    }
}

impl Came {
    /// How it ended.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self::Judged(outcome) if outcome.verdict.passed() => State::Passed,
            Self::Judged(..) => State::Failed,
            Self::Error(_) => State::Error,
            Self::NotRun => State::NotRun,
        }
    }

    /// What it says, in one sentence without a final stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Judged(outcome) => match (outcome.flaky(), &outcome.state) {
                (true, _) => {
                    let attempt = outcome.before.len() + 1;
                    format!(
                        "{}, but only at attempt {attempt}",
                        outcome.verdict.sentence()
                    )
                }
                (false, Some(state)) if outcome.verdict.passed() => {
                    format!("{}: {state}", outcome.verdict.sentence())
                }
                _ => outcome.verdict.sentence(),
            },
            Self::Error(failure) => format!("the boot could not be made: {failure}"),
            Self::NotRun => "it was interrupted before it came to a verdict".to_owned(),
        }
    }

    /// The verdict's name as records have it, such as `timed-out`; `error` and `not-run` where there is none.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Judged(outcome) => {
                let value = serde_json::to_value(&outcome.verdict).unwrap_or_default();
                value["verdict"].as_str().unwrap_or_default().to_owned()
            }
            Self::Error(_) => "error".to_owned(),
            Self::NotRun => "not-run".to_owned(),
        }
    }

    /// Seconds from QEMU's start to the last stage of the first boot.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        let Self::Judged(outcome) = self else {
            return None;
        };
        Some(outcome.timeline.boots.first()?.marks.last()?.at)
    }
}

/// A scenario of a bundle.
#[derive(Debug)]
pub struct Case {
    /// The recipe, or what the bundle is called.
    pub suite: String,
    /// The bundle's version; nothing where it is not known.
    pub version: String,
    /// The architecture.
    pub arch: Arch,
    /// The scenario, with the machine it was booted in.
    pub scenario: Scenario,
    /// What came of each boot, in order; never empty.
    pub came: Vec<Came>,
    /// Where the record is: of the first boot that did not pass, of the last one otherwise.
    pub record: PathBuf,
    /// QEMU's word for the accelerator, where a boot was made.
    pub accel: String,
    /// Seconds that all of it took.
    pub took: f64,
    /// What came of it before, the latest last.
    pub before: Vec<Past>,
}

/// A stage that a boot reached.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Reached {
    /// The stage.
    pub stage: Stage,
    /// Seconds since power-on or reset.
    pub at: f64,
    /// Seconds since the stage before it.
    pub took: f64,
}

impl Case {
    /// By what it is known in all of a run.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.suite, self.scenario.name)
    }

    /// The route it boots by.
    #[must_use]
    pub fn route(&self) -> Route {
        self.scenario.route(self.arch)
    }

    /// The boot that stands for all of them: the first that did not pass, the last otherwise.
    #[must_use]
    pub fn shown(&self) -> &Came {
        let bad = |came: &&Came| came.state() != State::Passed;
        let made = |came: &&Came| came.state() != State::NotRun;
        let first_bad = self.came.iter().filter(made).find(bad);
        first_bad
            .or_else(|| self.came.iter().rev().find(made))
            .unwrap_or(&Came::NotRun)
    }

    /// How it ended: well only when all boots that were made did.
    #[must_use]
    pub fn state(&self) -> State {
        self.shown().state()
    }

    /// Boots that were made, and those of them that did not pass.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let made = self.came.iter().filter(|it| it.state() != State::NotRun);
        let states: Vec<State> = made.map(Came::state).collect();
        let bad = states.iter().filter(|&&state| state != State::Passed);
        (states.len(), bad.count())
    }

    /// What there is to say, in one sentence without a final stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        let sentence = self.shown().sentence();
        match (self.came.len(), self.count()) {
            (1, _) | (_, (0, _)) => sentence,
            (_, (made, 0)) => format!("all {} passed", counted(made, "boot")),
            (_, (made, bad)) => format!("{bad} of {made} failed; the first: {sentence}"),
        }
    }

    /// The stages of the first boot.
    #[must_use]
    pub fn stages(&self) -> Vec<Reached> {
        let Came::Judged(outcome) = self.shown() else {
            return Vec::new();
        };
        outcome
            .timeline
            .boots
            .first()
            .map_or_else(Vec::new, |boot| reached(&boot.marks))
    }

    /// What is to be remembered of it; nothing when no verdict was come to.
    #[must_use]
    pub fn past(&self, wall: i64) -> Option<Past> {
        let shown = self.shown();
        matches!(shown, Came::Judged(..)).then(|| Past {
            at: wall,
            version: self.version.clone(),
            verdict: shown.name(),
            seconds: shown.seconds(),
            accel: self.accel.clone(),
        })
    }

    /// How it compares with what came before.
    #[must_use]
    pub fn comparison(&self) -> Option<Comparison> {
        Some(Comparison::of(&self.past(0)?, &self.before))
    }

    /// The failure that it is, unless it passed.
    ///
    /// # Errors
    /// [`Kind::Boot`] for a verdict, the kind of what went wrong otherwise.
    pub fn result(&self) -> Result<()> {
        let what = format!("scenario {}: {}", self.scenario.name, self.sentence());
        match self.shown() {
            Came::Judged(outcome) if self.came.len() == 1 => {
                let outcome = Outcome {
                    record: self.record.clone(),
                    ..(**outcome).clone()
                };
                outcome.into_result(&self.scenario.name)
            }
            Came::Judged(outcome) if outcome.verdict.passed() => Ok(()),
            Came::Judged(..) => {
                let log = self.record.join("transcript.log");
                let hint = format!("the record is of the first that failed: {}", log.display());
                Err(Failure::new(Kind::Boot, what).hint(hint))
            }
            Came::Error(failure) => Err(failure.again()),
            Came::NotRun => Err(crate::tool::interruption()),
        }
    }

    /// All of it for a program.
    #[must_use]
    pub fn value(&self) -> Value {
        let shown = self.shown();
        let outcome = match shown {
            Came::Judged(outcome) => Some(outcome),
            Came::Error(_) | Came::NotRun => None,
        };
        let (boots, failed) = self.count();
        let seconds: Vec<Option<f64>> = self.came.iter().map(Came::seconds).collect();
        json!({
            "recipe": self.suite,
            "version": self.version,
            "scenario": self.scenario.name,
            "route": self.route(),
            "arch": self.arch,
            "passed": self.state() == State::Passed,
            "result": shown.name(),
            "state": outcome.and_then(|outcome| outcome.state.as_ref()),
            "sentence": self.sentence(),
            "verdict": outcome.map(|outcome| &outcome.verdict),
            "flaky": outcome.is_some_and(|outcome| outcome.flaky()),
            "attempts_before": outcome.map_or(&[][..], |outcome| &outcome.before),
            "seconds": shown.seconds(),
            "stages": self.stages(),
            "timeline": outcome.map(|outcome| &outcome.timeline),
            "boots": boots,
            "failed": failed,
            "seconds_of_each": seconds,
            "compared": self.comparison(),
            "record": self.record,
        })
    }
}

/// Marks with the time that each took.
#[must_use]
pub fn reached(marks: &[super::timeline::Mark]) -> Vec<Reached> {
    let mut before = 0.0;
    let reached = marks.iter().map(|mark| {
        let took = mark.at - before;
        before = mark.at;
        Reached {
            stage: mark.stage,
            at: mark.at,
            took: (took * 1000.0).round() / 1000.0,
        }
    });
    reached.collect()
}

/// Where the record of a boot goes that is one of several: beside the one that is kept. No scenario can have this name.
#[must_use]
pub fn beside(record: &Path, number: usize) -> PathBuf {
    let mut name = record.file_name().unwrap_or_default().to_owned();
    name.push(format!("+{number}"));
    record.with_file_name(name)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::happening::{Happening, Port, What};
    use super::super::timeline::Timeline;
    use super::super::verdict::Verdict;
    use super::*;

    /// A boot with a line a second.
    pub(crate) fn judged(verdict: Verdict, lines: &[&str]) -> Came {
        let line = |(at, text): (usize, &&str)| Happening {
            at: at as f64 + 0.25,
            what: What::Line {
                port: Port::Console,
                text: (*text).to_owned(),
            },
        };
        let happenings: Vec<Happening> = lines.iter().enumerate().map(line).collect();
        Came::Judged(Box::new(Outcome {
            verdict,
            state: None,
            before: Vec::new(),
            timeline: Timeline::of(&happenings),
            faults: Vec::new(),
            record: PathBuf::new(),
        }))
    }

    pub(crate) fn passed() -> Came {
        judged(
            Verdict::Passed,
            &["SeaBIOS", "Linux version 6.1", "Run /init as init process"],
        )
    }

    pub(crate) fn panicked() -> Came {
        let line = "Kernel panic - not syncing: <&\"'>\u{1}".to_owned();
        judged(Verdict::Panic { line }, &["SeaBIOS", "Linux version 6.1"])
    }

    pub(crate) fn case(name: &str, came: Vec<Came>) -> Case {
        Case {
            suite: "demo".to_owned(),
            version: "1.0".to_owned(),
            arch: Arch::Amd64,
            scenario: Scenario::named(name).on(Arch::Amd64),
            came,
            record: PathBuf::from("/r/demo").join(name),
            accel: "tcg".to_owned(),
            took: 2.5,
            before: Vec::new(),
        }
    }

    #[test]
    fn one_boot_that_fails_among_many_decides() {
        let case = case("plain", vec![passed(), panicked(), passed(), panicked()]);
        assert_eq!(case.state(), State::Failed);
        assert!(
            case.sentence()
                .starts_with("2 of 4 failed; the first: the kernel panicked"),
            "{}",
            case.sentence()
        );
        assert_eq!(case.result().unwrap_err().kind, Kind::Boot);
        let value = case.value();
        assert_eq!((&value["boots"], &value["failed"]), (&json!(4), &json!(2)));
        assert_eq!(value["result"], "panic");
    }

    #[test]
    fn all_that_pass_pass() {
        let case = case("plain", vec![passed(), passed()]);
        assert_eq!(case.sentence(), "all 2 boots passed");
        assert!(case.result().is_ok());
        let value = case.value();
        assert_eq!(value["stages"][1]["took"], 1.0);
        assert_eq!(value["route"], "pxelinux");
    }

    #[test]
    fn what_could_not_be_made_keeps_its_kind() {
        let failure = Failure::new(Kind::Missing, "no QEMU").hint("install it");
        let case = case("plain", vec![Came::Error(failure)]);
        let failure = case.result().unwrap_err();
        assert_eq!(failure.kind, Kind::Missing);
        assert_eq!(failure.hint.as_deref(), Some("install it"));
        assert!(case.past(0).is_none() && case.comparison().is_none());
    }

    #[test]
    fn what_was_interrupted_did_not_pass() {
        let all = case("plain", vec![passed(), Came::NotRun]);
        assert_eq!((all.state(), all.count()), (State::Passed, (1, 0)));
        let none = case("plain", vec![Came::NotRun]);
        assert_eq!(none.state(), State::NotRun);
        assert_eq!(none.result().unwrap_err().kind, Kind::Interrupted);
    }
}
