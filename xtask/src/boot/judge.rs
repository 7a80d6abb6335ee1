//! From what happens to a verdict, one happening at a time: it says what the lab should do next, and until when to wait.
//! No I/O and no clock of its own, so that a transcript can be judged again.

use crate::date;
use crate::failure::{Failure, Kind, Result};

use super::checks::{self, Facts, Reading};
use super::happening::{FileKind, Happening, Network, Port, TransferEnd, What};
use super::lookout::Lookout;
use super::protocol::{self, GuestVerdict, Word};
use super::scenario::{ConfigSearch, End, Scenario};
use super::signs::{self, Sign};
use super::timeline::{Stage, Timeline};
use super::verdict::Verdict;

/// For so many seconds after something decisive, nothing else may happen: a second verdict, a panic, QEMU's end; and what
/// explains it still comes in.
const SETTLE: f64 = 0.25;

/// What the lab should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Type this.
    Type(Port, String),
    /// Reset the machine.
    Reset,
    /// Ask for the battery clock.
    ReadRtc,
}

/// The judge of one run.
pub struct Judge {
    scenario: Scenario,
    limit: f64,
    lookout: Lookout,
    timeline: Timeline,
    facts: Facts,
    wall: f64,
    said: Option<GuestVerdict>,
    why: String,
    missing: Vec<String>,
    last_on_console: String,
    last_on_screen: String,
    cause: Option<Verdict>,
    settled_at: Option<f64>,
    reset_ordered: bool,
    verdict: Option<Verdict>,
}

impl Judge {
    /// A judge for this scenario, who waits `limit` seconds for each boot.
    ///
    /// # Errors
    /// [`Kind::Recipe`] when the scenario cannot be meant.
    pub fn new(scenario: &Scenario, limit: f64) -> Result<Self> {
        if let Some(problem) = scenario.problems().first() {
            let what = format!(
                "scenario {}: {}: {}",
                scenario.name, problem.field, problem.message
            );
            return Err(Failure::new(Kind::Recipe, what));
        }
        Ok(Self {
            lookout: Lookout::new(scenario)?,
            scenario: scenario.clone(),
            limit,
            timeline: Timeline::default(),
            facts: Facts::default(),
            wall: 0.0,
            said: None,
            why: String::new(),
            missing: Vec::new(),
            last_on_console: String::new(),
            last_on_screen: String::new(),
            cause: None,
            settled_at: None,
            reset_ordered: false,
            verdict: None,
        })
    }

    /// The verdict, as soon as there is one.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// The timeline so far.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Until when to wait for the next happening, in seconds since QEMU's start; then comes [`What::Deadline`].
    #[must_use]
    pub fn deadline(&self) -> f64 {
        let from = self.timeline.boots.last().map_or(0.0, |boot| boot.from);
        let limit = from + self.limit;
        // The battery clock was asked for, and is needed: the answer is waited for.
        let asked = self.scenario.ntp
            && self.scenario.machine().tells_rtc()
            && self.said.is_some()
            && self.facts.outside.is_none();
        self.settled_at.filter(|_| !asked).unwrap_or(limit)
    }

    /// Whether a line that has no end yet should be reported as it stands.
    #[must_use]
    pub fn wants(&self, text: &str) -> bool {
        self.lookout.wants(text)
    }

    /// Takes in what happened next.
    pub fn observe(&mut self, happening: &Happening) -> Vec<Order> {
        if self.verdict.is_some() {
            self.afterwards(&happening.what);
            return Vec::new();
        }
        let same_reset = self.timeline.only_just_reset();
        self.timeline.observe(happening);
        if self.timeline.reached(Stage::Loader) {
            self.lookout.count();
        }
        let at = happening.at;
        match &happening.what {
            What::Started { wall, network, .. } => self.started(*wall, *network),
            What::Line { port, text } => {
                self.last_on(*port).clone_from(text);
                self.understand(at, text);
                let orders = self.lookout.line(*port, text);
                return self.seen(at, orders);
            }
            What::Unfinished { port, text } => {
                self.last_on(*port).clone_from(text);
                let orders = self.lookout.unfinished(*port, text);
                return self.seen(at, orders);
            }
            What::Lease { ip, mac } => self.facts.leases.push((ip.clone(), mac.clone())),
            What::Tftp { path, kind, end } => self.transfer(path, *kind, *end),
            What::Rtc { time } => self.facts.outside = Some(Reading { at, time: *time }),
            What::Reset { .. } if same_reset => {}
            What::Reset { by_guest } => self.was_reset(*by_guest),
            What::ServerFailed { program, tail } => {
                let (program, tail) = (program.clone(), tail.clone());
                self.decide(Verdict::ServerDied { program, tail });
            }
            What::PoweredOff => self.decide(Verdict::PoweredOff),
            What::TooMuchOutput => self.decide(Verdict::TooMuchOutput),
            What::QemuEnded { end, tail, .. } => self.qemu_died(end, tail),
            What::Deadline if self.settled_at.is_some() => return self.conclude(),
            What::Deadline => self.decide(Verdict::TimedOut {
                seconds: self.limit,
                last_line: self.last_line(),
                stage: self.timeline.furthest(),
                unmatched: self.lookout.missed(),
            }),
            What::Typed { .. } => {}
        }
        self.orders_for_end(at)
    }

    fn started(&mut self, wall: f64, network: Network) {
        self.wall = wall;
        if !checks::not_to_be_seen(&self.scenario, network).is_empty() {
            // Said by whoever started it.
            self.scenario.lease = false;
            self.scenario.config_search = ConfigSearch::Any;
        }
        let fields = checks::not_to_be_had(&self.scenario, network);
        if !fields.is_empty() {
            self.decide(Verdict::NotCheckable { fields });
        }
    }

    fn last_on(&mut self, port: Port) -> &mut String {
        match port {
            Port::Console => &mut self.last_on_console,
            Port::Screen => &mut self.last_on_screen,
        }
    }

    /// The last line that matters: once something speaks on the console, the firmware's screen is history.
    fn last_line(&self) -> String {
        let lines = [&self.last_on_console, &self.last_on_screen];
        let line = lines.into_iter().find(|line| !line.is_empty());
        line.cloned().unwrap_or_default()
    }

    /// The first cause stands, whatever it leads to.
    fn decide(&mut self, verdict: Verdict) {
        self.verdict = Some(self.cause.take().unwrap_or(verdict));
    }

    fn qemu_died(&mut self, end: &str, tail: &[String]) {
        let (end, tail) = (end.to_owned(), tail.to_vec());
        self.decide(Verdict::QemuDied { end, tail });
    }

    /// What passed has to end well too.
    fn afterwards(&mut self, what: &What) {
        if let (
            What::QemuEnded {
                end,
                well: false,
                tail,
            },
            Some(Verdict::Passed),
        ) = (what, &self.verdict)
        {
            let (end, tail) = (end.clone(), tail.clone());
            self.verdict = Some(Verdict::QemuDied { end, tail });
        }
    }

    fn suspect(&mut self, at: f64, cause: Verdict) {
        self.cause.get_or_insert(cause);
        self.settled_at.get_or_insert(at + SETTLE);
    }

    /// What a finished line says.
    fn understand(&mut self, at: f64, line: &str) {
        match protocol::parse(line) {
            Some(Word::Rtc(time)) => self.facts.rtc = Some(Reading { at, time }),
            Some(Word::StepOk(step, detail)) => self.step(at, &step, &detail),
            Some(Word::StepFailed(_, _, why)) => self.why = why,
            // Whoever waits for lines of his own waits for no verdict.
            Some(Word::Verdict(_)) if self.scenario.end == End::Expected => {}
            Some(Word::Verdict(second)) => match self.said.clone() {
                Some(first) => self.suspect(at, Verdict::TwoVerdicts { first, second }),
                None => {
                    self.said = Some(second);
                    self.settled_at.get_or_insert(at + SETTLE);
                }
            },
            Some(Word::Image | Word::StepSkipped(..)) | None => {}
        }
        let line = line.to_owned();
        let cause = match signs::read(&line, self.timeline.reached(Stage::Linux)) {
            Some(Sign::Panic) => Verdict::Panic { line },
            Some(Sign::Oops) => Verdict::Oops { line },
            Some(Sign::NoDhcp | Sign::LoadFailed) if self.scenario.falls_back() => return,
            Some(Sign::NoDhcp) => Verdict::NoDhcp { line },
            Some(Sign::LoadFailed) => Verdict::LoadFailed {
                line,
                missing: Vec::new(),
            },
            Some(Sign::NothingToBoot) => Verdict::NothingToBoot { line },
            Some(Sign::Unpacking) => Verdict::NotUnpacked { line },
            None => return,
        };
        self.suspect(at, cause);
    }

    fn step(&mut self, at: f64, step: &str, detail: &str) {
        let first = detail.split(' ').next().unwrap_or("");
        match step {
            "dhcp" => self.facts.address = first.split('/').next().map(str::to_owned),
            "clock" => {
                self.facts.clock = date::parse_rfc3339(first)
                    .ok()
                    .map(|time| Reading { at, time });
            }
            _ => {}
        }
    }

    /// After a line was seen: whoever waits for nothing but lines may have seen them all.
    fn seen(&mut self, at: f64, mut orders: Vec<Order>) -> Vec<Order> {
        if self.scenario.end == End::Expected && self.lookout.missed().is_empty() {
            self.settled_at.get_or_insert(at + SETTLE);
        }
        orders.extend(self.orders_for_end(at));
        orders
    }

    /// When the guest has just given its verdict, the battery clock is looked at.
    fn orders_for_end(&self, at: f64) -> Vec<Order> {
        let just_now = self.said.is_some() && self.settled_at == Some(at + SETTLE);
        let tells = self.scenario.machine().tells_rtc();
        if just_now && tells && self.facts.outside.is_none() {
            vec![Order::ReadRtc]
        } else {
            Vec::new()
        }
    }

    fn transfer(&mut self, path: &str, kind: FileKind, end: TransferEnd) {
        match (kind, end) {
            (FileKind::Config, _) if !self.facts.found => {
                let name = path.rsplit('/').next().unwrap_or(path);
                self.facts.searched.push(name.to_owned());
                self.facts.found = end == TransferEnd::Sent;
            }
            (FileKind::Config, _) | (_, TransferEnd::Sent) => {}
            _ => self.missing.push(path.to_owned()),
        }
    }

    fn was_reset(&mut self, by_guest: bool) {
        if by_guest || !self.reset_ordered {
            // The timeline has begun the next boot already.
            let before = self.timeline.boots.iter().rev().nth(1);
            let stage = before.and_then(|boot| boot.marks.iter().map(|mark| mark.stage).max());
            let last_line = self.last_line();
            self.decide(Verdict::ResetItself { stage, last_line });
            return;
        }
        self.reset_ordered = false;
        self.facts = Facts::default();
        self.said = None;
        self.last_on_console.clear();
        self.last_on_screen.clear();
        self.lookout.again();
        self.settled_at = None;
    }

    /// Nothing more came: what does it add up to?
    fn conclude(&mut self) -> Vec<Order> {
        match self.sum_up() {
            Err(verdict) => {
                self.verdict = Some(verdict);
                Vec::new()
            }
            Ok(()) if self.timeline.boots.len() <= self.scenario.reboots as usize => {
                self.reset_ordered = true;
                // Until the reset is done, the limit of this boot stands.
                self.settled_at = None;
                vec![Order::Reset]
            }
            Ok(()) => {
                self.verdict = Some(Verdict::Passed);
                Vec::new()
            }
        }
    }

    fn sum_up(&mut self) -> Result<(), Verdict> {
        let boot = self.timeline.boots.len() - 1;
        match (self.cause.take(), &self.scenario.end) {
            (Some(Verdict::Panic { .. }), End::Panic) => {}
            (Some(Verdict::LoadFailed { line, .. }), _) => {
                let first = self.missing.len().saturating_sub(3);
                let missing = self.missing.split_off(first);
                return Err(Verdict::LoadFailed { line, missing });
            }
            (Some(cause), _) => return Err(cause),
            (None, end) => checks::end(end, self.said.as_ref(), &self.why)?,
        }
        checks::check(&self.scenario, boot, self.wall, &self.facts)?;
        if boot < self.scenario.reboots as usize {
            return Ok(());
        }
        let patterns = self.lookout.missed();
        if patterns.is_empty() {
            Ok(())
        } else {
            Err(Verdict::ExpectationMissed { patterns })
        }
    }
}

/// Judges what happened once more.
///
/// # Errors
/// [`Kind::Recipe`] when the scenario cannot be meant.
pub fn replay(
    scenario: &Scenario,
    limit: f64,
    happenings: &[Happening],
) -> Result<Option<Verdict>> {
    let mut judge = Judge::new(scenario, limit)?;
    for happening in happenings {
        judge.observe(happening);
    }
    Ok(judge.verdict)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
