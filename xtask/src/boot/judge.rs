//! From what happens to a verdict, one happening at a time: it says what the lab should do next, and until when to wait.
//! No I/O and no clock of its own, so that a transcript can be judged again.

use crate::date;
use crate::failure::{Failure, Kind, Result};

use super::checks::{self, Facts, Reading};
use super::happening::{FileKind, Happening, Network, Port, TransferEnd, What};
use super::lookout::Lookout;
use super::ordeal::Ordeal;
use super::protocol::{self, GuestVerdict, Word};
use super::reporter::{self, Report, Reports};
use super::scenario::{ConfigSearch, Scenario};
use super::signs::{self, Sign};
use super::state::State;
use super::timeline::{Stage, Timeline};
use super::verdict::Verdict;
use super::waiting::Waiting;

mod ending;

/// For so many seconds after something decisive, nothing else may happen: a second verdict, a panic, QEMU's end; and what
/// explains it still comes in.
const SETTLE: f64 = 0.25;
/// So much later than a report by HTTP, what the console says of the same is not just late.
const LATE: f64 = 5.0;

/// What the lab should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Type this.
    Type(Port, String),
    /// Reset the machine.
    Reset,
    /// Ask for the battery clock.
    ReadRtc,
    /// Begin a fault of the scenario, counted from 0, or end it.
    Fault {
        /// Which.
        number: usize,
        /// Whether it begins.
        on: bool,
    },
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
    came: Option<State>,
    waiting: Waiting,
    reports: Reports,
    why: String,
    missing: Vec<String>,
    last_on_console: String,
    last_on_screen: String,
    cause: Option<Verdict>,
    settled_at: Option<f64>,
    reset_ordered: bool,
    /// Since when the time limit counts, and how often the lab has reset the machine.
    since: f64,
    resets: u32,
    ordeal: Ordeal,
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
            came: None,
            waiting: Waiting::default(),
            reports: Reports::default(),
            why: String::new(),
            missing: Vec::new(),
            last_on_console: String::new(),
            last_on_screen: String::new(),
            cause: None,
            settled_at: None,
            reset_ordered: false,
            since: 0.0,
            resets: 0,
            ordeal: Ordeal::new(scenario),
            verdict: None,
        })
    }

    /// The verdict, as soon as there is one.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// The state that the last boot came to, if it came to one.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        self.came.as_ref()
    }

    /// The timeline so far.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Until when to wait for the next happening, in seconds since QEMU's start; then comes [`What::Deadline`].
    #[must_use]
    pub fn deadline(&self) -> f64 {
        let limit = self.since + self.limit;
        // The battery clock was asked for, and is needed: the answer is waited for.
        let asked = self.scenario.ntp
            && self.scenario.machine().tells_rtc()
            && self.said.is_some()
            && self.facts.outside.is_none();
        let report = self.scenario.report
            && reporter::awaited(self.came.as_ref())
            && !self.reports.complete();
        let settled = self.settled_at.filter(|_| !asked && !report);
        let idle = || self.idle_from().map_or(limit, |idle| idle.min(limit));
        let due = settled.unwrap_or_else(idle);
        self.ordeal.plan.due().map_or(due, |over| over.min(due))
    }

    /// When it is certain that a menu waits which nobody wants to see.
    fn idle_from(&self) -> Option<f64> {
        let unwanted = self.came.is_none() && !self.scenario.end.take_lines();
        let slowness = self.limit / f64::from(self.scenario.timeout);
        self.waiting.until(slowness).filter(|_| unwanted)
    }

    /// What the lab was to let go wrong, as far as it came.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.ordeal.plan.met()
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
        let mut orders = self
            .ordeal
            .plan
            .observe(happening, self.timeline.furthest());
        if orders.is_empty() || happening.what != What::Deadline {
            orders.extend(self.take_in(happening, same_reset));
        }
        orders
    }

    fn take_in(&mut self, happening: &Happening, same_reset: bool) -> Vec<Order> {
        if self.timeline.reached(Stage::Loader) {
            self.lookout.count();
        }
        let at = happening.at;
        if self.waiting.observe(at, &happening.what) && self.scenario.end.take(&State::Menu) {
            self.arrive(at, State::Menu);
        }
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
            What::Reported { mac, report } => self.reported(at, mac, report),
            What::Tftp { path, kind, end } | What::Http { path, kind, end } => {
                self.transfer(path, *kind, *end);
            }
            What::Rtc { time } => self.facts.outside = Some(Reading { at, time: *time }),
            What::Reset { .. } if same_reset => {}
            What::Reset { by_guest } => self.was_reset(at, *by_guest),
            What::ServerFailed { program, tail } => {
                let (program, tail) = (program.clone(), tail.clone());
                self.decide(Verdict::ServerDied { program, tail });
            }
            What::PoweredOff => self.decide(Verdict::PoweredOff),
            What::TooMuchOutput => self.decide(Verdict::TooMuchOutput),
            What::QemuEnded { end, tail, .. } => self.qemu_died(end, tail),
            What::Deadline if self.settled_at.is_some() => return self.conclude(),
            What::Deadline => self.ran_out(),
            What::RogueLease { server, ip, mac } => {
                let (server, ip, mac) = (server.clone(), ip.clone(), mac.clone());
                self.suspect(at, Verdict::RogueDhcp { server, ip, mac });
            }
            What::Typed { .. } | What::Fault { .. } | What::Asked { .. } => {}
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
        if let Some(state) = State::of(&cause) {
            self.came.get_or_insert(state);
        }
        self.cause.get_or_insert(cause);
        self.settle(at + SETTLE);
    }

    /// The first state is the one that came.
    fn arrive(&mut self, at: f64, state: State) {
        if self.came.is_none() {
            self.came = Some(state);
            self.settle(at + SETTLE);
        }
    }

    fn settle(&mut self, at: f64) {
        let earliest = self.settled_at.map_or(at, |earlier| earlier.min(at));
        self.settled_at = Some(earliest);
    }

    /// The time is over.
    fn ran_out(&mut self) {
        let over = if self.waiting.is() && !self.scenario.end.take_lines() {
            self.came = Some(State::Menu);
            let wrong = self.scenario.end.judge(self.came.as_ref(), "");
            let Err(wrong) = wrong else {
                return self.decide(Verdict::Passed);
            };
            wrong
        } else {
            Verdict::TimedOut {
                seconds: self.limit,
                last_line: self.last_line(),
                stage: self.timeline.furthest(),
                unmatched: self.lookout.missed(),
            }
        };
        let linux_runs = self.timeline.reached(Stage::Linux);
        let verdict = self.ordeal.out_of_time(linux_runs, over);
        let verdict = self.with_missing(verdict);
        self.decide(verdict);
    }

    /// What was told by HTTP is not taken for what happened, but the console has to say the same before long.
    fn reported(&mut self, at: f64, mac: &str, report: &Report) {
        self.reports.add(mac, report);
        if report.is_state() && self.came.is_none() && !self.scenario.end.only_lines() {
            let slowness = self.limit / f64::from(self.scenario.timeout);
            self.settle(at + LATE * slowness);
        }
    }

    /// What a finished line says.
    fn understand(&mut self, at: f64, line: &str) {
        match protocol::parse(line) {
            Some(Word::Rtc(time)) => self.facts.rtc = Some(Reading { at, time }),
            Some(Word::StepOk(step, detail)) => self.step(at, &step, &detail),
            Some(Word::StepFailed(_, _, why)) => self.why = why,
            // Whoever waits for lines of his own waits for no verdict.
            Some(Word::Verdict(_)) if self.scenario.end.only_lines() => {}
            Some(Word::Verdict(said)) if self.goes_on_after(&said) => {}
            Some(Word::Verdict(second)) => match self.said.clone() {
                Some(first) => self.suspect(at, Verdict::TwoVerdicts { first, second }),
                None => {
                    self.arrive(at, State::from(&second));
                    self.said = Some(second);
                }
            },
            Some(Word::Image | Word::StepSkipped(..)) | None => {}
        }
        let line = line.to_owned();
        let sign = signs::read(&line, self.timeline.reached(Stage::Linux));
        let cause = match self.with_network(sign) {
            Some(Sign::Panic) => Verdict::Panic { line },
            Some(Sign::Oops) => Verdict::Oops { line },
            Some(Sign::NoDhcp) => Verdict::NoDhcp { line },
            Some(Sign::LoadFailed) => Verdict::LoadFailed {
                line,
                missing: Vec::new(),
            },
            Some(Sign::NoAnswer) => return,
            Some(Sign::NothingToBoot) => Verdict::NothingToBoot { line },
            Some(Sign::Unpacking) => Verdict::NotUnpacked { line },
            None => return,
        };
        if let Some(cause) = self.ordeal.endures(cause) {
            self.suspect(at, cause);
        }
    }

    /// What a sign means once it is known who was asked.
    fn with_network(&self, sign: Option<Sign>) -> Option<Sign> {
        let sign = match sign? {
            Sign::NoAnswer if self.timeline.reached(Stage::Lease) => Sign::LoadFailed,
            Sign::NoAnswer => Sign::NoDhcp,
            other => other,
        };
        Some(sign)
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
        if self.scenario.end.take_lines() && self.lookout.missed().is_empty() {
            self.arrive(at, State::Expected);
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

    fn was_reset(&mut self, at: f64, by_guest: bool) {
        if self.reset_ordered && !by_guest {
            (self.since, self.resets) = (at, self.resets + 1);
        } else {
            // The timeline has begun the next boot already.
            let before = self.timeline.boots.iter().rev().nth(1);
            let stage = before.and_then(|boot| boot.marks.iter().map(|mark| mark.stage).max());
            if let Err(verdict) = self.ordeal.reset(stage, self.last_line()) {
                return self.decide(verdict);
            }
        }
        self.reset_ordered = false;
        self.cause = None;
        self.facts = Facts::default();
        self.said = None;
        self.came = None;
        self.waiting = Waiting::default();
        self.reports = Reports::default();
        self.last_on_console.clear();
        self.last_on_screen.clear();
        self.lookout.again();
        self.settled_at = None;
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
