//! What the page says, as data: every text escaped, every length worked out. How it looks is the template's.

use std::path::Path;

use serde::Serialize;

use super::Environment;
use super::chart::{Bar, Legend, Tick, bar, legend, longest, ticks};
use super::detail::{Detail, detail};
use super::evidence::Evidence;
use super::html::Html;
use crate::boot::case::{Case, State};
use crate::date;
use crate::loader::route::Route;
use crate::text::counted;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    title: Html,
    headline: Html,
    class: &'static str,
    mark: &'static str,
    summary: Html,
    facts: Vec<Fact>,
    changes: Vec<Link>,
    rows: Vec<Row>,
    bars: Vec<Bar>,
    ticks: Vec<Tick>,
    phases: Vec<Legend>,
    cases: Vec<Detail>,
}

#[derive(Debug, Serialize)]
pub(super) struct Fact {
    name: Html,
    value: Html,
}

/// What leads to a case.
#[derive(Debug, Serialize)]
struct Link {
    id: Html,
    class: &'static str,
    mark: &'static str,
    word: &'static str,
    name: Html,
    more: Html,
}

/// A row of the matrix: the scenarios of a recipe that boot by one route.
#[derive(Debug, Serialize)]
struct Row {
    /// How many rows the recipe has, in the first of them; nothing in the others.
    span: Option<usize>,
    suite: Html,
    version: Html,
    route: Html,
    links: Vec<Link>,
}

/// How a state is shown: a class, a sign and a word. The word alone says it.
pub(super) const fn shown(state: State) -> (&'static str, &'static str, &'static str) {
    match state {
        State::Passed => ("good", "✓", "passed"),
        State::Failed => ("bad", "✗", "failed"),
        State::Error => ("bad", "!", "error"),
        State::NotRun => ("idle", "–", "not run"),
    }
}

impl Page {
    pub(super) fn of(
        cases: &[Case],
        evidence: &[Evidence],
        environment: &Environment,
        folder: &Path,
    ) -> Self {
        let bad = cases.iter().filter(|case| case.state() != State::Passed);
        let (state, headline) = match (cases.len(), bad.count()) {
            (0, _) => (State::NotRun, "Nothing was booted".to_owned()),
            (1, 0) => (State::Passed, "The boot passed".to_owned()),
            (all, 0) => (State::Passed, format!("All {all} boots passed")),
            (1, 1) => (State::Failed, "The boot did not pass".to_owned()),
            (all, bad) => (State::Failed, format!("{bad} of {all} boots did not pass")),
        };
        let (class, mark, _) = shown(state);
        let suites = suites(cases);
        let names: Vec<&str> = suites.iter().map(|(suite, _)| *suite).collect();
        let what = match names.as_slice() {
            [one] => (*one).to_owned(),
            many => counted(many.len(), "recipe"),
        };
        let longest = longest(cases);
        let details = cases.iter().zip(evidence);
        Self {
            title: Html::text(format!("{headline} · {what}")),
            headline: Html::text(&headline),
            class,
            mark,
            summary: Html::text(summary(cases, &suites)),
            facts: facts(environment, cases),
            changes: changes(cases),
            rows: suites
                .iter()
                .flat_map(|suite| rows(*suite, cases))
                .collect(),
            bars: cases.iter().filter_map(|case| bar(case, longest)).collect(),
            ticks: ticks(longest),
            phases: legend(),
            cases: details
                .map(|(case, evidence)| detail(case, evidence, folder))
                .collect(),
        }
    }
}

pub(super) fn id(case: &Case) -> Html {
    Html::id(&case.name())
}

/// Recipes and their versions, in the order of the cases.
fn suites(cases: &[Case]) -> Vec<(&str, &str)> {
    let mut suites: Vec<(&str, &str)> = Vec::new();
    for case in cases {
        if suites.iter().all(|(suite, _)| *suite != case.suite) {
            suites.push((&case.suite, &case.version));
        }
    }
    suites
}

fn summary(cases: &[Case], suites: &[(&str, &str)]) -> String {
    let named: Vec<String> = suites
        .iter()
        .take(4)
        .map(|(suite, version)| format!("{suite} {version}").trim_end().to_owned())
        .collect();
    let more = match suites.len() {
        0..=4 => String::new(),
        many => format!(" and {} more", many - 4),
    };
    let count = |state| cases.iter().filter(|case| case.state() == state).count();
    let states = [State::Passed, State::Failed, State::Error, State::NotRun];
    let counts = states.map(|state| (count(state), shown(state).2));
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    format!("{}{more} · {}", named.join(", "), counts.join(", "))
}

fn facts(environment: &Environment, cases: &[Case]) -> Vec<Fact> {
    let mut accels: Vec<&str> = cases.iter().map(|case| case.accel.as_str()).collect();
    accels.retain(|accel| !accel.is_empty());
    accels.sort_unstable();
    accels.dedup();
    let accels = accels.iter().map(|&accel| match accel {
        "tcg" => "TCG (translation, no KVM)",
        "kvm" => "KVM",
        other => other,
    });
    let accels: Vec<&str> = accels.collect();
    let when = date::iso8601(environment.wall)
        .replace('T', " ")
        .replace('Z', " UTC");
    let facts = [
        ("begun", when),
        ("QEMU", environment.qemu.clone()),
        ("accelerator", accels.join(", ")),
        ("room for boots", environment.host.clone()),
        ("chosen by", environment.chosen.clone()),
    ];
    let there = facts.into_iter().filter(|(_, value)| !value.is_empty());
    there.map(|(name, value)| fact(name, value)).collect()
}

pub(super) fn fact(name: &str, value: impl std::fmt::Display) -> Fact {
    Fact {
        name: Html::text(name),
        value: Html::text(value),
    }
}

fn link(case: &Case, more: String) -> Link {
    let (class, mark, word) = shown(case.state());
    Link {
        id: id(case),
        class,
        mark,
        word,
        name: Html::text(&case.scenario.name),
        more: Html::text(more),
    }
}

/// What is not as it was the last time.
fn changes(cases: &[Case]) -> Vec<Link> {
    let told = |case: &Case| {
        let comparison = case.comparison()?;
        let notable = comparison.pace.as_ref().is_some_and(|pace| pace.notable);
        let time = comparison.of_time().filter(|_| notable);
        let told: Vec<String> = [comparison.of_verdict(), time]
            .into_iter()
            .flatten()
            .collect();
        let mut link = link(case, told.join("; "));
        link.name = Html::text(case.name());
        (!told.is_empty()).then_some(link)
    };
    cases.iter().filter_map(told).collect()
}

fn rows((suite, version): (&str, &str), cases: &[Case]) -> Vec<Row> {
    let of: Vec<&Case> = cases.iter().filter(|case| case.suite == suite).collect();
    let mut routes: Vec<Route> = of.iter().map(|case| case.route()).collect();
    routes.sort();
    routes.dedup();
    let row = |(number, route): (usize, &Route)| {
        let of = of.iter().filter(|case| case.route() == *route);
        Row {
            span: (number == 0).then_some(routes.len()),
            suite: Html::text(suite),
            version: Html::text(version),
            route: Html::text(route),
            links: of.map(|case| link(case, result(case))).collect(),
        }
    };
    routes.iter().enumerate().map(row).collect()
}

/// What stands beside a scenario's verdict.
fn result(case: &Case) -> String {
    let time = case.shown().seconds();
    let time = time.filter(|_| case.state() == State::Passed);
    match case.count() {
        (made, bad @ 1..) if made > 1 => format!("{bad} of {made} failed"),
        _ => time.map_or_else(String::new, |seconds| format!("{seconds:.1} s")),
    }
}
