//! `boot`: PXE-boots bundles in QEMU, and says what came of it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Context;

use crate::boot::foreign::Foreign;
use crate::boot::platform::Platform;
use crate::boot::scenario::Scenario;
use crate::boot::{self, Job, Outcome};
use crate::failure::{Failure, Kind, Result};
use crate::recipe::Loaded;
use crate::report::Answer;
use crate::text::nearest;

/// Records of bundles that somebody else built, under `out/`; no recipe can have this name.
const FOREIGN: &str = "+boots";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recipe; it is built first, where something changed
    #[arg(required_unless_present = "bundle")]
    recipe: Option<String>,
    /// One of its scenarios; may be given more than once [default: all]
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// A folder that somebody else built, to be served by TFTP as it is
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with = "recipe",
        requires = "expect"
    )]
    bundle: Option<PathBuf>,
    /// What some line of its screen or console must match; for a recipe, beside what its scenarios expect
    #[arg(long, value_name = "REGEX")]
    expect: Vec<String>,
    /// Seconds until a boot is given up [default: the scenario's; 180 for --bundle]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,
    /// Where the records are kept [default: out/RECIPE/boots/VERSION, or out/+boots for --bundle]
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

impl Args {
    /// A scenario with what the command line wants of it.
    fn adjust(&self, mut scenario: Scenario) -> Scenario {
        scenario.expect.extend(self.expect.iter().cloned());
        if let Some(seconds) = self.timeout {
            scenario.timeout = seconds;
        }
        scenario
    }
}

/// Which of a recipe's scenarios.
pub(super) enum Which<'a> {
    /// The first one.
    First,
    /// All of them.
    All,
    /// Those of these names.
    Named(&'a [String]),
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let recipe = match (&args.bundle, &args.recipe) {
        (Some(bundle), _) => return foreign(context, args, bundle),
        (None, Some(recipe)) => recipe,
        (None, None) => {
            let what = "boot what? Name a recipe, or a folder with --bundle";
            return Err(Failure::new(Kind::Usage, what));
        }
    };
    let which = if args.scenario.is_empty() {
        Which::All
    } else {
        Which::Named(&args.scenario)
    };
    let mut jobs = jobs(context, recipe, &which)?;
    for job in &mut jobs {
        job.scenario = args.adjust(job.scenario.clone());
        if let Some(record) = &args.record {
            job.record = std::path::absolute(record)?.join(&job.scenario.name);
        }
    }
    all(context, &jobs)
}

/// Builds a recipe and boots its scenarios, one after the other.
pub(super) fn of_recipe(context: &Context<'_>, recipe: &str, which: &Which<'_>) -> Result<Answer> {
    all(context, &jobs(context, recipe, which)?)
}

/// Says what is to be booted, and builds it.
pub(super) fn jobs(context: &Context<'_>, recipe: &str, which: &Which<'_>) -> Result<Vec<Job>> {
    // A name that is misspelt is found before anything is built.
    let loaded = context.workshop.recipe(recipe)?;
    let scenarios = choose(&loaded, which)?;
    let arch = loaded.recipe.arch;
    for scenario in &scenarios {
        Platform::of(arch, scenario.route(arch))?.require()?;
    }
    let built = context.workshop.build(recipe, context.report.listener())?;
    let record = context.workshop.shelf(&built.name).boots(&built.version);
    let job = |scenario: &Scenario| {
        Ok(Job {
            bundle: built.folder.clone(),
            arch,
            loader: scenario.route(arch).file(arch).to_owned(),
            record: record.join(&scenario.name),
            scenario: scenario.clone(),
            xtask: ourselves()?,
            cache: context.workshop.cache.clone(),
            network: None,
            installed: None,
        })
    };
    scenarios.into_iter().map(job).collect()
}

fn choose<'a>(loaded: &'a Loaded, which: &Which<'_>) -> Result<Vec<&'a Scenario>> {
    let there = &loaded.recipe.boot;
    if there.is_empty() {
        return Err(Failure::new(
            Kind::Usage,
            format!("{} has no scenario to boot", loaded.name),
        )
        .hint("a table [[boot]] in the recipe is one; `recipes/demo.toml` shows some"));
    }
    match which {
        Which::First => Ok(there.iter().take(1).collect()),
        Which::All => Ok(there.iter().collect()),
        Which::Named(names) => names
            .iter()
            .map(|name| find(there, &loaded.name, name))
            .collect(),
    }
}

fn find<'a>(there: &'a [Scenario], recipe: &str, name: &str) -> Result<&'a Scenario> {
    let names = || there.iter().map(|scenario| scenario.name.as_str());
    there
        .iter()
        .find(|scenario| scenario.name == name)
        .ok_or_else(|| {
            let failure =
                Failure::new(Kind::Usage, format!("{recipe} has no scenario {name:?}")).note(
                    format!("its scenarios: {}", names().collect::<Vec<_>>().join(", ")),
                );
            match nearest(name, names()) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure,
            }
        })
}

/// A tree that somebody else built: what proves it is in its own lines.
fn foreign(context: &Context<'_>, args: &Args, bundle: &Path) -> Result<Answer> {
    if !bundle.is_dir() {
        return Err(Failure::new(
            Kind::Usage,
            format!("there is no folder {}", bundle.display()),
        ));
    }
    let bundle = fs_err::canonicalize(bundle)?;
    let name = bundle.file_name().map_or_else(
        || "bundle".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let Foreign {
        arch,
        loader,
        scenario,
    } = boot::foreign::look(&bundle, &args.expect)?;
    let scenario = Scenario {
        timeout: args.timeout.unwrap_or(scenario.timeout),
        ..scenario
    };
    let record = match &args.record {
        Some(record) => std::path::absolute(record)?,
        None => context.workshop.checkout.out().join(FOREIGN).join(&name),
    };
    let job = Job {
        bundle,
        arch,
        loader,
        scenario,
        record,
        xtask: ourselves()?,
        cache: context.workshop.cache.clone(),
        network: None,
        installed: None,
    };
    all(context, &[job])
}

pub(super) fn ourselves() -> Result<PathBuf> {
    Ok(std::env::current_exe()?)
}

/// Boots all of them, and says of each what came of it; fails when one did not pass.
fn all(context: &Context<'_>, jobs: &[Job]) -> Result<Answer> {
    let mut text = String::new();
    let mut values = Vec::new();
    let mut failures = Vec::new();
    for job in jobs {
        let outcome = boot::run(job, context.report.listener())?;
        let told = tell(context, job, &outcome);
        text += told.text();
        values.push(told.value().clone());
        failures.extend(outcome.into_result(&job.scenario.name).err());
    }
    let Some(first) = failures.pop() else {
        return Ok(Answer::new(&values, text));
    };
    let failure = if failures.is_empty() {
        first
    } else {
        let what = format!(
            "{} of {} boots did not pass",
            failures.len() + 1,
            jobs.len()
        );
        let failure = Failure::new(Kind::Boot, what)
            .hint("transcript.log in the record of each is what happened, with times");
        failures
            .iter()
            .chain([&first])
            .fold(failure, |failure, one| failure.note(one.what.clone()))
    };
    // What happened is worth as much when it failed.
    Err(failure.after(text, json!(values)))
}

fn tell(context: &Context<'_>, job: &Job, outcome: &Outcome) -> Answer {
    let record = context
        .workshop
        .checkout
        .relative(&outcome.record)
        .display()
        .to_string();
    let attempt = match outcome.before.len() {
        0 => String::new(),
        before => format!(" at attempt {}", before + 1),
    };
    let passed = if outcome.verdict.passed() {
        "passed"
    } else {
        "FAILED"
    };
    let state = outcome
        .state
        .as_ref()
        .map_or_else(String::new, |state| format!(" ({state})"));
    let flaky = outcome.before.iter().map(|attempt| {
        let record = context.workshop.checkout.relative(&attempt.record);
        let (record, why) = (record.display(), attempt.verdict.sentence());
        format!("not before: {why}; record: {record}\n")
    });
    let text = format!(
        "{}: {passed}{attempt}{state}: {}\n{}{}record: {record}\n",
        job.scenario.name,
        outcome.verdict.sentence(),
        flaky.collect::<String>(),
        outcome.timeline.bars()
    );
    let value: Value = json!({
        "scenario": job.scenario.name,
        "passed": outcome.verdict.passed(),
        "verdict": outcome.verdict,
        "state": outcome.state,
        "flaky": outcome.flaky(),
        "before": outcome.before,
        "seconds": outcome.timeline.boots.first().and_then(|boot| boot.marks.last()).map(|mark| mark.at),
        "timeline": outcome.timeline,
        "record": outcome.record,
    });
    Answer::new(&value, text)
}
