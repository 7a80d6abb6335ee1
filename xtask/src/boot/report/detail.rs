//! Everything there is to say of one case.

use std::path::Path;

use serde::Serialize;

use super::chart::{Steps, steps};
use super::evidence::Evidence;
use super::html::Html;
use super::page::{Fact, fact, id, shown};
use crate::boot::case::{Came, Case, State};
use crate::boot::timeline::Boot;
use crate::text::{bytes, counted};

/// Everything about a case.
#[derive(Debug, Serialize)]
pub(super) struct Detail {
    id: Html,
    class: &'static str,
    mark: &'static str,
    word: &'static str,
    name: Html,
    description: Html,
    sentence: Html,
    notes: Vec<Note>,
    facts: Vec<Fact>,
    boots: Vec<Steps>,
    screenshot: Html,
    tail: Html,
    transcript: Html,
    lines: Html,
    command: Html,
    files: Vec<Kept>,
    open: bool,
}

#[derive(Debug, Serialize)]
struct Note {
    class: &'static str,
    text: Html,
}

/// A file of a record.
#[derive(Debug, Serialize)]
struct Kept {
    href: Html,
    name: Html,
    size: Html,
}

pub(super) fn detail(case: &Case, evidence: &Evidence, folder: &Path) -> Detail {
    let (class, mark, word) = shown(case.state());
    let boots: &[Boot] = match case.shown() {
        Came::Judged(outcome) => &outcome.timeline.boots,
        Came::Error(_) | Came::NotRun => &[],
    };
    let lines = counted(evidence.transcript.len() + evidence.left_out, "line");
    Detail {
        id: id(case),
        class,
        mark,
        word,
        name: Html::text(case.name()),
        description: Html::text(&case.scenario.description),
        sentence: Html::text(case.sentence()),
        notes: notes(case),
        facts: machine(case),
        boots: boots.iter().enumerate().filter_map(steps).collect(),
        screenshot: Html::text(&evidence.screenshot),
        tail: Html::text(evidence.tail.join("\n")),
        transcript: Html::text(evidence.transcript.join("\n")),
        lines: Html::text(lines),
        command: Html::text(&evidence.command),
        files: files(case, evidence, folder),
        open: case.state() != State::Passed,
    }
}

fn notes(case: &Case) -> Vec<Note> {
    let note = |class, text: String| Note {
        class,
        text: Html::text(text),
    };
    let mut notes = Vec::new();
    if let Some(comparison) = case.comparison() {
        let slower = comparison
            .pace
            .as_ref()
            .is_some_and(|pace| pace.notable && pace.more > 0.0);
        let worse = |is: bool| if is { "bad" } else { "idle" };
        let broke = case.state() != State::Passed;
        notes.extend(comparison.of_verdict().map(|text| note(worse(broke), text)));
        notes.extend(comparison.of_time().map(|text| note(worse(slower), text)));
    }
    if let Came::Judged(outcome) = case.shown() {
        let attempts = outcome.before.iter().map(|attempt| {
            let why = attempt.verdict.sentence();
            note("bad", format!("an attempt before did not pass: {why}"))
        });
        notes.extend(attempts);
        let said = outcome.verdict.notes().into_iter();
        let said = said.chain(outcome.faults.iter().cloned());
        notes.extend(said.map(|text| note("idle", text)));
    }
    if let Came::Error(failure) = case.shown() {
        notes.extend(failure.hint.iter().map(|hint| note("idle", hint.clone())));
    }
    let seconds: Vec<f64> = case.came.iter().filter_map(Came::seconds).collect();
    if seconds.len() > 1 {
        let least = seconds.iter().copied().fold(f64::MAX, f64::min);
        let most = seconds.iter().copied().fold(0.0, f64::max);
        let boots = counted(seconds.len(), "boot");
        notes.push(note(
            "idle",
            format!("{boots}, {least:.2} to {most:.2} s each"),
        ));
    }
    notes
}

fn machine(case: &Case) -> Vec<Fact> {
    let scenario = &case.scenario;
    let memory = format!("{} MiB", scenario.memory);
    let size = match scenario.cpus {
        1 => memory,
        cpus => format!("{cpus} processors, {memory}"),
    };
    let nics = match scenario.nics {
        1 => scenario.nic().to_string(),
        many => format!("{many} × {}", scenario.nic()),
    };
    vec![
        fact("route", case.route()),
        fact("machine", format!("{} {}", case.arch, scenario.machine())),
        fact("size", size),
        fact("network card", nics),
    ]
}

fn files(case: &Case, evidence: &Evidence, folder: &Path) -> Vec<Kept> {
    let kept = |(name, length): &(String, u64)| Kept {
        href: Html::link(folder, &case.record.join(name)),
        name: Html::text(name),
        size: Html::text(bytes(*length)),
    };
    evidence.files.iter().map(kept).collect()
}
