//! How a boot ended, judged: one kind for each cause, the words for it, and what to do about it.

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind};

use super::protocol::GuestVerdict;
use super::timeline::Stage;

/// What a boot proved, or why it did not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything happened as the scenario expects.
    Passed,
    /// The guest said that a step failed.
    GuestFailed {
        /// The step.
        step: String,
        /// Its code.
        code: u32,
        /// What the guest said about it.
        why: String,
    },
    /// The kernel panicked.
    Panic {
        /// The line that says so.
        line: String,
    },
    /// The kernel met a bug.
    Oops {
        /// The line that says so.
        line: String,
    },
    /// The firmware got no address.
    NoDhcp {
        /// The line that says so.
        line: String,
    },
    /// A DHCP server that is not ours gave the machine an address.
    RogueDhcp {
        /// The server's address.
        server: String,
        /// The address that it gave.
        ip: String,
        /// To which network card.
        mac: String,
    },
    /// The image booted again and again: each time the machine reset itself.
    Loop {
        /// How often in a row.
        boots: u32,
        /// The last line of the last one.
        last_line: String,
    },
    /// A fault that the scenario asks for never came about: the boot proved nothing of it.
    FaultNotMet {
        /// What should have gone wrong.
        faults: Vec<String>,
    },
    /// The firmware or the boot loader could not get a file, or not start it.
    LoadFailed {
        /// The line that says so.
        line: String,
        /// Files that a server was asked for last and could not send.
        missing: Vec<String>,
    },
    /// The firmware had nothing left to boot.
    NothingToBoot {
        /// The line that says so.
        line: String,
    },
    /// The kernel could not unpack all of its initramfs.
    NotUnpacked {
        /// The line that says so.
        line: String,
    },
    /// QEMU ended before its time.
    QemuDied {
        /// How: `exit status 1`, `signal 9`.
        end: String,
        /// Its last messages.
        tail: Vec<String>,
    },
    /// A server of the lab ended.
    ServerDied {
        /// The server.
        program: String,
        /// Its last messages.
        tail: Vec<String>,
    },
    /// The machine switched itself off.
    PoweredOff,
    /// The machine reset itself.
    ResetItself {
        /// How far it had come.
        stage: Option<Stage>,
        /// The last line before.
        last_line: String,
    },
    /// The time limit was reached.
    TimedOut {
        /// The limit, in seconds.
        seconds: f64,
        /// The last line seen.
        last_line: String,
        /// How far the boot came.
        stage: Option<Stage>,
        /// The patterns that no line had matched.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unmatched: Vec<String>,
    },
    /// Something expected was never seen.
    ExpectationMissed {
        /// The patterns that no line matched.
        patterns: Vec<String>,
    },
    /// Another order of questions for a configuration than expected.
    WrongConfigSearch {
        /// What should have been asked for.
        expected: Vec<String>,
        /// What was asked for.
        seen: Vec<String>,
    },
    /// The guest's address is not the one it was leased.
    WrongLease {
        /// What is wrong.
        what: String,
    },
    /// A clock shows something else than it should.
    WrongClock {
        /// What is wrong.
        what: String,
    },
    /// What the image's reporter told by HTTP is not what the console says.
    ReportsDisagree {
        /// The state by the console.
        console: String,
        /// The state and code by HTTP.
        reported: String,
    },
    /// The image's reporter did not tell all that it has to, or not in order.
    WrongReport {
        /// What is wrong.
        what: String,
    },
    /// The guest gave more than one verdict in one boot.
    TwoVerdicts {
        /// The first.
        first: GuestVerdict,
        /// The other.
        second: GuestVerdict,
    },
    /// The boot ended well, but otherwise than expected.
    WrongEnd {
        /// What was expected.
        expected: String,
        /// What came.
        got: String,
    },
    /// The guest wrote more than anybody wants to keep.
    TooMuchOutput,
    /// What the scenario wants to know cannot be known in this network.
    NotCheckable {
        /// The scenario's fields.
        fields: Vec<String>,
    },
}

impl Verdict {
    /// Whether it passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        *self == Self::Passed
    }

    /// What it says, in one sentence without a final stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        let stage = |stage: &Option<Stage>| stage.map_or("nothing", Stage::title).to_owned();
        match self {
            Self::Passed => "it booted as expected".to_owned(),
            Self::GuestFailed { step, code, why } if why.is_empty() => {
                format!("the guest's step {step} failed with code {code}")
            }
            Self::GuestFailed { step, code, why } => {
                format!("the guest's step {step} failed with code {code}: {why}")
            }
            Self::Panic { line } => format!("the kernel panicked: {line}"),
            Self::Oops { line } => format!("the kernel met a bug: {line}"),
            Self::NoDhcp { line } => format!("the firmware got no address by DHCP: {line}"),
            Self::RogueDhcp { server, ip, mac } => {
                format!("a DHCP server that is not ours, {server}, gave {ip} to {mac}")
            }
            Self::Loop { boots, last_line } => format!(
                "the image booted {boots} times in a row, and reset the machine each time; last line: {last_line}"
            ),
            Self::FaultNotMet { faults } => {
                format!("it never came so far: {}", faults.join("; "))
            }
            Self::LoadFailed { line, .. } => format!("a file could not be loaded: {line}"),
            Self::NothingToBoot { line } => format!("the firmware found nothing to boot: {line}"),
            Self::NotUnpacked { line } => {
                format!("the kernel could not unpack all of the initramfs: {line}")
            }
            Self::QemuDied { end, .. } => format!("QEMU ended before its time ({end})"),
            Self::ServerDied { program, .. } => {
                format!("the lab's {program} ended before its time")
            }
            Self::PoweredOff => "the machine switched itself off".to_owned(),
            Self::ResetItself {
                stage: at,
                last_line,
            } => {
                format!(
                    "the machine reset itself; it had come to: {}; last line: {last_line}",
                    stage(at)
                )
            }
            Self::TimedOut {
                seconds,
                last_line,
                stage: at,
                unmatched,
            } => {
                let missed = match unmatched.as_slice() {
                    [] => String::new(),
                    patterns => format!("; no line matched {}", backticks(patterns)),
                };
                format!(
                    "nothing decisive happened within {seconds} s{missed}; it had come to: {}; last line: {last_line}",
                    stage(at)
                )
            }
            Self::ExpectationMissed { patterns } => {
                format!("no line matched {}", backticks(patterns))
            }
            Self::WrongConfigSearch { expected, seen } => format!(
                "the configuration was asked for as {}, but {} was expected",
                seen.join(" "),
                expected.join(" ")
            ),
            Self::WrongLease { what } | Self::WrongClock { what } | Self::WrongReport { what } => {
                what.clone()
            }
            Self::ReportsDisagree { console, reported } => {
                format!("the console says `{console}`, but the reporter told `{reported}` by HTTP")
            }
            Self::TwoVerdicts { first, second } => {
                format!("the guest gave two verdicts in one boot: `{first}` and `{second}`")
            }
            Self::WrongEnd { expected, got } => {
                format!("it ended with `{got}`, but `{expected}` was expected")
            }
            Self::TooMuchOutput => "the guest wrote without end".to_owned(),
            Self::NotCheckable { fields } => format!(
                "{} cannot be had, or not be checked, in QEMU's own network: the lab's is needed",
                backticks(fields)
            ),
        }
    }

    /// Further facts, one a line.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        match self {
            Self::LoadFailed { missing, .. } => missing
                .iter()
                .map(|path| format!("no server could send {path}"))
                .collect(),
            Self::QemuDied { tail, .. } | Self::ServerDied { tail, .. } => tail.clone(),
            _ => Vec::new(),
        }
    }

    /// The failure that this is, unless it passed. `scenario` and `record` are named in it.
    ///
    /// # Errors
    /// [`Kind::Boot`], unless it passed.
    pub fn into_result(self, scenario: &str, record: &std::path::Path) -> Result<(), Failure> {
        if self.passed() {
            return Ok(());
        }
        let what = format!("scenario {scenario}: {}", self.sentence());
        let failure = self
            .notes()
            .into_iter()
            .fold(Failure::new(Kind::Boot, what), Failure::note);
        Err(failure.hint(match self {
            Self::NotCheckable { .. } => {
                "see with `cargo xtask doctor` why the lab's network cannot be made here".to_owned()
            }
            Self::TimedOut { .. } => format!(
                "look into {}; on a slow host, CORDWAINER_TIMEOUT_FACTOR=3 waits three times as long",
                record.join("transcript.log").display()
            ),
            _ => format!("look into {}", record.join("transcript.log").display()),
        }))
    }
}

fn backticks(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_and_where_to_look() {
        let verdict = Verdict::TimedOut {
            seconds: 60.0,
            last_line: "Loading vmlinuz...".into(),
            stage: Some(Stage::Config),
            unmatched: Vec::new(),
        };
        let failure = verdict
            .into_result("plain", std::path::Path::new("/r"))
            .unwrap_err();
        assert_eq!(failure.kind, Kind::Boot);
        assert!(
            failure.what.contains("configuration sent")
                && failure.what.contains("Loading vmlinuz...")
        );
        assert!(
            failure
                .hint
                .as_ref()
                .is_some_and(|hint| hint.contains("/r/transcript.log"))
        );
        assert!(
            Verdict::Passed
                .into_result("plain", std::path::Path::new("/r"))
                .is_ok()
        );
    }

    #[test]
    fn a_verdict_is_kept_as_json() {
        let verdict = Verdict::GuestFailed {
            step: "dhcp".into(),
            code: 40,
            why: String::new(),
        };
        let json = serde_json::to_string(&verdict).unwrap();
        assert_eq!(
            json,
            r#"{"verdict":"guest-failed","step":"dhcp","code":40,"why":""}"#
        );
        assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
    }
}
