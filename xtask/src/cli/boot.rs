//! `boot`: PXE-boots bundles in QEMU, and says what came of it.

mod all;
mod choose;
mod serve;
mod told;

use std::path::{Path, PathBuf};

use super::Context;

use crate::boot::foreign::Foreign;
use crate::boot::platform::Platform;
use crate::boot::scenario::Scenario;
use crate::boot::shard::Shard;
use crate::boot::{self, Job};
use crate::failure::{Failure, Kind, Result};
use crate::report::Answer;

use all::{Boots, Task};
use choose::Chosen;
pub(super) use choose::Which;

/// Records of bundles that somebody else built, and the page about several recipes, under `out/`; no recipe can have this name.
const FOREIGN: &str = "+boots";
/// The page's name.
const PAGE: &str = "report.html";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The recipes; they are built first, where something changed
    #[arg(required_unless_present_any = ["bundle", "all"])]
    recipe: Vec<String>,
    /// All recipes that have something to boot
    #[arg(long, conflicts_with_all = ["recipe", "bundle"])]
    all: bool,
    /// One of their scenarios; may be given more than once [default: all]
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Only boots with this in RECIPE/SCENARIO or in their route; with `*`, `?`, `[…]` or `{…}`, a pattern as for paths, of one of these or
    /// of a part between slashes. May be given more than once: those that any of them fits
    #[arg(long, value_name = "PATTERN", conflicts_with = "bundle")]
    filter: Vec<String>,
    /// Only the Nth of M parts, each about as long as the others: for the machines of a CI farm
    #[arg(long, value_name = "N/M", conflicts_with = "bundle")]
    shard: Option<Shard>,
    /// Boot each so many times, to find what fails now and then; the record kept is of the first that failed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// Only list what would be booted; nothing is built
    #[arg(long, conflicts_with_all = ["bundle", "junit", "html"])]
    list: bool,
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
    /// Give each machine a display, and keep a picture of it at the verdict (screen.png)
    #[arg(long)]
    display: bool,
    /// Keep all that went over each network card (card-0.pcap)
    #[arg(long)]
    pcap: bool,
    /// Boot nothing here: serve the bundle by DHCP and TFTP to real machines in the network of this interface, until Ctrl-C
    #[arg(long, value_name = "INTERFACE", conflicts_with_all = ["bundle", "all", "list", "junit", "html", "shard", "filter", "scenario"])]
    serve: Option<String>,
    /// With --serve: leave giving addresses to the DHCP server that is there, and only say what to boot
    #[arg(long, requires = "serve")]
    proxy: bool,
    /// Where the records are kept [default: out/RECIPE/boots/VERSION, or out/+boots for --bundle]
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Where the page about all of it goes [default: report.html beside the records, or in out/+boots for several recipes]
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the results as `JUnit`'s XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

const HELP: &str = "\
As many boots run at a time as this machine has processors (or --jobs says) and memory for. All of them are made, whatever comes of the first;
Ctrl-C ends them, and what was finished by then is kept and reported.

With --format json, a list with one object for each boot: recipe, version, scenario, route, arch, passed, result (the verdict's name; `error` when the
boot could not be made, `not-run` after Ctrl-C), state (the one it came to), sentence, verdict, flaky, attempts_before (with [boot.retry]), seconds (to the last stage), stages (stage, at, took), timeline, boots and failed (with --repeat),
compared (with earlier boots), record.

Exit codes: 0 when all passed, 7 when a machine did not boot as expected; when a boot could not be made, the code of what kept it from being made;
130 after Ctrl-C.

--serve needs CAP_NET_ADMIN, CAP_NET_RAW and ports below 1024: whoever is not root is asked for a password by sudo, which gives these rights to
the servers alone; they run as you. It gives addresses to whoever asks: where there is a DHCP server already, use --proxy.

Examples:
  cargo xtask boot lab --serve eth1
  cargo xtask boot lab --scenario plain --repeat 20
  cargo xtask boot --all --shard 2/5 --junit boots.xml
  cargo xtask boot --all --filter 'efi-*' --list";

impl Args {
    /// A scenario with what the command line wants of it.
    fn adjust(&self, mut scenario: Scenario) -> Scenario {
        scenario.expect.extend(self.expect.iter().cloned());
        if let Some(seconds) = self.timeout {
            scenario.timeout = seconds;
        }
        scenario.display |= self.display;
        scenario.pcap |= self.pcap;
        scenario
    }

    /// Which boots were chosen, as on the command line.
    fn chosen(&self) -> String {
        let shard = self.shard.map(|shard| format!("--shard {shard}"));
        let filters = self.filter.iter().map(|it| format!("--filter {it}"));
        let scenarios = self.scenario.iter().map(|it| format!("--scenario {it}"));
        let repeat = (self.repeat > 1).then(|| format!("--repeat {}", self.repeat));
        let words: Vec<String> = scenarios
            .chain(filters)
            .chain(shard)
            .chain(repeat)
            .collect();
        words.join(" ")
    }
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    if let Some(bundle) = &args.bundle {
        return foreign(context, args, bundle);
    }
    if let Some(interface) = &args.serve {
        return serve::run(context, args, interface);
    }
    let chosen = choose::chosen(context, args)?;
    if args.list {
        return Ok(choose::list(context, &chosen));
    }
    let mut tasks = Vec::new();
    for recipe in choose::by_recipe(&chosen) {
        tasks.extend(tasks_of(context, args, recipe)?);
    }
    let page = match (&args.html, tasks.as_slice()) {
        (Some(page), _) => Some(std::path::absolute(page)?),
        (None, [first, rest @ ..]) if rest.iter().all(|task| task.suite == first.suite) => {
            let records = first.job.record.parent();
            records.map(|folder| folder.join(PAGE))
        }
        (None, _) => Some(context.workshop.checkout.out().join(FOREIGN).join(PAGE)),
    };
    all::boot(
        context,
        Boots {
            tasks,
            repeat: args.repeat as usize,
            page,
            junit: args.junit.as_deref().map(std::path::absolute).transpose()?,
            chosen: args.chosen(),
        },
    )
}

/// The boots of a recipe, which is built for them. One of several recipes that cannot be built keeps none of the others from being booted.
fn tasks_of(context: &Context<'_>, args: &Args, chosen: &[Chosen]) -> Result<Vec<Task>> {
    let Some(first) = chosen.first() else {
        return Ok(Vec::new());
    };
    let scenarios: Vec<Scenario> = chosen.iter().map(|it| it.scenario.clone()).collect();
    let (mut tasks, unbuilt) = match built(context, &first.recipe, &scenarios) {
        Ok(tasks) => (tasks, None),
        Err(failure) if !args.all || failure.kind == Kind::Interrupted => return Err(failure),
        Err(failure) => {
            let shelf = context.workshop.shelf(&first.recipe);
            let tasks = scenarios.into_iter().map(|scenario| {
                let job = job(context, &shelf.boots("unbuilt"), first.arch, scenario)?;
                Ok(Task::of(&first.recipe, "", shelf.boots(""), job))
            });
            (tasks.collect::<Result<Vec<Task>>>()?, Some(failure))
        }
    };
    for task in &mut tasks {
        task.failed = unbuilt.as_ref().map(Failure::again);
        task.job.scenario = args.adjust(task.job.scenario.clone());
        if let Some(record) = &args.record {
            let record = std::path::absolute(record)?;
            task.job.record = match args.all || args.recipe.len() > 1 {
                true => record.join(&task.suite).join(&task.job.scenario.name),
                false => record.join(&task.job.scenario.name),
            };
            task.history = record;
        }
    }
    Ok(tasks)
}

/// Builds a recipe and boots its scenarios.
pub(super) fn of_recipe(context: &Context<'_>, recipe: &str, which: &Which<'_>) -> Result<Answer> {
    let chosen = choose::of_recipe(context, recipe, which)?;
    let tasks = built(context, recipe, &chosen)?;
    let records = tasks.first().and_then(|task| task.job.record.parent());
    let page = records.map(|folder| folder.join(PAGE));
    all::boot(
        context,
        Boots {
            tasks,
            repeat: 1,
            page,
            junit: None,
            chosen: String::new(),
        },
    )
}

/// Says what is to be booted, and builds it.
pub(super) fn jobs(context: &Context<'_>, recipe: &str, which: &Which<'_>) -> Result<Vec<Job>> {
    let chosen = choose::of_recipe(context, recipe, which)?;
    let tasks = built(context, recipe, &chosen)?;
    Ok(tasks.into_iter().map(|task| task.job).collect())
}

/// A recipe's bundle with the machines that are to boot it.
fn built(context: &Context<'_>, recipe: &str, scenarios: &[Scenario]) -> Result<Vec<Task>> {
    // What cannot be booted here is said before anything is built.
    let arch = context.workshop.recipe(recipe)?.recipe.arch;
    for scenario in scenarios {
        Platform::of(arch, scenario.route(arch))?.require()?;
    }
    let built = context.workshop.build(recipe, context.report.listener())?;
    let shelf = context.workshop.shelf(&built.name);
    let records = shelf.boots(&built.version);
    let task = |scenario: &Scenario| {
        let mut job = job(context, &records, arch, scenario.clone())?;
        job.bundle.clone_from(&built.folder);
        Ok(Task::of(&built.name, &built.version, shelf.boots(""), job))
    };
    scenarios.iter().map(task).collect()
}

fn job(
    context: &Context<'_>,
    records: &Path,
    arch: crate::arch::Arch,
    scenario: Scenario,
) -> Result<Job> {
    Ok(Job {
        bundle: PathBuf::new(),
        arch,
        loader: scenario.route(arch).file(arch).to_owned(),
        record: records.join(&scenario.name),
        scenario,
        xtask: ourselves()?,
        cache: context.workshop.cache.clone(),
        network: None,
        installed: None,
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
    // What it is to show is in it already.
    let mut scenario = Scenario {
        timeout: args.timeout.unwrap_or(scenario.timeout),
        ..scenario
    };
    scenario.display |= args.display;
    scenario.pcap |= args.pcap;
    let ours = context.workshop.checkout.out().join(FOREIGN);
    let record = match &args.record {
        Some(record) => std::path::absolute(record)?,
        None => ours.join(&name),
    };
    let job = Job {
        bundle,
        loader,
        record,
        ..job(context, Path::new(""), arch, scenario)?
    };
    let page = args.html.as_deref().map(std::path::absolute).transpose()?;
    all::boot(
        context,
        Boots {
            tasks: vec![Task::of(&name, "", ours, job)],
            repeat: args.repeat as usize,
            page,
            junit: args.junit.as_deref().map(std::path::absolute).transpose()?,
            chosen: args.chosen(),
        },
    )
}

pub(super) fn ourselves() -> Result<PathBuf> {
    Ok(std::env::current_exe()?)
}
