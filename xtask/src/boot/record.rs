//! What is kept of a boot, and the folder it is made in. The record appears whole, in place of the one before; while it is
//! being made it lies beside it, hidden, and is gone afterwards whatever happens.

use std::fmt::Write as _;
use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Doing, Failure, Kind, Result};
use crate::files;

use super::happening::{Happening, Port, What};
use super::reporter;
use super::scenario::Scenario;
use super::state::State;
use super::timeline::Timeline;
use super::verdict::Verdict;

/// Beginning of the names of folders that records are made in.
const PREFIX: &str = ".boot-";
/// Held by whoever works in such a folder. Without a holder, the folder was left by somebody who was killed.
const LOCK: &str = "lock";
/// The display at the verdict, where the machine has one.
pub const SCREENSHOT: &str = "screen.png";
/// What was judged, as JSON.
pub const VERDICT: &str = "verdict.json";
/// What the names of files with a card's frames end with.
pub const FRAMES: &str = ".pcap";
/// The files of a record; everything else in the folder was for the work.
const KEPT: &[&str] = &[
    reporter::LOG,
    "command",
    "console.log",
    "dnsmasq.conf",
    "dnsmasq.log",
    "dnsmasq.proxy.conf",
    "dnsmasq.rogue.conf",
    "dnsmasq.tftp.conf",
    "qemu.log",
    "scenario.json",
    "screen.log",
    SCREENSHOT,
    "timeline.json",
    "timeline.txt",
    "transcript.jsonl",
    "transcript.log",
    VERDICT,
];

/// A folder that a record is being made in.
pub struct Workshop {
    folder: tempfile::TempDir,
    _lock: File,
}

impl Workshop {
    /// Makes one beside `record`, after sweeping away what others left who were killed.
    ///
    /// # Errors
    /// When the host does not let us write there.
    pub fn open(record: &Path) -> Result<Self> {
        let parent = record.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(parent)?;
        let parent = fs_err::canonicalize(parent)?;
        // Until a new folder's lock is held, it looks to others like one whose maker is dead.
        let _guard = files::Guard::exclusive(&parent)?;
        sweep(&parent)?;
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o777))
            .tempdir_in(&parent)
            .doing(|| format!("cannot make a folder in {}", parent.display()))?;
        let lock = locked(&folder.path().join(LOCK), true)?;
        let lock = lock.ok_or_else(|| Failure::bug("a new folder is locked already"))?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// The folder, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts the record in its place.
    ///
    /// # Errors
    /// When the host does not let us.
    pub fn publish(self, record: &Path) -> Result<PathBuf> {
        for entry in fs_err::read_dir(self.path())? {
            let entry = entry?;
            let kept = entry
                .file_name()
                .to_str()
                .is_some_and(|name| KEPT.contains(&name) || name.ends_with(FRAMES));
            if !kept {
                remove(&entry.path())?;
            }
        }
        let made = self.folder.keep();
        let published = replace(&made, record);
        if published.is_err() {
            remove(&made)?;
        }
        published.doing(|| format!("cannot put the record to {}", record.display()))?;
        Ok(record.to_owned())
    }
}

/// The place of the record of an attempt that was made again, counted from 1. No scenario's name can have a tilde.
fn attempt(record: &Path, number: u32) -> PathBuf {
    let mut name = record.file_name().unwrap_or_default().to_owned();
    name.push(format!("~{number}"));
    record.with_file_name(name)
}

/// Moves the record of an attempt aside, so that the next one can have its place; returns where it is then.
///
/// # Errors
/// When the host does not let us.
pub fn set_aside(record: &Path, number: u32) -> Result<PathBuf> {
    let aside = attempt(record, number);
    remove(&aside)?;
    fs_err::rename(record, &aside)?;
    Ok(aside)
}

/// Removes the records of attempts of an earlier run: they are counted without a gap.
///
/// # Errors
/// When the host does not let us.
pub fn forget_attempts(record: &Path) -> Result<()> {
    let left = (1..).map(|number| attempt(record, number));
    for left in left.take_while(|left| left.symlink_metadata().is_ok()) {
        remove(&left)?;
    }
    Ok(())
}

/// Puts a record in the place of another; nothing where there is none to put.
///
/// # Errors
/// When the host does not let us.
pub fn put(made: &Path, record: &Path) -> Result<()> {
    if made.is_dir() {
        replace(made, record)
    } else {
        Ok(())
    }
}

/// Removes a record, if it is there.
///
/// # Errors
/// When the host does not let us.
pub fn discard(record: &Path) -> Result<()> {
    remove(record)
}

/// Puts a folder in the place of another, which is moved into it first and then removed. Somebody else may be doing the
/// same at the same time: then one of the two stays, whole.
fn replace(made: &Path, record: &Path) -> Result<()> {
    let before = Path::new("before");
    loop {
        match std::fs::rename(record, made.join(before)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        match std::fs::rename(made, record) {
            Ok(()) => return remove(&record.join(before)),
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                remove(&made.join(before))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn remove(path: &Path) -> Result<()> {
    let result = match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => fs_err::remove_dir_all(path),
        _ => fs_err::remove_file(path),
    };
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The lock's file, locked; nothing when somebody else holds it.
fn locked(path: &Path, create: bool) -> Result<Option<File>> {
    let file = fs_err::OpenOptions::new()
        .write(true)
        .create(create)
        .open(path)?
        .into_parts()
        .0;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(Failure::from(std::io::Error::from(error))),
    }
}

/// Removes folders whose makers are dead. One that has no lock yet is being made just now.
fn sweep(parent: &Path) -> Result<()> {
    for entry in fs_err::read_dir(parent)? {
        let path = entry?.path();
        let ours = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(PREFIX));
        if ours && let Ok(Some(_lock)) = locked(&path.join(LOCK), false) {
            // What belongs to somebody else stays: it is in nobody's way.
            remove(&path).ok();
        }
    }
    Ok(())
}

/// Writes what a run amounts to into the folder.
///
/// # Errors
/// When it cannot be written.
pub fn write(
    folder: &Path,
    scenario: &Scenario,
    happenings: &[Happening],
    timeline: &Timeline,
    verdict: &Verdict,
    state: Option<&State>,
) -> Result<()> {
    fs_err::write(folder.join("scenario.json"), json(scenario)?)?;
    let lines: Result<Vec<String>> = happenings.iter().map(json).collect();
    fs_err::write(folder.join("transcript.jsonl"), lines?.concat())?;
    fs_err::write(folder.join("transcript.log"), transcript(happenings))?;
    fs_err::write(folder.join("timeline.json"), json(timeline)?)?;
    fs_err::write(folder.join("timeline.txt"), timeline.bars())?;
    let judged = Judged { verdict, state };
    Ok(fs_err::write(folder.join(VERDICT), json(&judged)?)?)
}

/// What `verdict.json` holds: the verdict, and beside it the state that came.
#[derive(Serialize)]
struct Judged<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a State>,
}

/// Reads a record: what was to happen, what happened, and how it was judged.
///
/// # Errors
/// When it is not there or damaged.
pub fn read(record: &Path) -> Result<(Scenario, Vec<Happening>, Verdict)> {
    let transcript = fs_err::read_to_string(record.join("transcript.jsonl"))?;
    let happenings = transcript.lines().map(|line| parsed(record, line));
    Ok((
        parsed(
            record,
            &fs_err::read_to_string(record.join("scenario.json"))?,
        )?,
        happenings.collect::<Result<_>>()?,
        parsed(
            record,
            &fs_err::read_to_string(record.join("verdict.json"))?,
        )?,
    ))
}

/// QEMU's word for the accelerator of a record; empty where that is not known.
#[must_use]
pub fn accel(record: &Path) -> String {
    let transcript = fs_err::read_to_string(record.join("transcript.jsonl")).unwrap_or_default();
    let first = transcript.lines().next().unwrap_or_default();
    match serde_json::from_str(first) {
        Ok(Happening {
            what: What::Started { accel, .. },
            ..
        }) => accel,
        _ => String::new(),
    }
}

fn parsed<T: DeserializeOwned>(record: &Path, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let what = format!("the record {} is damaged", record.display());
        Failure::new(Kind::Host, what).note(error.to_string())
    })
}

fn json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value).map_err(|error| Failure::bug(error.to_string()))?;
    Ok(text + "\n")
}

/// The transcript for people: seconds, where, what.
fn transcript(happenings: &[Happening]) -> String {
    let mut text = String::new();
    for happening in happenings {
        let (place, said) = words(&happening.what);
        // Writing to a string cannot fail.
        writeln!(text, "{:9.3} {place:8} {said}", happening.at).ok();
    }
    text
}

fn words(what: &What) -> (&'static str, String) {
    let place = |port: &Port| match port {
        Port::Console => "console",
        Port::Screen => "screen",
    };
    match what {
        What::Started { accel, network, .. } => {
            ("lab", format!("QEMU started, {accel}, {network:?} network"))
        }
        What::Line { port, text } => (place(port), text.clone()),
        What::Unfinished { port, text } => (place(port), format!("{text} …")),
        What::Typed { port, text } => (place(port), format!("<- typed {text:?}")),
        What::Lease { ip, mac } => ("dhcp", format!("{ip} to {mac}")),
        What::RogueLease { server, ip, mac } => (
            "dhcp",
            format!("{ip} to {mac} by {server}, which is not ours"),
        ),
        What::Fault { number, on } => {
            let state = if *on { "begins" } else { "is over" };
            ("lab", format!("fault {} {state}", number + 1))
        }
        What::Asked { path } => ("tftp", format!("{path}: asked for")),
        What::Tftp { path, end, .. } => ("tftp", format!("{path}: {end:?}").to_lowercase()),
        What::Reported { mac, report } => ("report", format!("{report} from {mac}")),
        What::Http { path, end, .. } => ("http", format!("{path}: {end:?}").to_lowercase()),
        What::ServerFailed { program, tail } => {
            ("lab", format!("{program} ended: {}", tail.join(" | ")))
        }
        What::Reset { by_guest } => (
            "machine",
            format!("reset{}", if *by_guest { " by itself" } else { "" }),
        ),
        What::PoweredOff => ("machine", "switched itself off".to_owned()),
        What::Rtc { time } => ("machine", format!("battery clock at {time} s since 1970")),
        What::TooMuchOutput => ("lab", "too much output".to_owned()),
        What::Deadline => ("lab", "nothing more came".to_owned()),
        What::QemuEnded { end, tail, .. } => {
            ("lab", format!("QEMU ended: {end} {}", tail.join(" | ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_replaces_the_one_before_and_leaves_nothing_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let record = place.path().join("plain");
        for text in ["one", "two"] {
            let workshop = Workshop::open(&record).unwrap();
            fs_err::write(workshop.path().join("command"), text).unwrap();
            fs_err::write(workshop.path().join("disk.img"), text).unwrap();
            workshop.publish(&record).unwrap();
        }
        assert_eq!(
            fs_err::read_to_string(record.join("command")).unwrap(),
            "two"
        );
        assert_eq!(fs_err::read_dir(&record).unwrap().count(), 1);
        assert_eq!(fs_err::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn attempts_are_kept_until_the_next_run() {
        let place = tempfile::tempdir().unwrap();
        let record = place.path().join("plain");
        for number in [1, 2] {
            fs_err::create_dir(&record).unwrap();
            let aside = set_aside(&record, number).unwrap();
            assert_eq!(aside, place.path().join(format!("plain~{number}")));
        }
        forget_attempts(&record).unwrap();
        assert_eq!(fs_err::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_the_dead_left_is_swept_away_and_what_is_in_use_is_not() {
        let place = tempfile::tempdir().unwrap();
        let left = place.path().join(".boot-dead");
        fs_err::create_dir(&left).unwrap();
        fs_err::write(left.join(LOCK), "").unwrap();
        let in_use = Workshop::open(&place.path().join("a")).unwrap();
        let other = Workshop::open(&place.path().join("b")).unwrap();
        assert!(!left.exists());
        assert!(in_use.path().exists() && other.path().exists());
    }

    #[test]
    fn those_that_are_made_at_a_time_are_not_taken_for_left() {
        let place = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let record = place.path().join(number.to_string());
                scope.spawn(move || {
                    for _ in 0..50 {
                        let workshop = Workshop::open(&record).unwrap();
                        fs_err::write(workshop.path().join("command"), "x").unwrap();
                        workshop.publish(&record).unwrap();
                    }
                });
            }
        });
        assert_eq!(fs_err::read_dir(place.path()).unwrap().count(), 8);
    }

    #[test]
    fn a_workshop_that_is_dropped_is_gone() {
        let place = tempfile::tempdir().unwrap();
        drop(Workshop::open(&place.path().join("a")).unwrap());
        assert_eq!(fs_err::read_dir(place.path()).unwrap().count(), 0);
    }
}
