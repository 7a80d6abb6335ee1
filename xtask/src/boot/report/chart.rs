//! Times as lengths: bars that have one scale, and the stages of each boot.

use serde::Serialize;

use super::html::Html;
use super::page::id;
use crate::boot::case::{Case, Reached, reached};
use crate::boot::timeline::{Boot, Stage};

/// A case among all bars, which have one scale.
#[derive(Debug, Serialize)]
pub(super) struct Bar {
    id: Html,
    name: Html,
    parts: Vec<Part>,
    seconds: Html,
    spoken: Html,
}

/// A part of a bar: its length in hundredths of the scale.
#[derive(Debug, Serialize)]
struct Part {
    phase: &'static str,
    width: String,
    title: Html,
}

#[derive(Debug, Serialize)]
pub(super) struct Tick {
    left: String,
    label: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Legend {
    phase: &'static str,
    what: &'static str,
}

/// A boot, stage by stage.
#[derive(Debug, Serialize)]
pub(super) struct Steps {
    caption: Html,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    title: Html,
    phase: &'static str,
    left: String,
    width: String,
    at: String,
    took: String,
    longest: bool,
}

/// Parts of a boot: up to which stage, by what they are called, and what happens in them.
const PHASES: [(Stage, &str, &str); 4] = [
    (
        Stage::Loader,
        "firmware",
        "firmware, until the boot loader is there",
    ),
    (
        Stage::Initrd,
        "loading",
        "loading, until kernel and initramfs are there",
    ),
    (Stage::Userspace, "kernel", "kernel, until userspace begins"),
    (Stage::Verdict, "userspace", "userspace, until the verdict"),
];

/// Which of [`PHASES`] each step of a boot is in. A verdict can come in any of them: it ends the one that was not over.
fn phases(reached: &[Reached]) -> Vec<usize> {
    let mut before = None;
    let phase = |it: &Reached| {
        let within = PHASES.iter().position(|(last, ..)| match it.stage {
            Stage::Verdict => before.is_none_or(|before| before < *last),
            stage => stage <= *last,
        });
        before = before.max(Some(it.stage));
        within.unwrap_or(PHASES.len() - 1)
    };
    reached.iter().map(phase).collect()
}

/// Seconds of the longest first boot.
pub(super) fn longest(cases: &[Case]) -> f64 {
    let all = cases.iter().filter_map(|case| case.shown().seconds());
    all.fold(0.001, f64::max)
}

fn percent(part: f64, of: f64) -> String {
    format!("{:.2}", (part / of * 100.0).clamp(0.0, 100.0))
}

pub(super) fn bar(case: &Case, longest: f64) -> Option<Bar> {
    let seconds = case.shown().seconds()?;
    let mut took = [0.0; PHASES.len()];
    let stages = case.stages();
    for (stage, phase) in stages.iter().zip(phases(&stages)) {
        took[phase] += stage.took;
    }
    let parts: Vec<(&str, f64)> = PHASES
        .iter()
        .zip(took)
        .map(|(it, took)| (it.1, took))
        .collect();
    let there = parts.iter().filter(|(_, took)| *took > 0.0);
    let words: Vec<String> = there
        .map(|(name, took)| format!("{name} {took:.2} s"))
        .collect();
    Some(Bar {
        id: id(case),
        name: Html::text(case.name()),
        parts: parts
            .iter()
            .map(|&(phase, took)| Part {
                phase,
                width: percent(took, longest),
                title: Html::text(format!("{phase}: {took:.2} s")),
            })
            .collect(),
        seconds: Html::text(format!("{seconds:.1} s")),
        spoken: Html::text(words.join(", ")),
    })
}

/// At most so many lines of a scale.
const TICKS: f64 = 6.0;

pub(super) fn ticks(longest: f64) -> Vec<Tick> {
    let steps = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    ];
    let fits = steps.into_iter().find(|step| longest / step <= TICKS);
    let step = fits.unwrap_or(longest / TICKS);
    let count = (longest / step).floor() as u32;
    let tick = |number| {
        let at = f64::from(number) * step;
        let label = if step < 1.0 {
            format!("{at:.1} s")
        } else {
            format!("{at:.0} s")
        };
        Tick {
            left: percent(at, longest),
            label,
        }
    };
    (0..=count).map(tick).collect()
}

pub(super) fn steps((number, boot): (usize, &Boot)) -> Option<Steps> {
    let reached = reached(&boot.marks);
    let end = reached.last()?.at.max(0.001);
    let most = reached.iter().map(|it| it.took).fold(0.0, f64::max);
    let caption = match number {
        0 => format!("From power-on, {end:.2} s"),
        _ => format!("After reset {number}, at {:.2} s: {end:.2} s", boot.from),
    };
    let step = |(it, phase): (&Reached, usize)| Step {
        title: Html::text(it.stage.title()),
        phase: PHASES[phase].1,
        left: percent(it.at - it.took, end),
        width: percent(it.took, end),
        at: format!("{:.2} s", it.at),
        took: format!("{:.2} s", it.took),
        longest: it.took >= most,
    };
    Some(Steps {
        caption: Html::text(caption),
        steps: reached.iter().zip(phases(&reached)).map(step).collect(),
    })
}

/// What the parts of bars are called, with what happens in them.
pub(super) fn legend() -> Vec<Legend> {
    let legend = |&(_, phase, what): &(Stage, &'static str, &'static str)| Legend { phase, what };
    PHASES.iter().map(legend).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stages: &[Stage]) -> Vec<&'static str> {
        let reached = |&stage: &Stage| Reached {
            stage,
            at: 1.0,
            took: 1.0,
        };
        let reached: Vec<_> = stages.iter().map(reached).collect();
        phases(&reached)
            .into_iter()
            .map(|at| PHASES[at].1)
            .collect()
    }

    #[test]
    fn a_verdict_belongs_to_what_it_ends() {
        use Stage::{Firmware, Initrd, Kernel, Lease, Linux, Loader, Userspace, Verdict};
        let last = |stages| names(stages).pop().unwrap();
        assert_eq!(last(&[Firmware, Verdict]), "firmware");
        assert_eq!(last(&[Firmware, Lease, Loader, Verdict]), "loading");
        assert_eq!(
            last(&[Firmware, Loader, Kernel, Initrd, Linux, Verdict]),
            "kernel"
        );
        let whole = [Firmware, Loader, Initrd, Kernel, Linux, Userspace, Verdict];
        let phases = [
            "firmware",
            "firmware",
            "loading",
            "loading",
            "kernel",
            "kernel",
            "userspace",
        ];
        assert_eq!(names(&whole), phases);
    }
}
