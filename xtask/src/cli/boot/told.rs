//! What is said of boots on the terminal.

use crate::boot::case::{Came, Case, State};
use crate::boot::record;
use crate::cli::Context;
use crate::failure::{Failure, Kind};
use crate::text::counted;

/// All cases, for a person. `alone` is when they are of one recipe: then scenarios are known by their names, and timelines are drawn.
pub(super) fn text(context: &Context<'_>, cases: &[Case]) -> String {
    let alone = cases.iter().all(|case| case.suite == cases[0].suite);
    let mut text: String = cases.iter().map(|case| one(context, case, alone)).collect();
    if !alone {
        text += &summary(cases);
    }
    text
}

fn one(context: &Context<'_>, case: &Case, alone: bool) -> String {
    let name = if alone {
        case.scenario.name.clone()
    } else {
        case.name()
    };
    let word = case.state().word();
    let mut text = format!("{name}: {word}: {}\n", case.sentence());
    if let Some(comparison) = case.comparison() {
        let notable = comparison.pace.as_ref().is_some_and(|pace| pace.notable);
        let time = comparison.of_time().filter(|_| notable);
        let told = comparison.of_verdict().into_iter().chain(time);
        told.for_each(|told| text += &format!("note: {told}\n"));
    }
    if let Came::Judged(outcome) = case.shown() {
        for attempt in &outcome.before {
            let record = context.workshop.checkout.relative(&attempt.record);
            let (why, record) = (attempt.verdict.sentence(), record.display());
            text += &format!("not before: {why}; record: {record}\n");
        }
    }
    if let Came::Judged(outcome) = case.shown()
        && (alone || case.state() != State::Passed)
    {
        text += &outcome.timeline.bars();
    }
    if case.record.join(record::VERDICT).is_file() && matches!(case.shown(), Came::Judged(..)) {
        let record = context.workshop.checkout.relative(&case.record);
        text += &format!("record: {}\n", record.display());
    }
    text
}

fn summary(cases: &[Case]) -> String {
    let passed = cases.iter().filter(|case| case.state() == State::Passed);
    format!(
        "{} of {} passed\n",
        passed.count(),
        counted(cases.len(), "boot")
    )
}

/// The failure that they are together; nothing when all passed. What keeps boots from being made weighs more than a boot that failed.
pub(super) fn failure(cases: &[Case]) -> Option<Failure> {
    let mut failures: Vec<Failure> = cases
        .iter()
        .filter_map(|case| case.result().err())
        .collect();
    let kind = |kind| {
        failures
            .iter()
            .position(|failure: &Failure| failure.kind == kind)
    };
    let others = failures.iter().position(|it| it.kind != Kind::Boot);
    let decides = kind(Kind::Interrupted).or(others).unwrap_or(0);
    if failures.len() < 2 {
        return failures.pop();
    }
    let not_run = cases.iter().filter(|case| case.state() == State::NotRun);
    let not_run = not_run.count();
    let all = cases.len();
    let first = failures.swap_remove(decides);
    let (what, hint) = match first.kind {
        Kind::Interrupted => (
            format!("interrupted: {not_run} of {all} boots were not made"),
            "what was finished is kept",
        ),
        _ => (
            format!("{} of {all} boots did not pass", failures.len() + 1),
            "transcript.log in the record of each is what happened, with times",
        ),
    };
    let failure = Failure::new(first.kind, what).hint(hint);
    let told = cases.iter().filter(|case| case.state() != State::NotRun);
    let told = told.filter_map(|case| Some(case.result().err()?.what.clone()));
    Some(told.fold(failure, Failure::note))
}

#[cfg(test)]
mod tests;
