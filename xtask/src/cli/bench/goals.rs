//! What `bench initramfs` is to come to: our medians against those of others. A machine's figures are no test, so a goal that is missed fails nothing.

use std::fmt;

use serde::Serialize;

use super::initramfs::{OURS, Row};

/// Who it is compared with, how the images are compressed, and the most that our processor time may be of theirs.
const RATIOS: &[(&str, &str, f64)] = &[
    ("dracut", "none", 0.10),
    ("gen_init_cpio", "none", 3.0),
    ("mkinitramfs", "zstd -9", 0.30),
    ("dracut", "zstd -9", 0.55),
];

/// What a process may have beside the archive, in bytes.
const MEMORY: u64 = 150_000_000;

/// The most processes and threads: some for the compressor, and none for a file.
const TASKS: u64 = 16;

/// One of them.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Goal {
    /// What is looked at.
    what: String,
    /// What it is.
    is: f64,
    /// The most that it should be.
    limit: f64,
    met: bool,
}

impl Goal {
    pub(super) fn new(what: String, is: f64, limit: f64) -> Self {
        Self {
            what,
            is,
            limit,
            met: is <= limit,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = if self.met { "met   " } else { "MISSED" };
        let Self {
            what, is, limit, ..
        } = self;
        write!(f, "{met}  {what}: {is:.3}, at most {limit:.2}")
    }
}

/// What can be said of what was measured.
pub(super) fn of(rows: &[Row]) -> Vec<Goal> {
    let find = |name: &str, compression: &str| {
        let mut rows = rows.iter();
        rows.find(|row| row.name == name && row.compression == compression)
    };
    let mut goals = Vec::new();
    for &(name, compression, limit) in RATIOS {
        if let (Some(ours), Some(theirs)) = (find(OURS, compression), find(name, compression)) {
            let what = format!("processor time of {name}'s, compression {compression}");
            goals.push(Goal::new(what, ours.cpu.median / theirs.cpu.median, limit));
        }
    }
    let plain = find(OURS, "none").map_or(0, |row| row.bytes);
    for row in rows.iter().filter(|row| row.name == OURS) {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let what = format!("memory in MB, compression {}", row.compression);
        let limit = megabytes(plain + MEMORY);
        goals.push(Goal::new(what, megabytes(row.memory), limit));
        if let Some(tasks) = row.tasks {
            let what = format!("processes and threads, compression {}", row.compression);
            goals.push(Goal::new(what, tasks as f64, TASKS as f64));
        }
    }
    goals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::Spread;
    use crate::cli::bench::initramfs::Made;

    fn row(name: &'static str, cpu: f64) -> Row {
        Row {
            name,
            compression: "none",
            cpu: Spread::of([cpu]),
            wall: Spread::of([cpu]),
            apart: Spread::of([0.0]),
            memory: 160_000_000,
            tasks: None,
            bytes: 5_000_000,
            made: Made {
                unpacked: 0,
                files: 0,
                modules: 0,
                programs: 0,
            },
        }
    }

    #[test]
    fn goals_are_told_of_those_that_were_measured() {
        let goals = of(&[row(OURS, 0.2), row("dracut", 2.5)]);
        let told: Vec<(f64, bool)> = goals.iter().map(|goal| (goal.is, goal.met)).collect();
        assert_eq!(told, [(0.08, true), (160.0, false)]);
        assert_eq!(
            goals[1].to_string(),
            "MISSED  memory in MB, compression none: 160.000, at most 155.00"
        );
    }
}
