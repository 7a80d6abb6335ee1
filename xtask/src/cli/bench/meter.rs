//! What a program takes: processor time and memory of it and of all that it starts and waits for, by getrusage(2). A process of our
//! own stands between: its children are that program alone. In a process namespace of its own the number of processes can be told, too.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::deb_ways::Pack;
use super::ours::Assembly;
use super::repo::Publishing;
use crate::cli::boot;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::report::Answer;
use crate::tool::{self, Stdio, Tool};

/// As many lines of what a program said are shown when it fails.
const LINES: usize = 10;

/// What the hidden verb does.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Job {
    /// Runs a program and measures it.
    Meter(Program),
    /// Makes our own image; this is what is measured.
    Assemble(Assembly),
    /// Writes a package; likewise.
    Pack(Pack),
    /// Publishes packages; this is what is measured, too.
    Publish(Publishing),
}

/// A program that is measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Program {
    /// The program and its arguments.
    pub(super) argv: Vec<String>,
    /// Where it writes its temporary files, and where its log goes.
    pub(super) folder: PathBuf,
    /// Where its standard output goes, where that is its result.
    pub(super) stdout: Option<PathBuf>,
    /// Whether processes are counted: whether it runs in a process namespace of its own.
    pub(super) counts: bool,
    /// Where it writes what it spent on what is not to be counted.
    pub(super) apart: Option<PathBuf>,
}

/// What a part of a program's work took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Spent {
    /// Processor time of it and of all that it waited for, in seconds.
    cpu: f64,
    /// Wall-clock time, in seconds.
    wall: f64,
}

/// The beginning of a part of this process's work.
pub(super) struct Begun {
    cpu: f64,
    at: Instant,
}

impl Begun {
    /// It begins.
    pub(super) fn now() -> Result<Self> {
        Ok(Self {
            cpu: own_time()?,
            at: Instant::now(),
        })
    }

    /// What it has taken until now.
    pub(super) fn spent(&self) -> Result<Spent> {
        Ok(Spent {
            cpu: own_time()? - self.cpu,
            wall: self.at.elapsed().as_secs_f64(),
        })
    }
}

fn own_time() -> Result<f64> {
    Ok(processor_time(UsageWho::RUSAGE_SELF)? + processor_time(UsageWho::RUSAGE_CHILDREN)?)
}

/// What a program took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Took {
    /// Processor time, user and system, in seconds.
    pub(super) cpu: f64,
    /// Processor time of what is not counted.
    pub(super) apart: f64,
    /// Wall-clock time, in seconds.
    pub(super) wall: f64,
    /// The most memory that one of its processes had, in bytes.
    pub(super) memory: u64,
    /// Processes and threads that there were.
    pub(super) tasks: Option<u64>,
}

/// The hidden verb.
pub(in crate::cli) fn main(job: &Path) -> Result<Answer> {
    match read(job)? {
        Job::Meter(program) => Ok(Answer::new(&measure(&program)?, "")),
        Job::Assemble(assembly) => assembly.run().map(|()| Answer::new(&(), "")),
        Job::Pack(pack) => pack.run().map(|()| Answer::new(&(), "")),
        Job::Publish(publishing) => publishing.run().map(|()| Answer::new(&(), "")),
    }
}

/// Measures a program in a process of its own.
pub(super) fn run(mut program: Program) -> Result<Took> {
    program.counts = tool::namespaces();
    let job = program.folder.join("meter.json");
    write(&job, &Job::Meter(program))?;
    let said = Tool::new(boot::ourselves()?.to_string_lossy())
        .own_environment()
        .confined()
        .args(["--format", "json"])
        .args(command(&job))
        .read()?;
    serde_json::from_str(&said)
        .map_err(|error| Failure::bug(format!("a measurement cannot be read: {error}")))
}

/// The arguments for a job.
pub(super) fn command(job: &Path) -> [String; 2] {
    ["measure".to_owned(), job.to_string_lossy().into_owned()]
}

pub(super) fn write(to: &Path, job: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec(job)
        .map_err(|error| Failure::bug(format!("a job cannot be written: {error}")))?;
    Ok(fs_err::write(to, text)?)
}

fn measure(program: &Program) -> Result<Took> {
    let (name, args) = program
        .argv
        .split_first()
        .ok_or_else(|| Failure::bug("a program has a name"))?;
    let log = program.folder.join("log");
    let stdout = match &program.stdout {
        // What it is, the program does not ask.
        Some(path) => Some(OwnedFd::from(fs_err::File::create(path)?.into_parts().0).into()),
        None => None,
    };
    let tool = Tool::new(name)
        .args(args)
        .env("TMPDIR", &program.folder)
        .folder(&program.folder)
        .log(&log);
    let before = last_task()?;
    let since = Instant::now();
    let running = tool.spawn(Stdio {
        stdout,
        ..Stdio::default()
    })?;
    let status = running.wait()?;
    let wall = since.elapsed();
    let tasks = last_task()?.saturating_sub(before);
    if !status.success() {
        let said = String::from_utf8_lossy(&fs_err::read(&log)?).into_owned();
        let lines: Vec<&str> = said.lines().rev().take(LINES).collect();
        let what = format!("{name} failed ({})", tool::describe(status));
        let failure = Failure::new(Kind::Build, what);
        return Err(lines
            .iter()
            .rev()
            .fold(failure, |failure, line| failure.note(*line)));
    }
    let usage = usage(UsageWho::RUSAGE_CHILDREN)?;
    let apart = program.apart.as_deref().map(read).transpose()?;
    let apart: Spent = apart.unwrap_or_default();
    Ok(Took {
        cpu: processor_time(UsageWho::RUSAGE_CHILDREN)? - apart.cpu,
        apart: apart.cpu,
        wall: wall.as_secs_f64() - apart.wall,
        memory: u64::try_from(usage.max_rss()).unwrap_or(0) << 10,
        tasks: program.counts.then_some(tasks),
    })
}

fn read<T: DeserializeOwned>(from: &Path) -> Result<T> {
    serde_json::from_slice(&fs_err::read(from)?)
        .map_err(|error| Failure::bug(format!("a job cannot be read: {error}")))
}

fn usage(who: UsageWho) -> Result<Usage> {
    getrusage(who)
        .map_err(std::io::Error::from)
        .doing(|| "cannot say what a program took".to_owned())
}

/// Processor time, user and system, in seconds.
fn processor_time(who: UsageWho) -> Result<f64> {
    let usage = usage(who)?;
    let time = usage.user_time() + usage.system_time();
    let time = Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or(0));
    Ok(time.as_secs_f64())
}

/// The number of the task that was made last, in our process namespace: the last field of /proc/loadavg (proc(5)).
fn last_task() -> Result<u64> {
    let text = fs_err::read_to_string("/proc/loadavg")?;
    let last = text.split_whitespace().next_back();
    last.and_then(|number| number.parse().ok())
        .ok_or_else(|| Failure::new(Kind::Host, "/proc/loadavg is not as proc(5) describes it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(folder: &Path, argv: &[&str], stdout: Option<PathBuf>) -> Program {
        Program {
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            folder: folder.to_owned(),
            stdout,
            counts: true,
            apart: None,
        }
    }

    #[test]
    fn a_program_leaves_its_result_and_its_figures() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("out");
        let took = measure(&program(folder.path(), &["uname"], Some(to.clone()))).unwrap();
        assert_eq!(fs_err::read_to_string(to).unwrap(), "Linux\n");
        assert!(took.memory > 0 && took.wall > 0.0 && took.tasks.is_some());
    }

    #[test]
    fn what_a_program_wants_apart_is_not_counted() {
        let folder = tempfile::tempdir().unwrap();
        let apart = folder.path().join("apart");
        let before = Spent {
            cpu: 1.0,
            wall: 2.0,
        };
        write(&apart, &before).unwrap();
        let mut program = program(folder.path(), &["uname"], None);
        program.apart = Some(apart);
        let took = measure(&program).unwrap();
        let whole = processor_time(UsageWho::RUSAGE_CHILDREN).unwrap();
        assert_eq!(took.apart, 1.0);
        assert!(took.cpu <= whole - 1.0, "{took:?}");
        fs_err::remove_file(folder.path().join("apart")).unwrap();
        assert!(measure(&program).is_err(), "it did not say");
    }

    #[test]
    fn a_program_that_fails_tells_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let failure = measure(&program(folder.path(), &["ls", "/nowhere"], None)).unwrap_err();
        assert!(failure.what.starts_with("ls failed"), "{}", failure.what);
        assert!(failure.notes[0].contains("/nowhere"), "{failure}");
    }
}
