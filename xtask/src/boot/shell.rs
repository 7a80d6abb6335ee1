//! A boot to be used: the machine's console on the user's terminal. Nothing is judged and nothing is kept.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::thread;

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

use crate::event::{Event, Listen};
use crate::failure::{Failure, Result};
use crate::tool;

use super::accel;
use super::happening::Port;
use super::lookout::BANNER;
use super::machine::{Input, Machine};
use super::qmp::Command;
use super::record::Workshop;
use super::run::{Job, in_some_network, link_bundle, log_tail, prepared, start_lab};
use super::wire::{self, LabJob, Mode, Report};

/// What leaves the console, for the line that says so.
const LEAVE: &str = "Ctrl-] or Ctrl-A x";
/// Ctrl-].
const GROUP_SEPARATOR: u8 = 0x1d;
/// Ctrl-A.
const START_OF_HEADING: u8 = 0x01;

/// Boots the job's bundle with the machine's console on standard input and output, until the machine ends or the user
/// leaves. A terminal is as it was afterwards.
///
/// # Errors
/// When the boot could not be made.
pub fn shell(job: &Job, listen: &dyn Listen) -> Result<()> {
    let scenario = prepared(job)?;
    let workshop = Workshop::open(&job.record)?;
    link_bundle(job, workshop.path())?;
    let accel = accel::choose(job.arch, &job.cache, listen)?;
    listen.hear(Event::Note(format!("{LEAVE} leaves the console")));
    let _terminal = RawTerminal::enter()?;
    in_some_network(job.network, listen, |network| {
        let lab_job = LabJob {
            arch: job.arch,
            scenario: scenario.clone(),
            limit: f64::MAX,
            loader: job.loader.clone(),
            network,
            accel: accel.clone(),
            mode: Mode::Shell,
            installed: job.installed.clone(),
        };
        let (lab, keys, mut console) = start_lab(&job.xtask, workshop.path(), &lab_job)?;
        thread::spawn(move || forward(keys));
        let mut buffer = [0; 4096];
        loop {
            let count = console.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            show(&buffer[..count])?;
        }
        lab.wait()?;
        tool::check_interrupt()?;
        reported(workshop.path())
    })
}

/// Why the lab's network was refused, if it was.
fn reported(work: &Path) -> Result<Option<String>> {
    let Ok(line) = fs_err::read_to_string(work.join(wire::REPORT)) else {
        return Ok(Some(log_tail(work)));
    };
    match wire::parse(&line)? {
        Report::NoNetwork(why) => Ok(Some(why)),
        Report::Failed(failure) => Err(failure.into()),
        Report::NetworkReady | Report::Command(_) | Report::Happened(_) => Ok(None),
    }
}

/// Keys from the user to the lab. Dropping the pipe ends the lab.
fn forward(mut lab: std::io::PipeWriter) -> Option<()> {
    let mut stdin = File::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
    let mut escape = Escape::default();
    let mut buffer = [0; 256];
    loop {
        let count = stdin.read(&mut buffer).ok().filter(|&count| count > 0)?;
        let (keys, leave) = escape.filter(&buffer[..count]);
        lab.write_all(&keys).ok()?;
        if leave {
            return Some(());
        }
    }
}

/// Finds the keys that leave. Ctrl-A twice is one Ctrl-A for the machine.
#[derive(Debug, Default)]
struct Escape {
    armed: bool,
}

impl Escape {
    /// What is for the machine, and whether the user leaves.
    fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut keys = Vec::new();
        for &key in typed {
            match (std::mem::take(&mut self.armed), key) {
                (_, GROUP_SEPARATOR) | (true, b'x' | b'X') => return (keys, true),
                (true, START_OF_HEADING) => keys.push(key),
                (false, START_OF_HEADING) => self.armed = true,
                (true, _) => keys.extend([START_OF_HEADING, key]),
                (false, _) => keys.push(key),
            }
        }
        (keys, false)
    }
}

/// The user's terminal, every key as it is pressed. Dropping it puts it back.
struct RawTerminal(Option<Termios>);

impl RawTerminal {
    fn enter() -> Result<Self> {
        let stdin = std::io::stdin();
        if !isatty(&stdin) {
            return Ok(Self(None));
        }
        let before = tcgetattr(&stdin).map_err(std::io::Error::from)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw).map_err(std::io::Error::from)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // Colours off, line wrap and cursor on: what firmware and full-screen programs may have left. A terminal that is gone needs
            // neither this nor its modes.
            show(b"\r\n\x1b[0m\x1b[?7h\x1b[?25h").ok();
            tcsetattr(std::io::stdin(), OptionalActions::Flush, before).ok();
        }
    }
}

/// The lab's side: keys come in on standard input, the console goes out on standard output. The screen is shown until the
/// console says something; from then on keys go to the console too.
///
/// # Errors
/// When the outer side is gone.
pub(super) fn relay(mut machine: Machine, inputs: &Receiver<Input>) -> Result<()> {
    let mut front = Port::Screen;
    let mut firmware = Vec::new();
    loop {
        let input = inputs
            .recv()
            .map_err(|_| Failure::bug("the lab's threads are gone"))?;
        match input {
            Input::Port(port, stream) => machine.connect(port, stream),
            Input::Control(stream) => machine.control(stream)?,
            Input::Bytes(port, bytes) => {
                if port == Port::Console {
                    front = port;
                }
                if port == front {
                    show(&bytes)?;
                }
                if port == Port::Screen && ends_banner(&mut firmware, &bytes) {
                    machine.keys(port, b" ")?;
                }
            }
            Input::Typed(keys) => machine.keys(front, &keys)?,
            Input::Orphaned => machine.command(Command::Quit)?,
            Input::Ended(..) => return Ok(()),
            Input::Closed(_)
            | Input::Message(_)
            | Input::Server(_)
            | Input::Rogue(_)
            | Input::Asked(_)
            | Input::Answered
            | Input::ServerEnded(_)
            | Input::Transfer(..)
            | Input::Http(..)
            | Input::Reported(_) => {}
        }
    }
}

/// Whether the firmware has just shown its banner and waits for a key.
fn ends_banner(shown: &mut Vec<u8>, bytes: &[u8]) -> bool {
    shown.extend_from_slice(bytes);
    let banner = BANNER.as_bytes();
    if shown.windows(banner.len()).any(|window| window == banner) {
        shown.clear();
        return true;
    }
    let keep = shown.len().saturating_sub(banner.len());
    shown.drain(..keep);
    false
}

fn show(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_leave_are_found_across_reads() {
        let mut escape = Escape::default();
        assert_eq!(escape.filter(b"ls\r"), (b"ls\r".to_vec(), false));
        assert_eq!(escape.filter(b"a\x01"), (b"a".to_vec(), false));
        assert_eq!(escape.filter(b"xb"), (Vec::new(), true));
        assert_eq!(Escape::default().filter(b"a\x1db"), (b"a".to_vec(), true));
    }

    #[test]
    fn other_keys_reach_the_machine() {
        let mut escape = Escape::default();
        assert_eq!(
            escape.filter(b"\x01\x01\x01e"),
            (b"\x01\x01e".to_vec(), false)
        );
    }

    #[test]
    fn the_banner_is_answered_once_each_time() {
        let mut shown = Vec::new();
        let (first, rest) = BANNER.as_bytes().split_at(7);
        assert!(!ends_banner(&mut shown, first));
        assert!(ends_banner(&mut shown, rest));
        assert!(!ends_banner(&mut shown, b"..."));
        assert!(ends_banner(&mut shown, BANNER.as_bytes()));
    }
}
