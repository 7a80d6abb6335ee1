//! `bench`: how long things take here. Timings live here and never in tests: they say something about a machine.

mod content;
mod deb;
mod deb_ways;
mod floor;
mod goals;
mod initramfs;
mod meter;
mod ours;
mod peers;
mod repo;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde::Serialize;

pub(super) use self::meter::main as measure;
use super::{Context, boot};
use crate::failure::{Doing, Failure, Kind, Result};
use crate::report::{Answer, Table};
use crate::tool::{Stdio, Tool};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is timed
    #[arg(value_enum)]
    what: What,
    /// The recipe [default: demo; for `initramfs`, where the host has no modules: lava-master, for its kernel's]
    recipe: Option<String>,
    /// For `initramfs`: the folder whose lib/modules/RELEASE the modules are taken from [default: /]
    #[arg(long, value_name = "DIR")]
    kernel: Option<PathBuf>,
    /// How often
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
}

/// What can be timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// A build with nothing to do
    Noop,
    /// A boot of the recipe's first scenario, from QEMU's start to the verdict, beside the same kernel started by QEMU itself (`-kernel`)
    Boot,
    /// The same image made by us (one step of a build, without planning and without digesting its inputs) and by mkinitramfs, dracut and the
    /// kernel's own archiver, where they are installed
    Initramfs,
    /// A recipe's package with its image, made by us, by dpkg-deb and by dpkg-buildpackage
    Deb,
    /// The same packages published by us, apt-ftparchive and reprepro, where they are installed: all at once, and one more.
    /// ext4 makes files slowly for five minutes after many were removed, as at the end of another run: wait for that
    Repo,
}

/// The recipe where none is named.
const RECIPE: &str = "demo";

/// The least, the middle and the most of some figures.
#[derive(Clone, Copy, Debug, Serialize)]
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    /// Of no figure at all, none is a number.
    fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        Self {
            min: at(0),
            median: at(figures.len() / 2),
            max: at(figures.len().saturating_sub(1)),
        }
    }
}

/// One row: the least, the middle and the most of a figure, in milliseconds.
#[derive(Debug, Serialize)]
struct Row {
    figure: &'static str,
    #[serde(flatten)]
    spread: Spread,
}

impl Row {
    fn of(figure: &'static str, times: &[Duration]) -> Self {
        let spread = Spread::of(times.iter().map(|time| time.as_secs_f64() * 1e3));
        Self { figure, spread }
    }
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let recipe = args.recipe.as_deref().unwrap_or(RECIPE);
    match args.what {
        What::Noop => {}
        What::Boot => return floor::run(context, recipe, args.runs),
        What::Initramfs => return initramfs::run(context, args),
        What::Deb => return deb::run(context, args),
        What::Repo => return repo::run(args),
    }
    // What is to be made is made before anything is timed.
    context.workshop.build(recipe, context.report.listener())?;
    let rows = noop(context, recipe, args.runs)?;
    let mut table = Table::default();
    table.row(["ms", "min", "median", "max"]);
    for row in &rows {
        let cell = |ms: f64| format!("{ms:.1}");
        table.row([
            row.figure.to_owned(),
            cell(row.spread.min),
            cell(row.spread.median),
            cell(row.spread.max),
        ]);
    }
    Ok(Answer::new(
        &rows,
        format!("{} runs\n{}", args.runs, table.render()),
    ))
}

fn noop(context: &Context<'_>, recipe: &str, runs: u32) -> Result<Vec<Row>> {
    let (mut own, mut tools, mut wall) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let since = Instant::now();
        let build = Tool::new(boot::ourselves()?.to_string_lossy())
            .own_environment()
            .args(["build", recipe, "--quiet", "--root"])
            .arg(context.workshop.checkout.root())
            .spawn(Stdio::default())?;
        let (mine, children) = processor_time(build.pid())?;
        if !build.wait()?.success() {
            return Err(Failure::new(Kind::Build, "the build that was timed failed"));
        }
        wall.push(since.elapsed());
        own.push(mine);
        tools.push(children);
    }
    Ok(vec![
        Row::of("processor time of the xtask binary", &own),
        Row::of("processor time of the tools it asks", &tools),
        Row::of("wall-clock time", &wall),
    ])
}

/// Processor time of a process and of its children, once it has ended; its state is left for somebody else to collect.
fn processor_time(pid: i32) -> Result<(Duration, Duration)> {
    let id = Pid::from_raw(pid).ok_or_else(|| Failure::bug("a process has an id"))?;
    waitid(
        WaitId::Pid(id),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    )
    .map_err(std::io::Error::from)
    .doing(|| "cannot wait for the build".to_owned())?;
    let stat = fs_err::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))?;
    // proc(5): the name in parentheses is followed by field 3; utime, stime, cutime, cstime are 14 to 17.
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split(' ')
        .filter(|field| !field.is_empty())
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse().ok())
        .collect();
    let &[user, system, child_user, child_system] = fields.as_slice() else {
        return Err(Failure::new(
            Kind::Host,
            "/proc/<pid>/stat is not as proc(5) describes it",
        ));
    };
    let time = |ticks: u64| {
        Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    };
    Ok((time(user + system), time(child_user + child_system)))
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = Spread::of([3.0, 1.0, 10.0]);
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 3.0, 10.0));
    }
}
