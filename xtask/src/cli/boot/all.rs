//! All boots of a call: made side by side, told in order, remembered, and put into reports.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::told;
use crate::arch::Arch;
use crate::boot::case::{self, Came, Case, State};
use crate::boot::history::{History, Past};
use crate::boot::platform::Platform;
use crate::boot::report::evidence::Evidence;
use crate::boot::report::{self, Environment, junit};
use crate::boot::runner::{self, Cost, Labelled, Room, Schedule};
use crate::boot::{self, Job, Outcome, accel, record, shard};
use crate::cli::Context;
use crate::event::{Event, Listen};
use crate::failure::{Doing, Failure, Result};
use crate::files;
use crate::report::Answer;
use crate::tool::Tool;

/// A scenario to be booted.
pub(super) struct Task {
    /// The recipe, or what the bundle is called.
    pub(super) suite: String,
    version: String,
    /// The folder in which is remembered how it went.
    pub(super) history: PathBuf,
    pub(super) job: Job,
    /// Why it cannot be booted: its bundle could not be built.
    pub(super) failed: Option<Failure>,
}

impl Task {
    pub(super) fn of(suite: &str, version: &str, history: PathBuf, job: Job) -> Self {
        Self {
            suite: suite.to_owned(),
            version: version.to_owned(),
            history,
            job,
            failed: None,
        }
    }
}

/// All that a call boots.
pub(super) struct Boots {
    pub(super) tasks: Vec<Task>,
    /// How often each.
    pub(super) repeat: usize,
    /// Where the page goes, an absolute path.
    pub(super) page: Option<PathBuf>,
    /// Where the `JUnit` file goes.
    pub(super) junit: Option<PathBuf>,
    /// Which they are, as on the command line.
    pub(super) chosen: String,
}

/// A boot that was made.
struct Made {
    result: Result<Outcome>,
    accel: String,
    took: f64,
}

/// Which boot a task's record is of: its number, and whether it did not pass.
type Kept = Mutex<Option<(usize, bool)>>;

/// Boots all of them, and says of each what came of it; fails when one did not pass.
pub(super) fn boot(context: &Context<'_>, boots: Boots) -> Result<Answer> {
    let listen = context.report.listener();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    let wall = wall.map_or(0, |since| since.as_secs().cast_signed());
    let before: Vec<Vec<Past>> = boots
        .tasks
        .iter()
        .map(|task| History::read(&task.history).of(&name(task)))
        .collect();
    if boots.tasks.iter().any(|task| task.job.arch == Arch::Amd64) {
        // KVM is tried while nothing else runs.
        accel::choose(Arch::Amd64, &context.workshop.cache, listen)?;
    }
    let room = room(context);
    let made = make(&boots, room, &before, listen);
    let environment = Environment {
        qemu: qemu(&boots.tasks),
        host: format!("{} processors, {} MiB", room.processors, room.memory),
        wall,
        chosen: boots.chosen.clone(),
    };
    let histories: Vec<PathBuf> = boots.tasks.iter().map(|it| it.history.clone()).collect();
    let all = boots.tasks.into_iter().zip(made).zip(before);
    let cases: Vec<Case> = all
        .map(|((task, made), before)| case_of(task, made, before))
        .collect();
    remember(&histories, &cases, wall)?;
    let mut text = told::text(context, &cases);
    let files = Files {
        page: boots.page,
        junit: boots.junit,
    };
    text += &files.write(context, &cases, &environment)?;
    let values: Vec<Value> = cases.iter().map(Case::value).collect();
    match told::failure(&cases) {
        None => Ok(Answer::new(&values, text)),
        // What happened is worth as much when it failed.
        Some(failure) => Err(failure.after(text, json!(values))),
    }
}

fn name(task: &Task) -> String {
    format!("{}/{}", task.suite, task.job.scenario.name)
}

fn room(context: &Context<'_>) -> Room {
    let jobs = context
        .workshop
        .jobs
        .and_then(|jobs| u32::try_from(jobs).ok());
    Room::of_host(jobs)
}

/// Makes all boots, the longest first; what came of those of a task is in order, and nothing of one that was not begun.
fn make(
    boots: &Boots,
    room: Room,
    before: &[Vec<Past>],
    listen: &dyn Listen,
) -> Vec<Vec<Option<Made>>> {
    let (tasks, repeat) = (&boots.tasks, boots.repeat);
    let one = |boot: usize| (&tasks[boot / repeat], boot % repeat);
    let costs = (0..tasks.len() * repeat).map(|boot| Cost::of(&one(boot).0.job.scenario));
    let costs: Vec<Cost> = costs.collect();
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|&a, &b| {
        let seconds = |boot: usize| likely(one(boot).0, &before[boot / repeat]);
        seconds(b).total_cmp(&seconds(a)).then(a.cmp(&b))
    });
    let kept: Vec<Kept> = tasks.iter().map(|_| Mutex::default()).collect();
    let several = costs.len() > 1;
    let made = runner::all(Schedule::new(room, costs, order), |boot| {
        let (task, number) = one(boot);
        let mut label = if several {
            name(task)
        } else {
            task.job.scenario.name.clone()
        };
        if repeat > 1 {
            label += &format!(" {} of {repeat}", number + 1);
        }
        let number = (repeat > 1).then_some(number);
        one_boot(
            task,
            number,
            &kept[boot / repeat],
            &Labelled { label, listen },
        )
    });
    let mut made = made.into_iter();
    let of_task = |_| made.by_ref().take(repeat).collect();
    tasks.iter().map(of_task).collect()
}

/// Seconds that a boot is likely to take.
fn likely(task: &Task, before: &[Past]) -> f64 {
    let last = before.iter().rev().find_map(|past| past.seconds);
    let scenario = &task.job.scenario;
    let guess = || f64::from(shard::weight(scenario, scenario.route(task.job.arch)));
    last.unwrap_or_else(guess)
}

/// Makes a boot. One of several leaves its record in the task's place only when it is the one to keep.
fn one_boot(task: &Task, number: Option<usize>, kept: &Kept, listen: &Labelled<'_>) -> Made {
    let since = Instant::now();
    let mut job = task.job.clone();
    if let Some(number) = number {
        job.record = case::beside(&task.job.record, number + 1);
    }
    let mut result = match &task.failed {
        Some(failure) => Err(failure.again().while_doing("its bundle could not be built")),
        None => boot::run(&job, listen),
    };
    let accel = result
        .as_ref()
        .map_or_else(|_| String::new(), |it| record::accel(&it.record));
    if let (Some(number), Ok(outcome)) = (number, &result) {
        let bad = !outcome.verdict.passed();
        if let Err(failure) = keep(number, bad, kept, &job.record, &task.job.record) {
            result = Err(failure);
        }
    }
    if let Ok(outcome) = &result
        && !outcome.verdict.passed()
    {
        let told = format!("{}: {}", listen.label, outcome.verdict.sentence());
        listen.hear(Event::Warning(told));
    }
    Made {
        result,
        accel,
        took: since.elapsed().as_secs_f64(),
    }
}

/// Keeps a record where it is the first that did not pass, or the last so far of boots that all passed.
fn keep(number: usize, bad: bool, kept: &Kept, made: &Path, place: &Path) -> Result<()> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let better = match *kept {
        None => true,
        Some((first, true)) => bad && number < first,
        Some((last, false)) => bad || number > last,
    };
    if !better {
        return record::discard(made);
    }
    *kept = Some((number, bad));
    record::put(made, place)
}

fn case_of(task: Task, made: Vec<Option<Made>>, before: Vec<Past>) -> Case {
    let there = || made.iter().flatten();
    let accel = there()
        .map(|made| made.accel.clone())
        .find(|it| !it.is_empty());
    let took = there().map(|made| made.took).sum();
    let (job, version) = (task.job, task.version);
    Case {
        suite: task.suite,
        version,
        arch: job.arch,
        scenario: job.scenario.on(job.arch),
        record: job.record,
        accel: accel.unwrap_or_default(),
        took,
        before,
        came: made
            .into_iter()
            .map(|made| Came::from(made.map(|made| made.result)))
            .collect(),
    }
}

/// Remembers how the boots went, each where its recipe's are.
fn remember(histories: &[PathBuf], cases: &[Case], wall: i64) -> Result<()> {
    let mut folders: Vec<&PathBuf> = histories.iter().collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        let of = histories
            .iter()
            .zip(cases)
            .filter(|(history, _)| *history == folder);
        let judged: Vec<&Case> = of.map(|(_, case)| case).collect();
        let any = judged.iter().any(|case| case.state() <= State::Failed);
        // A folder that could not be written to is said once, by the boots themselves.
        if any {
            History::remember(folder, judged, wall)?;
        }
    }
    Ok(())
}

/// QEMU's version, as the programs say it that were used.
fn qemu(tasks: &[Task]) -> String {
    let programs = tasks.iter().filter_map(|task| {
        let (scenario, arch) = (&task.job.scenario, task.job.arch);
        Some(Platform::of(arch, scenario.route(arch)).ok()?.program)
    });
    let mut programs: Vec<&str> = programs.collect();
    programs.sort_unstable();
    programs.dedup();
    let version = |program: &str| {
        Tool::new(program)
            .arg("--version")
            .answer()
            .ok()??
            .lines()
            .next()
            .map(str::to_owned)
    };
    let mut said: Vec<String> = programs.into_iter().filter_map(version).collect();
    said.dedup();
    said.join("; ").replace("QEMU emulator version ", "")
}

/// The files about all of it.
struct Files {
    page: Option<PathBuf>,
    junit: Option<PathBuf>,
}

impl Files {
    /// Writes them; returns what is to be said of them.
    fn write(
        &self,
        context: &Context<'_>,
        cases: &[Case],
        environment: &Environment,
    ) -> Result<String> {
        let evidence: Vec<Evidence> = cases.iter().map(evidence).collect();
        let mut text = String::new();
        let mut write = |path: &Path, content: String| -> Result<()> {
            let cannot = || format!("cannot write the report {}", path.display());
            if let Some(folder) = path.parent() {
                fs_err::create_dir_all(folder).doing(cannot)?;
            }
            files::replace(path, content.as_bytes())
                .map_err(|failure| failure.while_doing(cannot()))?;
            let shown = context.workshop.checkout.relative(path);
            text += &format!("report: {}\n", shown.display());
            Ok(())
        };
        if let Some(path) = &self.page {
            let folder = path.parent().unwrap_or(Path::new("/"));
            write(path, report::page(cases, &evidence, environment, folder)?)?;
        }
        if let Some(path) = &self.junit {
            write(path, junit::file(cases, &evidence, environment.wall))?;
        }
        Ok(text)
    }
}

/// What the record of a case shows. One that is not of this call shows nothing of it.
fn evidence(case: &Case) -> Evidence {
    match case.shown() {
        Came::Judged(..) => Evidence::read(&case.record),
        Came::Error(_) | Came::NotRun => Evidence::default(),
    }
}
