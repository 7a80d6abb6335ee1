//! `bench repo`: the same packages published by Cordwainer and by others, side by side; all of them at once, and one more to those that are there. Nobody signs:
//! what gpg takes is the same for all. Others compute the digests that clients need and no more, as we do.

mod content;
mod ours;
mod theirs;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub(super) use self::ours::Publishing;
use self::theirs::{Ftparchive, Reprepro};
use super::goals::Goal;
use super::meter::{self, Program, Took};
use super::{Args, Spread};
use crate::failure::Result;
use crate::needs;
use crate::report::{Answer, Table};

/// Packages that are there before one is added.
const PACKAGES: usize = 2000;

const OURS: &str = "cordwainer";

/// What is compared, with whom, and the most that our processor time may be of theirs.
const RATIOS: &[(&str, &str, f64)] = &[
    (ALL, theirs::FTPARCHIVE, 0.70),
    (ONE, theirs::REPREPRO, 1.0),
    (ONE, theirs::FTPARCHIVE, 0.10),
];

const ALL: &str = "all at once";
const ONE: &str = "one more";

/// Somebody who publishes. What is published is added to what is there.
trait Contender {
    fn name(&self) -> &'static str;

    /// The programs that publish these packages, one after the other.
    ///
    /// # Errors
    /// What preparing them fails with.
    fn publish(&self, debs: &[PathBuf]) -> Result<Vec<Vec<String>>>;

    /// Forgets all that was published.
    ///
    /// # Errors
    /// What [`put_aside`] or making a folder anew fails with.
    fn begin(&self) -> Result<()>;
}

/// Puts what was published aside, to be removed when all is measured: ext4 looks long for a place for a new file while many were removed in the
/// seconds before (`recently_deleted` in its ialloc.c), and whoever came next would pay for that.
///
/// # Errors
/// When it cannot be renamed.
fn put_aside(folder: &Path) -> Result<()> {
    let aside = (1..).map(|number: u32| folder.with_extension(number.to_string()));
    let free = aside.into_iter().find(|aside| !aside.exists());
    match free {
        Some(aside) if folder.exists() => Ok(fs_err::rename(folder, aside)?),
        _ => Ok(()),
    }
}

#[derive(Debug, Serialize)]
struct Row {
    what: &'static str,
    name: &'static str,
    /// Processor time, in seconds.
    cpu: Spread,
    /// Wall-clock time, in seconds.
    wall: Spread,
    /// The most memory that one process had, in bytes.
    memory: u64,
}

#[derive(Debug, Serialize)]
struct Found {
    packages: usize,
    runs: u32,
    rows: Vec<Row>,
    skipped: Vec<&'static str>,
    goals: Vec<Goal>,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path();
    let debs = content::packages(PACKAGES + args.runs as usize + 1)?;
    let (all, more) = debs.split_at(PACKAGES);
    let mut contenders: Vec<Box<dyn Contender>> = vec![Box::new(ours::Ours::new(folder))];
    let mut skipped = Vec::new();
    let installed = |program| needs::find(program).is_some();
    if installed(theirs::FTPARCHIVE) {
        contenders.push(Box::new(Ftparchive::new(folder)));
    } else {
        skipped.push(theirs::FTPARCHIVE);
    }
    if installed(theirs::REPREPRO) {
        contenders.push(Box::new(Reprepro::new(folder)));
    } else {
        skipped.push(theirs::REPREPRO);
    }
    let mut rows = Vec::new();
    // The first round warms the caches and is not counted.
    let rounds = vec![all; args.runs as usize + 1];
    rows.extend(measure(ALL, &contenders, &rounds, true, folder)?);
    // What was published last is there still.
    let rounds: Vec<&[PathBuf]> = more.chunks(1).collect();
    rows.extend(measure(ONE, &contenders, &rounds, false, folder)?);
    let found = Found {
        packages: PACKAGES,
        runs: args.runs,
        goals: goals(&rows),
        rows,
        skipped,
    };
    Ok(Answer::new(&found, told(&found)))
}

/// Every round runs each of them once, so that what else the machine does meets all alike.
fn measure(
    what: &'static str,
    contenders: &[Box<dyn Contender>],
    rounds: &[&[PathBuf]],
    anew: bool,
    folder: &Path,
) -> Result<Vec<Row>> {
    let mut took: Vec<Vec<Took>> = vec![Vec::new(); contenders.len()];
    for debs in rounds {
        for (contender, took) in contenders.iter().zip(&mut took) {
            if anew {
                contender.begin()?;
            }
            let mut sum: Option<Took> = None;
            for argv in contender.publish(debs)? {
                let one = once(argv, folder)?;
                sum = Some(sum.map_or(one, |sum| add(sum, one)));
            }
            took.extend(sum);
        }
    }
    let rows = contenders.iter().zip(took);
    Ok(rows
        .map(|(contender, took)| row(what, contender.name(), &took[1..]))
        .collect())
}

fn row(what: &'static str, name: &'static str, took: &[Took]) -> Row {
    Row {
        what,
        name,
        cpu: Spread::of(took.iter().map(|took| took.cpu)),
        wall: Spread::of(took.iter().map(|took| took.wall)),
        memory: took.iter().map(|took| took.memory).max().unwrap_or(0),
    }
}

fn once(argv: Vec<String>, folder: &Path) -> Result<Took> {
    meter::run(Program {
        argv,
        folder: folder.to_owned(),
        stdout: None,
        counts: false,
        apart: None,
    })
}

/// One program after another.
fn add(one: Took, other: Took) -> Took {
    Took {
        cpu: one.cpu + other.cpu,
        apart: one.apart + other.apart,
        wall: one.wall + other.wall,
        memory: one.memory.max(other.memory),
        tasks: None,
    }
}

fn goals(rows: &[Row]) -> Vec<Goal> {
    let cpu = |what: &str, name: &str| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row.what == what && row.name == name);
        row.map(|row| row.cpu.median)
    };
    let goal = |&(what, name, limit): &(&str, &str, f64)| {
        let ratio = cpu(what, OURS)? / cpu(what, name)?;
        Some(Goal::new(
            format!("processor time of {name}'s, {what}"),
            ratio,
            limit,
        ))
    };
    RATIOS.iter().filter_map(goal).collect()
}

fn told(found: &Found) -> String {
    let mut table = Table::default();
    table.row(["", "", "CPU s min", "median", "max", "wall s", "peak MB"]);
    for row in &found.rows {
        let seconds = |seconds: f64| format!("{seconds:.3}");
        table.row([
            row.what.to_owned(),
            row.name.to_owned(),
            seconds(row.cpu.min),
            seconds(row.cpu.median),
            seconds(row.cpu.max),
            seconds(row.wall.median),
            (row.memory >> 20).to_string(),
        ]);
    }
    let (runs, packages) = (found.runs, found.packages);
    let mut text = format!("{runs} runs, {packages} packages\n{}", table.render());
    for goal in &found.goals {
        text += &format!("{goal}\n");
    }
    for name in &found.skipped {
        text += &format!("{name} is not measured: it is not installed\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_told_of_those_that_were_measured() {
        let row = |what, name, cpu| Row {
            what,
            name,
            cpu: Spread::of([cpu]),
            wall: Spread::of([cpu]),
            memory: 0,
        };
        let rows = [
            row(ALL, OURS, 1.0),
            row(ONE, OURS, 0.1),
            row(ONE, theirs::REPREPRO, 0.2),
        ];
        let goals: Vec<String> = goals(&rows).iter().map(ToString::to_string).collect();
        assert_eq!(
            goals,
            ["met     processor time of reprepro's, one more: 0.500, at most 1.00"]
        );
    }
}
