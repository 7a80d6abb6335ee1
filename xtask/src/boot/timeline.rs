//! How far a boot came, and when: the stages every boot passes, found in what happened.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::happening::{FileKind, Happening, Network, Port, TransferEnd, What};
use super::protocol::{self, Word};

/// A stage of a boot, in the usual order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The firmware shows its first line.
    Firmware,
    /// The firmware has an address.
    Lease,
    /// The boot loader was sent.
    Loader,
    /// The boot loader has its configuration.
    Config,
    /// The kernel was sent.
    Kernel,
    /// The initramfs was sent.
    Initrd,
    /// Linux says its version.
    Linux,
    /// The image says its version.
    Userspace,
    /// The guest has an address.
    Network,
    /// The guest has set its clock.
    Clock,
    /// The guest says how it ended.
    Verdict,
}

impl Stage {
    /// What it is called in a table.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Firmware => "firmware",
            Self::Lease => "firmware has an address",
            Self::Loader => "boot loader sent",
            Self::Config => "configuration sent",
            Self::Kernel => "kernel sent",
            Self::Initrd => "initramfs sent",
            Self::Linux => "Linux starts",
            Self::Userspace => "userspace",
            Self::Network => "guest has an address",
            Self::Clock => "clock set",
            Self::Verdict => "verdict",
        }
    }
}

/// Width of the longest boot in [`Timeline::bars`].
const BAR_COLUMNS: f64 = 40.0;

/// When a stage was reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The stage.
    pub stage: Stage,
    /// Seconds since power-on or reset.
    pub at: f64,
}

/// One boot: from power-on or a reset to the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Boot {
    /// Seconds between QEMU's start and this boot's.
    pub from: f64,
    /// The stages it reached, in order.
    pub marks: Vec<Mark>,
}

/// The boots of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// In order; never empty.
    pub boots: Vec<Boot>,
    /// Nobody tells of transfers in QEMU's own network: then the boot loader's lines are all there is.
    #[serde(skip)]
    by_lines: bool,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            boots: vec![Boot::default()],
            by_lines: false,
        }
    }
}

impl Timeline {
    /// The timeline of all that happened.
    #[must_use]
    pub fn of(happenings: &[Happening]) -> Self {
        let mut timeline = Self::default();
        for happening in happenings {
            timeline.observe(happening);
        }
        timeline
    }

    /// Takes in what happened next; returns the stage that this reached.
    pub fn observe(&mut self, happening: &Happening) -> Option<Stage> {
        if let What::Started { network, .. } = happening.what {
            self.by_lines = network == Network::User;
        }
        if let What::Reset { .. } = happening.what {
            if !self.only_just_reset() {
                self.boots.push(Boot {
                    from: happening.at,
                    marks: Vec::new(),
                });
            }
            return None;
        }
        let stage = self.stage_of(&happening.what)?;
        let boot = self.boots.last_mut()?;
        let new = boot.marks.iter().all(|mark| mark.stage != stage);
        new.then(|| {
            let at = happening.at - boot.from;
            boot.marks.push(Mark { stage, at });
            stage
        })
    }

    /// Whether the machine was reset and has not said anything since. Another reset then is part of the same: `SeaBIOS`
    /// answers a reset by the button with one of its own (`tryReboot` in its `src/resume.c`).
    #[must_use]
    pub fn only_just_reset(&self) -> bool {
        self.boots.len() > 1 && self.furthest().is_none()
    }

    /// How far the current boot came.
    #[must_use]
    pub fn furthest(&self) -> Option<Stage> {
        let boot = self.boots.last()?;
        boot.marks.iter().map(|mark| mark.stage).max()
    }

    /// Whether the current boot came so far.
    #[must_use]
    pub fn reached(&self, stage: Stage) -> bool {
        self.furthest() >= Some(stage)
    }

    /// The timeline for people: a bar per stage, as long as the time since the stage before it.
    #[must_use]
    pub fn bars(&self) -> String {
        let end = |boot: &Boot| boot.marks.last().map_or(0.0, |mark| mark.at);
        let longest = self.boots.iter().map(end).fold(f64::MIN_POSITIVE, f64::max);
        let columns = |seconds: f64| (seconds / longest * BAR_COLUMNS).round() as usize;
        let mut text = String::new();
        for (number, boot) in self.boots.iter().enumerate() {
            if number > 0 {
                text += &format!("after reset {number}, at {:.2} s\n", boot.from);
            }
            let mut before = 0.0;
            for mark in &boot.marks {
                let bar = "█".repeat(columns(mark.at) - columns(before));
                let title = mark.stage.title();
                let indent = " ".repeat(columns(before));
                text += &format!("{title:24}{:7.2} s  {indent}{bar}\n", mark.at);
                before = mark.at;
            }
        }
        text
    }

    fn stage_of(&self, what: &What) -> Option<Stage> {
        match what {
            What::Lease { .. } => Some(Stage::Lease),
            What::Tftp {
                kind,
                end: TransferEnd::Sent,
                ..
            }
            | What::Http {
                kind,
                end: TransferEnd::Sent,
                ..
            } => match kind {
                FileKind::Loader => Some(Stage::Loader),
                FileKind::Config => Some(Stage::Config),
                FileKind::Kernel => Some(Stage::Kernel),
                FileKind::Initrd => Some(Stage::Initrd),
                FileKind::Other => self.reached(Stage::Kernel).then_some(Stage::Initrd),
            },
            What::Line { port, text } => self.stage_of_line(*port, text),
            What::Unfinished { .. } => Some(Stage::Firmware),
            _ => None,
        }
    }

    fn stage_of_line(&self, port: Port, line: &str) -> Option<Stage> {
        let said = match protocol::parse(line) {
            Some(Word::Image) => Some(Stage::Userspace),
            Some(Word::StepOk(step, _)) if step == "dhcp" => Some(Stage::Network),
            Some(Word::StepOk(step, _)) if step == "clock" => Some(Stage::Clock),
            Some(Word::Verdict(_)) => Some(Stage::Verdict),
            _ => None,
        };
        let by_lines = self.by_lines && port == Port::Screen;
        let loading = by_lines && line.starts_with("Loading ") && line.contains("ok");
        let signs = [
            (line.contains("Linux version "), Stage::Linux),
            (line.contains("Run /init as init process"), Stage::Userspace),
            (loading && self.reached(Stage::Kernel), Stage::Initrd),
            (loading, Stage::Kernel),
            (
                self.by_lines && line.starts_with("PXELINUX "),
                Stage::Loader,
            ),
            (
                self.by_lines && line.starts_with("Filename: "),
                Stage::Lease,
            ),
        ];
        let sign = signs
            .iter()
            .find(|(holds, _)| *holds)
            .map(|(_, stage)| *stage);
        // The last words of a kernel may come in after the reset that they are about: they are not the firmware's.
        let late = line.starts_with('[') && line.contains("] reboot: ");
        said.or(sign).or((!late).then_some(Stage::Firmware))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: f64, text: &str) -> Happening {
        let what = What::Line {
            port: Port::Console,
            text: text.to_owned(),
        };
        Happening { at, what }
    }

    fn sent(at: f64, path: &str, kind: FileKind) -> Happening {
        let what = What::Tftp {
            path: path.to_owned(),
            kind,
            end: TransferEnd::Sent,
        };
        Happening { at, what }
    }

    #[test]
    fn stages_are_reached_once_and_counted_from_the_reset() {
        let reset = Happening {
            at: 2.0,
            what: What::Reset { by_guest: false },
        };
        let happenings = [
            line(0.125, "SeaBIOS"),
            sent(0.25, "vmlinuz", FileKind::Kernel),
            sent(0.375, "initrd", FileKind::Other),
            line(0.5, "[    0.0] Linux version 6.1"),
            reset,
            line(2.25, "SeaBIOS"),
            line(2.5, "SeaBIOS"),
        ];
        let timeline = Timeline::of(&happenings);
        let stages: Vec<Vec<(Stage, f64)>> = timeline
            .boots
            .iter()
            .map(|boot| {
                boot.marks
                    .iter()
                    .map(|mark| (mark.stage, mark.at))
                    .collect()
            })
            .collect();
        let first = vec![
            (Stage::Firmware, 0.125),
            (Stage::Kernel, 0.25),
            (Stage::Initrd, 0.375),
            (Stage::Linux, 0.5),
        ];
        assert_eq!(stages, [first, vec![(Stage::Firmware, 0.25)]]);
        assert_eq!(timeline.furthest(), Some(Stage::Firmware));
    }

    #[test]
    fn the_last_words_of_a_kernel_are_of_the_boot_before() {
        let reset = |at| Happening {
            at,
            what: What::Reset { by_guest: true },
        };
        let late = line(2.25, "[    1.260452] reboot: machine restart");
        let linux = line(0.5, "[    0.0] Linux version 6.1");
        let timeline = Timeline::of(&[linux, reset(2.0), late, reset(2.5)]);
        assert_eq!(timeline.boots.len(), 2);
        assert!(timeline.only_just_reset());
    }

    #[test]
    fn bars_are_as_long_as_their_stage_took() {
        let happenings = [line(0.25, "SeaBIOS"), line(1.0, "Linux version 6.1")];
        let bars = Timeline::of(&happenings).bars();
        let lengths: Vec<usize> = bars.lines().map(|line| line.matches('█').count()).collect();
        assert_eq!(lengths, [10, 30]);
    }
}
