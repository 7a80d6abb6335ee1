//! Whether a boot that did not pass is made again: by the kind of machine, and by what went wrong. What passes only after that is said to
//! have done so.
//!
//! ```toml
//! [boot.retry]                      # once again in the lab, never on real machines
//! on = ["timed-out", "load-failed"]
//! ```
//! A machine of the lab costs nothing but time, and what ails it may be the host that it runs on. A real one that does not come up
//! is to be looked at, not to be switched off and on until it does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scenario::Problem;
use super::verdict::Verdict;

/// More than so many times nothing is tried again.
const MOST: u32 = 10;

/// When a boot is made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Retry {
    /// How often a virtual machine is booted again.
    #[serde(default = "once")]
    pub r#virtual: u32,
    /// How often a real machine is booted again.
    #[serde(default)]
    pub physical: u32,
    /// What has to have gone wrong.
    #[serde(default = "passing")]
    pub on: Vec<Fault>,
}

const fn once() -> u32 {
    1
}

/// What may be the network's or the host's fault.
fn passing() -> Vec<Fault> {
    vec![Fault::TimedOut, Fault::NoDhcp]
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            r#virtual: once(),
            physical: 0,
            on: passing(),
        }
    }
}

/// What can have gone wrong with a boot that may be made again. Everything else is the bundle's or the lab's own fault, and stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nothing decisive happened in time.
    TimedOut,
    /// The firmware got no address.
    NoDhcp,
    /// A file could not be loaded.
    LoadFailed,
    /// The firmware found nothing to boot.
    NothingToBoot,
    /// The machine reset itself.
    ResetItself,
    /// The guest said that a step failed.
    Failed,
    /// The kernel panicked.
    Panic,
    /// The kernel met a bug.
    Oops,
    /// What was expected did not show.
    ExpectationMissed,
}

impl Fault {
    /// What this verdict is, if a boot may be made again for it.
    #[must_use]
    pub const fn of(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::TimedOut { .. } => Some(Self::TimedOut),
            Verdict::NoDhcp { .. } => Some(Self::NoDhcp),
            Verdict::LoadFailed { .. } => Some(Self::LoadFailed),
            Verdict::NothingToBoot { .. } => Some(Self::NothingToBoot),
            Verdict::ResetItself { .. } => Some(Self::ResetItself),
            Verdict::GuestFailed { .. } => Some(Self::Failed),
            Verdict::Panic { .. } => Some(Self::Panic),
            Verdict::Oops { .. } => Some(Self::Oops),
            Verdict::ExpectationMissed { .. } => Some(Self::ExpectationMissed),
            _ => None,
        }
    }
}

/// What kind of machine boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hardware {
    /// One of the lab's.
    Virtual,
    /// A real one.
    Physical,
}

impl Retry {
    /// Whether a boot is to be made again that was made `made` times and came to this verdict the last time.
    #[must_use]
    pub fn again(&self, hardware: Hardware, made: u32, verdict: &Verdict) -> bool {
        let times = match hardware {
            Hardware::Virtual => self.r#virtual,
            Hardware::Physical => self.physical,
        };
        made <= times && Fault::of(verdict).is_some_and(|fault| self.on.contains(&fault))
    }

    /// Everything in it that cannot be meant.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let times = [
            ("retry.virtual", self.r#virtual),
            ("retry.physical", self.physical),
        ];
        let times = times.into_iter().filter(|(_, times)| *times > MOST);
        times
            .map(|(field, times)| Problem {
                field,
                message: format!("{times} is not within 0 and {MOST}"),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed_out() -> Verdict {
        Verdict::TimedOut {
            seconds: 60.0,
            last_line: String::new(),
            stage: None,
            unmatched: Vec::new(),
        }
    }

    fn panic() -> Verdict {
        let line = "Kernel panic - not syncing".to_owned();
        Verdict::Panic { line }
    }

    fn retry(text: &str) -> Retry {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn by_itself_a_virtual_machine_is_tried_once_more_and_a_real_one_never() {
        let retry = retry("");
        assert_eq!(retry, Retry::default());
        assert!(retry.again(Hardware::Virtual, 1, &timed_out()));
        assert!(!retry.again(Hardware::Virtual, 2, &timed_out()));
        assert!(!retry.again(Hardware::Physical, 1, &timed_out()));
    }

    #[test]
    fn what_the_image_does_wrong_is_only_tried_again_where_that_is_asked_for() {
        assert!(!retry("").again(Hardware::Virtual, 1, &panic()));
        assert!(!retry("").again(Hardware::Virtual, 1, &Verdict::Passed));
        let asked = retry("on = ['panic']\nphysical = 2");
        assert!(asked.again(Hardware::Virtual, 1, &panic()));
        assert!(asked.again(Hardware::Physical, 2, &panic()));
        assert!(!asked.again(Hardware::Physical, 3, &panic()));
        assert!(!asked.again(Hardware::Virtual, 1, &timed_out()));
    }

    #[test]
    fn what_the_lab_does_wrong_is_never_tried_again() {
        let (program, tail) = ("dnsmasq".to_owned(), Vec::new());
        let died = Verdict::ServerDied { program, tail };
        assert_eq!(Fault::of(&died), None);
    }

    #[test]
    fn nothing_is_tried_without_end() {
        let fields = |text: &str| -> Vec<_> {
            let problems = retry(text).problems().into_iter();
            problems.map(|problem| problem.field).collect()
        };
        assert_eq!(fields("virtual = 10"), [""; 0]);
        assert_eq!(
            fields("virtual = 11\nphysical = 99"),
            ["retry.virtual", "retry.physical"]
        );
        assert!(toml::from_str::<Retry>("on = ['passed']").is_err());
    }
}
