//! What the page says, as data: every text escaped, every length worked out. How it looks is the template's.

use std::path::Path;

use serde::Serialize;

use super::Environment;
use super::evidence::Evidence;
use super::html::Html;
use crate::boot::case::{Came, Case, Reached, State, reached};
use crate::boot::timeline::{Boot, Stage};
use crate::date;
use crate::loader::route::Route;
use crate::text::{bytes, counted};

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
    routes: Vec<Html>,
    rows: Vec<Row>,
    bars: Vec<Bar>,
    ticks: Vec<Tick>,
    phases: Vec<Legend>,
    cases: Vec<Detail>,
}

#[derive(Debug, Serialize)]
struct Fact {
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

/// A recipe's row of the matrix.
#[derive(Debug, Serialize)]
struct Row {
    suite: Html,
    version: Html,
    cells: Vec<Cell>,
}

/// The scenarios of a recipe that boot by one route.
#[derive(Debug, Serialize)]
struct Cell {
    route: Html,
    links: Vec<Link>,
}

/// A case among all bars, which have one scale.
#[derive(Debug, Serialize)]
struct Bar {
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
struct Tick {
    left: String,
    label: String,
}

#[derive(Debug, Serialize)]
struct Legend {
    phase: &'static str,
    what: &'static str,
}

/// Everything about a case.
#[derive(Debug, Serialize)]
struct Detail {
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

/// A boot, stage by stage.
#[derive(Debug, Serialize)]
struct Steps {
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

/// A file of a record.
#[derive(Debug, Serialize)]
struct Kept {
    href: Html,
    name: Html,
    size: Html,
}

/// Parts of a boot: up to which stage, by what they are called, and what happens in them.
const PHASES: [(Stage, &str, &str); 4] = [
    (Stage::Loader, "firmware", "firmware, until the boot loader is there"),
    (Stage::Initrd, "loading", "loading, until kernel and initramfs are there"),
    (Stage::Userspace, "kernel", "kernel, until userspace begins"),
    (Stage::Verdict, "userspace", "userspace, until the verdict"),
];

fn phase(stage: Stage) -> usize {
    let within = PHASES.iter().position(|(last, ..)| stage <= *last);
    within.unwrap_or(PHASES.len() - 1)
}

/// How a state is shown: a class, a sign and a word. The word alone says it.
const fn shown(state: State) -> (&'static str, &'static str, &'static str) {
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
        let routes = routes(cases);
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
            rows: suites.iter().map(|suite| row(*suite, &routes, cases)).collect(),
            routes: routes.iter().map(Html::text).collect(),
            bars: cases.iter().filter_map(|case| bar(case, longest)).collect(),
            ticks: ticks(longest),
            phases: PHASES.iter().map(|&(_, phase, what)| Legend { phase, what }).collect(),
            cases: details.map(|(case, evidence)| detail(case, evidence, folder)).collect(),
        }
    }
}

fn id(case: &Case) -> Html {
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

fn routes(cases: &[Case]) -> Vec<Route> {
    let mut routes: Vec<Route> = cases.iter().map(Case::route).collect();
    routes.sort();
    routes.dedup();
    routes
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
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
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
    let when = date::iso8601(environment.wall).replace('T', " ").replace('Z', " UTC");
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

fn fact(name: &str, value: impl std::fmt::Display) -> Fact {
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
        let told: Vec<String> = [comparison.of_verdict(), time].into_iter().flatten().collect();
        let mut link = link(case, told.join("; "));
        link.name = Html::text(case.name());
        (!told.is_empty()).then_some(link)
    };
    cases.iter().filter_map(told).collect()
}

fn row((suite, version): (&str, &str), routes: &[Route], cases: &[Case]) -> Row {
    let cell = |route: &Route| {
        let of = |case: &&Case| case.suite == suite && case.route() == *route;
        let links = cases.iter().filter(of).map(|case| {
            let time = case.shown().seconds().filter(|_| case.state() == State::Passed);
            let more = match case.count() {
                (made, bad @ 1..) if made > 1 => format!("{bad} of {made} failed"),
                _ => time.map_or_else(String::new, |seconds| format!("{seconds:.1} s")),
            };
            link(case, more)
        });
        Cell {
            route: Html::text(route),
            links: links.collect(),
        }
    };
    Row {
        suite: Html::text(suite),
        version: Html::text(version),
        cells: routes.iter().map(cell).collect(),
    }
}

/// Seconds of the longest first boot.
fn longest(cases: &[Case]) -> f64 {
    let all = cases.iter().filter_map(|case| case.shown().seconds());
    all.fold(0.001, f64::max)
}

fn percent(part: f64, of: f64) -> String {
    format!("{:.2}", (part / of * 100.0).clamp(0.0, 100.0))
}

fn bar(case: &Case, longest: f64) -> Option<Bar> {
    let seconds = case.shown().seconds()?;
    let mut took = [0.0; PHASES.len()];
    for stage in case.stages() {
        took[phase(stage.stage)] += stage.took;
    }
    let parts: Vec<(&str, f64)> = PHASES.iter().zip(took).map(|(it, took)| (it.1, took)).collect();
    let there = parts.iter().filter(|(_, took)| *took > 0.0);
    let words: Vec<String> = there.map(|(name, took)| format!("{name} {took:.2} s")).collect();
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

fn ticks(longest: f64) -> Vec<Tick> {
    let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
    let fits = steps.into_iter().find(|step| longest / step <= TICKS);
    let step = fits.unwrap_or(longest / TICKS);
    let count = (longest / step).floor() as u32;
    let tick = |number| {
        let at = f64::from(number) * step;
        let label = if step < 1.0 { format!("{at:.1} s") } else { format!("{at:.0} s") };
        Tick { left: percent(at, longest), label }
    };
    (0..=count).map(tick).collect()
}

fn detail(case: &Case, evidence: &Evidence, folder: &Path) -> Detail {
    let (class, mark, word) = shown(case.state());
    let boots: &[Boot] = match case.shown() {
        Came::Judged(_, timeline) => &timeline.boots,
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
    let note = |class, text: String| Note { class, text: Html::text(text) };
    let mut notes = Vec::new();
    if let Some(comparison) = case.comparison() {
        let slower = comparison.pace.as_ref().is_some_and(|pace| pace.notable && pace.more > 0.0);
        let worse = |is: bool| if is { "bad" } else { "idle" };
        let broke = case.state() != State::Passed;
        notes.extend(comparison.of_verdict().map(|text| note(worse(broke), text)));
        notes.extend(comparison.of_time().map(|text| note(worse(slower), text)));
    }
    if let Came::Judged(verdict, _) = case.shown() {
        notes.extend(verdict.notes().into_iter().map(|text| note("idle", text)));
    }
    if let Came::Error(failure) = case.shown() {
        notes.extend(failure.hint.iter().map(|hint| note("idle", hint.clone())));
    }
    let seconds: Vec<f64> = case.came.iter().filter_map(Came::seconds).collect();
    if seconds.len() > 1 {
        let least = seconds.iter().copied().fold(f64::MAX, f64::min);
        let most = seconds.iter().copied().fold(0.0, f64::max);
        let boots = counted(seconds.len(), "boot");
        notes.push(note("idle", format!("{boots}, {least:.2} to {most:.2} s each")));
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

fn steps((number, boot): (usize, &Boot)) -> Option<Steps> {
    let reached = reached(&boot.marks);
    let end = reached.last()?.at.max(0.001);
    let most = reached.iter().map(|it| it.took).fold(0.0, f64::max);
    let caption = match number {
        0 => format!("From power-on, {end:.2} s"),
        _ => format!("After reset {number}, at {:.2} s: {end:.2} s", boot.from),
    };
    let step = |it: &Reached| Step {
        title: Html::text(it.stage.title()),
        phase: PHASES[phase(it.stage)].1,
        left: percent(it.at - it.took, end),
        width: percent(it.took, end),
        at: format!("{:.2} s", it.at),
        took: format!("{:.2} s", it.took),
        longest: it.took >= most,
    };
    Some(Steps {
        caption: Html::text(caption),
        steps: reached.iter().map(step).collect(),
    })
}

/// Links relative to the page where the record lies below it, and the whole path otherwise.
fn files(case: &Case, evidence: &Evidence, folder: &Path) -> Vec<Kept> {
    let record = case.record.strip_prefix(folder).unwrap_or(&case.record);
    let kept = |(name, length): &(String, u64)| Kept {
        href: Html::reference(&record.join(name).to_string_lossy()),
        name: Html::text(name),
        size: Html::text(bytes(*length)),
    };
    evidence.files.iter().map(kept).collect()
}
