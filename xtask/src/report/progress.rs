//! Progress: spinners on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::Volume;
use crate::event::{Event, Listen};

/// Draws events as they come.
pub(super) struct Progress {
    volume: Volume,
    colour: bool,
    /// What is drawn, on a terminal.
    bars: Option<MultiProgress>,
    running: Mutex<BTreeMap<String, ProgressBar>>,
}

/// Prints to standard error. There is no one to tell when that fails.
pub(super) fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).ok();
}

impl Progress {
    pub(super) fn new(volume: Volume, terminal: bool, colour: bool) -> Self {
        let bars = (terminal && volume > Volume::Quiet).then(MultiProgress::new);
        Self {
            volume,
            colour,
            bars,
            running: Mutex::default(),
        }
    }

    /// Takes away what is drawn, so that something else can be printed.
    pub(super) fn finish(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, bar) in std::mem::take(&mut *running) {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bars {
            // Drawing fails only with the terminal itself.
            Some(bars) => bars.println(text).unwrap_or(()),
            None => say(&format!("{text}\n")),
        }
    }

    fn mark(&self, code: &str, word: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{word:>8}\x1b[0m")
        } else {
            format!("{word:>8}")
        }
    }

    fn started(&self, step: &str, title: &str, log: Option<PathBuf>) {
        let Some(bars) = &self.bars else {
            return self.line(&format!("{} {step}: {title}", self.mark("36", "build")));
        };
        let prefix = format!("{step}: {title}");
        let bar = bars.add(ProgressBar::new_spinner().with_style(style(prefix, log)));
        bar.enable_steady_tick(Duration::from_millis(200));
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(step.to_owned(), bar);
    }

    fn finished(&self, step: &str) {
        if let Some(bar) = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(step)
        {
            bar.finish_and_clear();
        }
    }
}

/// A spinner, the step, the time it has taken, and what its tool says now: each drawn anew at every tick, and never
/// wider than the terminal.
fn style(prefix: String, log: Option<PathBuf>) -> ProgressStyle {
    let since = Instant::now();
    ProgressStyle::with_template("{spinner:.cyan} {line} {wide_msg:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key(
            "line",
            move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
                let said = log.as_deref().map(last_line).unwrap_or_default();
                let line = format!("{prefix} {} {said}", seconds(since.elapsed()));
                let line: String = line.chars().take(columns().saturating_sub(4)).collect();
                out.write_str(&line).unwrap_or(());
            },
        )
}

/// How wide the terminal is.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    size.map_or(80, |size| usize::from(size.ws_col)).max(20)
}

/// The last line of a log that is being written, cut to what fits beside the rest.
fn last_line(log: &Path) -> String {
    const WINDOW: u64 = 2000;
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = fs_err::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // The log may not be there yet.
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    // make's own words are no news, and our command lines are long.
    let news = |line: &&str| {
        !line.trim().is_empty() && !line.starts_with("make") && !line.starts_with("$ ")
    };
    let line = text.lines().rev().find(news).unwrap_or("");
    line.trim().chars().filter(|c| !c.is_control()).collect()
}

impl Listen for Progress {
    fn hear(&self, event: Event) {
        match event {
            Event::Warning(text) => self.line(&format!("{} {text}", self.mark("33", "warning"))),
            _ if self.volume == Volume::Quiet => {}
            Event::Started { step, title, log } => self.started(&step, &title, log),
            Event::Progress { step, line } => {
                let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
                match running.get(&step) {
                    Some(bar) => bar.set_message(line),
                    None if self.volume == Volume::Verbose => {
                        drop(running);
                        self.line(&format!("{} {step}: {line}", self.mark("2", "...")));
                    }
                    None => {}
                }
            }
            Event::Hit { step } => {
                if self.volume == Volume::Verbose {
                    self.line(&format!("{} {step}", self.mark("2", "hit")));
                }
            }
            Event::Finished { step, took } => {
                self.finished(&step);
                let mut line = format!("{} {step}", self.mark("32", "done"));
                if took >= Duration::from_millis(100) {
                    write!(line, " in {}", seconds(took)).unwrap_or(());
                }
                self.line(&line);
            }
            Event::Note(text) => self.line(&format!("{} {text}", self.mark("36", "note"))),
        }
    }
}

fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole >= 60 {
        format!("{}:{:02} min", whole / 60, whole % 60)
    } else {
        format!("{:.1} s", time.as_secs_f32())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_log_is_found() {
        let log = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(log.path(), format!("{}\n  CC  a.o\n\n", "x".repeat(1000))).unwrap();
        assert_eq!(last_line(log.path()), "CC  a.o");
        assert_eq!(last_line(Path::new("/no/such/log")), "");
    }

    #[test]
    fn times_are_for_people() {
        assert_eq!(seconds(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2:05 min");
    }
}
