//! The lab's loop: takes what comes in, tells the judge, does what the judge orders, reports all of it, until there is a
//! verdict and QEMU is gone.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::failure::{Failure, Result};
use crate::tool;

use super::console::Console;
use super::dnsmasq::{self, Entry};
use super::fault::Moment;
use super::happening::{FileKind, Happening, Port, TransferEnd, What};
use super::inject::Injector;
use super::judge::{Judge, Order};
use super::machine::{Input, Machine};
use super::offer;
use super::qemu::TFTP;
use super::qmp::{Command, Message};
use super::reporter::{self, Posted};
use super::topology::ROGUE_ADDRESS;
use super::typist::Typist;
use super::wire::{self, LabJob, Report};

/// An unfinished line is reported when nothing more came for so long.
const QUIET: Duration = Duration::from_millis(300);
/// How long QEMU may take to quit.
const QUITTING: Duration = Duration::from_secs(5);
/// More bytes than this from a guest are kept by nobody.
const MOST_BYTES: u64 = 32 << 20;
/// Lines of a log that are shown when its program ended.
const TAIL: usize = 12;

/// One serial port as the lab sees it.
struct Line {
    console: Console,
    typist: Typist,
    raw: File,
    reported: String,
    open: bool,
}

impl Line {
    fn new(raw: &str) -> Result<Self> {
        let raw = fs_err::File::create(raw)?.into_parts().0;
        let (console, typist) = (Console::default(), Typist::default());
        Ok(Self {
            console,
            typist,
            raw,
            reported: String::new(),
            open: false,
        })
    }
}

/// The loop and what it knows.
pub struct Watch<'a> {
    job: &'a LabJob,
    judge: Judge,
    machine: Machine,
    injector: Injector,
    lines: [Line; 2],
    started: Instant,
    server_log: File,
    server_tail: VecDeque<String>,
    bytes: u64,
    /// How QEMU ended, while the rest of what it wrote is still coming in.
    ended: Option<(String, bool)>,
    quitting: Option<Instant>,
}

impl<'a> Watch<'a> {
    /// A loop around a QEMU that was just started.
    ///
    /// # Errors
    /// When the scenario cannot be meant or the logs cannot be written.
    pub fn new(
        job: &'a LabJob,
        machine: Machine,
        injector: Injector,
        started: Instant,
    ) -> Result<Self> {
        let lines = [Line::new("console.log")?, Line::new("screen.log")?];
        let log = fs_err::OpenOptions::new()
            .create(true)
            .append(true)
            .open("dnsmasq.log")?;
        Ok(Self {
            judge: Judge::new(&job.scenario, job.limit)?,
            job,
            machine,
            injector,
            lines,
            started,
            server_log: log.into_parts().0,
            server_tail: VecDeque::new(),
            bytes: 0,
            ended: None,
            quitting: None,
        })
    }

    /// Runs until QEMU is gone.
    ///
    /// # Errors
    /// When the outer side is gone, or the host fails us.
    pub fn run(mut self, inputs: &Receiver<Input>) -> Result<()> {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64());
        let (network, accel) = (self.job.network, self.job.accel.clone());
        let wall = wall - self.started.elapsed().as_secs_f64();
        self.happened(What::Started {
            wall,
            network,
            accel,
        })?;
        while !self.over() {
            let wait = self.patience();
            match inputs.recv_timeout(wait) {
                Ok(input) => self.take(input)?,
                Err(RecvTimeoutError::Timeout) => self.nothing_came()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::bug("the lab's threads are gone"));
                }
            }
            self.quit_after_verdict()?;
        }
        let (end, well) = self
            .ended
            .take()
            .unwrap_or(("it did not quit when told to".to_owned(), false));
        let tail = last_lines(Path::new("qemu.log"));
        self.happened(What::QemuEnded { end, well, tail })
    }

    fn over(&self) -> bool {
        let drained = self.lines.iter().all(|line| !line.open);
        let gave_up = self
            .quitting
            .is_some_and(|since| since.elapsed() > QUITTING);
        (self.ended.is_some() && drained) || gave_up
    }

    /// How long to wait for the next input.
    fn patience(&self) -> Duration {
        let now = self.started.elapsed();
        let until = match self.quitting {
            Some(since) => QUITTING.saturating_sub(since.elapsed()) + Duration::from_millis(1),
            None => Duration::from_secs_f64(self.judge.deadline().max(0.0)).saturating_sub(now),
        };
        let unreported = self
            .lines
            .iter()
            .any(|line| line.console.unfinished() != line.reported);
        if unreported { until.min(QUIET) } else { until }
    }

    fn take(&mut self, input: Input) -> Result<()> {
        match input {
            Input::Port(port, stream) => {
                self.line(port).open = true;
                self.machine.connect(port, stream);
                Ok(())
            }
            Input::Closed(port) => {
                self.line(port).open = false;
                Ok(())
            }
            Input::Control(stream) => self.machine.control(stream),
            Input::Bytes(port, bytes) => self.read(port, &bytes),
            Input::Message(message) => self.message(message),
            Input::Server(line) => self.server(&line),
            Input::Rogue(line) => self.rogue(&line),
            Input::Asked(path) => self.asked(path),
            // Our own dnsmasq says it in its log.
            Input::Transfer(..) if self.job.installed.is_none() => Ok(()),
            Input::Transfer(path, end) => self.transfer(path, end),
            Input::Reported(posted) => self.reported(posted),
            Input::Http(path, end) => {
                let kind = kind_of(&path, &self.job.loader);
                self.happened(What::Http { path, kind, end })
            }
            Input::ServerEnded(program) => {
                let tail = self.server_tail.iter().cloned().collect();
                self.happened(What::ServerFailed { program, tail })
            }
            Input::Ended(end, well) => {
                self.ended = Some((end, well));
                Ok(())
            }
            Input::Orphaned => Err(tool::interruption()),
            Input::Typed(_) | Input::Answered => Ok(()),
        }
    }

    fn line(&mut self, port: Port) -> &mut Line {
        &mut self.lines[usize::from(port == Port::Screen)]
    }

    fn read(&mut self, port: Port, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MOST_BYTES {
            return self.happened(What::TooMuchOutput);
        }
        let line = self.line(port);
        line.raw.write_all(bytes)?;
        let more = line.typist.see(bytes);
        let texts = line.console.feed(bytes);
        if !texts.is_empty() {
            line.reported.clear();
        }
        for text in texts {
            self.happened(What::Line { port, text })?;
        }
        if let Some(keys) = more {
            self.press(port, keys)?;
        }
        let unfinished = self.line(port).console.unfinished();
        if self.judge.wants(&unfinished) {
            self.unfinished(port, unfinished)
        } else {
            Ok(())
        }
    }

    fn unfinished(&mut self, port: Port, text: String) -> Result<()> {
        let line = self.line(port);
        if text.is_empty() || line.reported == text {
            return Ok(());
        }
        line.reported.clone_from(&text);
        self.happened(What::Unfinished { port, text })
    }

    fn nothing_came(&mut self) -> Result<()> {
        for port in [Port::Console, Port::Screen] {
            let text = self.line(port).console.unfinished();
            self.unfinished(port, text)?;
        }
        let due = self.started.elapsed().as_secs_f64() >= self.judge.deadline();
        if due && self.judge.verdict().is_none() {
            self.happened(What::Deadline)
        } else {
            Ok(())
        }
    }

    fn message(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Reset(by_guest) => self.happened(What::Reset { by_guest }),
            Message::Shutdown(true) => self.happened(What::PoweredOff),
            Message::Rtc(time) => self.happened(What::Rtc { time }),
            Message::Refused(why) => Err(Failure::bug(format!("QEMU refused a command: {why}"))),
            Message::Shutdown(false) | Message::Greeting | Message::Other => Ok(()),
        }
    }

    fn rogue(&mut self, line: &str) -> Result<()> {
        writeln!(self.server_log, "rogue: {line}")?;
        let Some(Entry::Lease(ip, mac)) = dnsmasq::parse(line) else {
            return Ok(());
        };
        let server = ROGUE_ADDRESS.to_owned();
        self.happened(What::RogueLease { server, ip, mac })
    }

    fn asked(&mut self, path: String) -> Result<()> {
        let mut faults = self.job.scenario.fault.iter();
        if faults.any(|fault| matches!(fault.at, Moment::Asked(_))) {
            self.happened(What::Asked { path })
        } else {
            Ok(())
        }
    }

    fn server(&mut self, line: &str) -> Result<()> {
        writeln!(self.server_log, "{line}")?;
        self.server_tail.push_back(line.to_owned());
        if self.server_tail.len() > TAIL {
            self.server_tail.pop_front();
        }
        match dnsmasq::parse(line) {
            Some(Entry::Lease(ip, mac)) => self.happened(What::Lease { ip, mac }),
            // Those of an installed system are seen on the wire.
            Some(Entry::Transfer(path, end)) if self.job.installed.is_none() => {
                self.transfer(relative(&path), end)
            }
            Some(Entry::Transfer(..) | Entry::Serving) | None => Ok(()),
        }
    }

    fn transfer(&mut self, path: String, end: TransferEnd) -> Result<()> {
        let kind = kind_of(&path, &self.job.loader);
        self.happened(What::Tftp { path, kind, end })
    }

    /// The log itself is kept in a file beside the transcript; of several the last, as everywhere.
    fn reported(&mut self, posted: Posted) -> Result<()> {
        let Posted { mac, report, log } = posted;
        if let Some(log) = log {
            fs_err::write(reporter::LOG, log)?;
        }
        self.happened(What::Reported { mac, report })
    }

    /// Reports it, tells the judge, and does what the judge orders.
    fn happened(&mut self, what: What) -> Result<()> {
        let at = (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let happening = Happening { at, what };
        let orders = self.judge.observe(&happening);
        wire::send(&Report::Happened(happening))?;
        for order in orders {
            match order {
                Order::Reset => self.machine.command(Command::Reset)?,
                Order::Fault { number, on } => {
                    self.injector.set(number, on, &mut self.machine)?;
                    self.happened(What::Fault { number, on })?;
                }
                Order::ReadRtc => self.machine.command(Command::ReadRtc)?,
                Order::Type(port, text) => {
                    if let Some(keys) = self.line(port).typist.add(&text) {
                        self.press(port, keys)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn press(&mut self, port: Port, keys: String) -> Result<()> {
        self.machine.keys(port, keys.as_bytes())?;
        self.happened(What::Typed { port, text: keys })
    }

    fn quit_after_verdict(&mut self) -> Result<()> {
        if self.judge.verdict().is_none() || self.quitting.is_some() {
            return Ok(());
        }
        self.quitting = Some(Instant::now());
        if self.job.scenario.display {
            // QEMU answers one command after the other: it quits when the picture is written.
            self.machine.command(Command::Picture)?;
        }
        self.machine.command(Command::Quit)
    }
}

/// A path in dnsmasq's log, relative to what it serves.
fn relative(path: &str) -> String {
    let root = format!("/{TFTP}/");
    path.split_once(&root)
        .map_or(path, |(_, path)| path)
        .to_owned()
}

fn kind_of(path: &str, loader: &str) -> FileKind {
    if path == loader {
        FileKind::Loader
    } else if offer::is_configuration(path) {
        FileKind::Config
    } else {
        content_kind(&Path::new(TFTP).join(path))
    }
}

/// What a file is, by the magic number at its place.
const MAGICS: [(usize, &[u8], FileKind); 10] = [
    // Linux' boot protocols: x86 (Documentation/x86/boot.rst), arm64 (booting.rst), 32-bit ARM (arch/arm/boot/compressed/head.S).
    (0x202, b"HdrS", FileKind::Kernel),
    (0x38, b"ARM\x64", FileKind::Kernel),
    (0x24, &0x016f_2818_u32.to_le_bytes(), FileKind::Kernel),
    // An ELF file for POWER (EM_PPC64, version 1).
    (0x12, &[21, 0, 1, 0, 0, 0], FileKind::Kernel),
    // newc, and what it can be compressed with.
    (0, b"070701", FileKind::Initrd),
    (0, b"\x1f\x8b", FileKind::Initrd),
    (0, b"\xfd7zXZ\0", FileKind::Initrd),
    (0, b"\x28\xb5\x2f\xfd", FileKind::Initrd),
    (0, b"\x02\x21\x4c\x18", FileKind::Initrd),
    (0, b"\x04\x22\x4d\x18", FileKind::Initrd),
];

fn content_kind(path: &Path) -> FileKind {
    let mut start = Vec::new();
    // What cannot be read is of no kind that is known.
    let read = File::open(path).and_then(|file| file.take(0x206).read_to_end(&mut start));
    let is = |at: usize, magic: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let known = MAGICS.iter().find(|(at, magic, _)| is(*at, magic));
    match (read, known) {
        (Ok(_), Some((_, _, kind))) => *kind,
        _ => FileKind::Other,
    }
}

/// The end of a short log, without the command line and without the warning about `etc/sercon-port`.
fn last_lines(path: &Path) -> Vec<String> {
    let text = fs_err::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.unwrap_or_default();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("fw_cfg item names should be prefixed"))
        .collect();
    let from = lines.len().saturating_sub(TAIL);
    lines[from..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}
