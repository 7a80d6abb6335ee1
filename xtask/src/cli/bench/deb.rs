//! `bench deb`: a recipe's package with an image, written by Cordwainer, by `dpkg-deb` and by debhelper under `dpkg-buildpackage`: the same files and fields, the same
//! compressor. Every round runs each of them once, as in `bench initramfs`; the first is not counted.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::deb_ways::{self, Way};
use super::goals::Goal;
use super::meter::{self, Program, Took};
use super::{Args, Spread};
use crate::cli::Context;
use crate::event::Event;
use crate::failure::{Failure, Result};
use crate::report::{Answer, Table};

/// The least that is asked of us: who, and the most that our processor time may be of theirs.
const RATIOS: [(&str, f64); 2] = [(deb_ways::DPKG_DEB, 1.0), (deb_ways::BUILDPACKAGE, 0.2)];

/// What one of them took.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    /// Processor time, in seconds.
    cpu: Spread,
    /// Wall-clock time, in seconds.
    wall: Spread,
    /// The most memory that one process had, in bytes.
    memory: u64,
    /// The package's size, in bytes.
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Found<'a> {
    recipe: &'a str,
    runs: u32,
    rows: Vec<Row>,
    skipped: Vec<String>,
    goals: Vec<Goal>,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let recipe = args.recipe.as_deref().unwrap_or(super::RECIPE);
    let listen = context.report.listener();
    let debs = context.workshop.debs(recipe, listen)?;
    let largest = |path: &&PathBuf| fs_err::metadata(path).map_or(0, |about| about.len());
    let package = debs.files.iter().max_by_key(largest);
    let package = package.ok_or_else(|| Failure::bug("there are no packages"))?;
    let scratch = tempfile::tempdir()?;
    let (ways, skipped) = deb_ways::all(package, scratch.path())?;
    for why in &skipped {
        listen.hear(Event::Warning(why.clone()));
    }
    let rows = measure(&ways, args.runs)?;
    let found = Found {
        recipe,
        runs: args.runs,
        goals: goals(&rows),
        rows,
        skipped,
    };
    Ok(Answer::new(&found, told(&found)))
}

fn measure(ways: &[Way], runs: u32) -> Result<Vec<Row>> {
    let mut took: Vec<Vec<Took>> = vec![Vec::new(); ways.len()];
    let mut bytes = vec![0; ways.len()];
    for round in 0..=runs {
        for (at, way) in ways.iter().enumerate() {
            let one = meter::run(Program {
                argv: way.argv.clone(),
                folder: way.folder.clone(),
                stdout: None,
                counts: false,
                apart: None,
            })?;
            bytes[at] = size(&way.output)?;
            fs_err::remove_file(&way.output)?;
            if round > 0 {
                took[at].push(one);
            }
        }
    }
    let rows = ways.iter().zip(took).zip(bytes);
    Ok(rows
        .map(|((way, took), bytes)| row(way, &took, bytes))
        .collect())
}

fn size(package: &Path) -> Result<u64> {
    Ok(fs_err::metadata(package)?.len())
}

fn row(way: &Way, took: &[Took], bytes: u64) -> Row {
    Row {
        name: way.name,
        cpu: Spread::of(took.iter().map(|took| took.cpu)),
        wall: Spread::of(took.iter().map(|took| took.wall)),
        memory: took.iter().map(|took| took.memory).max().unwrap_or(0),
        bytes,
    }
}

/// Our time against that of others.
fn goals(rows: &[Row]) -> Vec<Goal> {
    let find = |name: &str| rows.iter().find(|row| row.name == name);
    let goal = |(name, limit): (&str, f64)| {
        let (ours, theirs) = (find(deb_ways::OURS)?, find(name)?);
        let what = format!("processor time of {name}'s");
        Some(Goal::new(what, ours.cpu.median / theirs.cpu.median, limit))
    };
    RATIOS.into_iter().filter_map(goal).collect()
}

fn told(found: &Found<'_>) -> String {
    let mut table = Table::default();
    table.row([
        "",
        "CPU s min",
        "median",
        "max",
        "wall s",
        "bytes",
        "peak MB",
    ]);
    for row in &found.rows {
        let seconds = |seconds: f64| format!("{seconds:.3}");
        table.row([
            row.name.to_owned(),
            seconds(row.cpu.min),
            seconds(row.cpu.median),
            seconds(row.cpu.max),
            seconds(row.wall.median),
            row.bytes.to_string(),
            (row.memory >> 20).to_string(),
        ]);
    }
    let mut text = format!(
        "{} runs, the image of {}\n{}",
        found.runs,
        found.recipe,
        table.render()
    );
    for goal in &found.goals {
        text += &format!("{goal}\n");
    }
    for why in &found.skipped {
        text += &format!("{why}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, cpu: f64) -> Row {
        Row {
            name,
            cpu: Spread::of([cpu]),
            wall: Spread::of([cpu]),
            memory: 0,
            bytes: 0,
        }
    }

    #[test]
    fn goals_are_told_of_those_that_were_measured() {
        let goals = goals(&[row(deb_ways::OURS, 0.5), row(deb_ways::BUILDPACKAGE, 2.0)]);
        let told: Vec<String> = goals.iter().map(ToString::to_string).collect();
        let expected = "MISSED  processor time of dpkg-buildpackage's: 0.250, at most 0.20";
        assert_eq!(told, [expected]);
    }
}
