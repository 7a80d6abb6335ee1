//! Several boots at a time: which of them fit beside each other on this machine, and in which order they begin. Making one boot is
//! `run`'s, saying what came of all of them `report`'s.

use std::sync::mpsc::{self, Sender};
use std::thread;

use crate::event::{Event, Listen};
use crate::tool;

use super::scenario::Scenario;

/// What QEMU, the servers and we ourselves take beside a machine's own memory, in MiB.
const OVERHEAD: u64 = 256;

/// What this machine has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Processors.
    pub processors: u32,
    /// Memory in MiB.
    pub memory: u64,
}

/// What a boot takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Processors: one for each that the machine has.
    pub processors: u32,
    /// Memory in MiB.
    pub memory: u64,
}

impl Cost {
    /// That of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            processors: scenario.cpus.max(1),
            memory: u64::from(scenario.memory) + OVERHEAD,
        }
    }
}

impl Room {
    /// That of this host, or of the control group we are in where that is less; `processors` takes the place of what is there.
    #[must_use]
    pub fn of_host(processors: Option<u32>) -> Self {
        let there = thread::available_parallelism().map_or(1, usize::from);
        let read = |path: &str| fs_err::read_to_string(path).unwrap_or_default();
        let group = |file: &str| read(&format!("/sys/fs/cgroup/memory.{file}"));
        let host = available(&read("/proc/meminfo"));
        let left = left(&group("max"), &group("current"));
        Self {
            processors: processors.unwrap_or_else(|| u32::try_from(there).unwrap_or(1)),
            memory: left.map_or(host, |left| left.min(host)),
        }
    }
}

/// Memory that programs can still have, in MiB, by proc(5)'s `MemAvailable`.
fn available(meminfo: &str) -> u64 {
    let mut lines = meminfo.lines();
    let kib = lines.find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"));
    kib.and_then(|kib| kib.trim().parse::<u64>().ok())
        .unwrap_or(0)
        >> 10
}

/// What a control group leaves, in MiB, where it has a limit (Documentation/admin-guide/cgroup-v2.rst).
fn left(max: &str, current: &str) -> Option<u64> {
    let bytes = |text: &str| text.trim().parse::<u64>().ok();
    Some(bytes(max)?.saturating_sub(bytes(current)?) >> 20)
}

/// Which boot is next. A boot that is too much for the whole machine runs alone.
#[derive(Debug)]
pub struct Schedule {
    room: Room,
    costs: Vec<Cost>,
    waiting: Vec<usize>,
    running: Vec<usize>,
}

impl Schedule {
    /// A schedule of boots of these costs, which are begun in this order where there is room.
    #[must_use]
    pub fn new(room: Room, costs: Vec<Cost>, order: Vec<usize>) -> Self {
        Self {
            room,
            costs,
            waiting: order,
            running: Vec::new(),
        }
    }

    /// Takes the first of those that wait and fit beside those that run.
    pub fn begin(&mut self) -> Option<usize> {
        let place = self.waiting.iter().position(|&boot| self.fits(boot))?;
        let boot = self.waiting.remove(place);
        self.running.push(boot);
        Some(boot)
    }

    /// A boot has ended.
    pub fn end(&mut self, boot: usize) {
        self.running.retain(|&one| one != boot);
    }

    /// Whether none runs.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.running.is_empty()
    }

    fn fits(&self, boot: usize) -> bool {
        let all = self.running.iter().chain([&boot]);
        let costs = all.filter_map(|&boot| self.costs.get(boot));
        let (processors, memory) = costs.fold((0, 0), |(processors, memory), cost| {
            (processors + cost.processors, memory + cost.memory)
        });
        self.idle() || (processors <= self.room.processors && memory <= self.room.memory)
    }
}

/// Does all that is scheduled, in threads of their own; what came of each is at its place. On Ctrl-C nothing more is begun.
pub fn all<T: Send>(mut schedule: Schedule, work: impl Fn(usize) -> T + Sync) -> Vec<Option<T>> {
    let mut results: Vec<Option<T>> = schedule.costs.iter().map(|_| None).collect();
    let (sender, ended) = mpsc::channel();
    thread::scope(|scope| {
        loop {
            while !tool::interrupted()
                && let Some(boot) = schedule.begin()
            {
                let (sender, work) = (sender.clone(), &work);
                scope.spawn(move || {
                    let mut telling = Telling(boot, None, sender);
                    telling.1 = Some(work(boot));
                });
            }
            if schedule.idle() {
                return results;
            }
            // There is a sender here, so that something comes.
            let Ok((boot, result)) = ended.recv() else {
                return results;
            };
            schedule.end(boot);
            results[boot] = result;
        }
    })
}

/// Tells what came of it when it is dropped: also of one that panicked.
struct Telling<T>(usize, Option<T>, Sender<(usize, Option<T>)>);

impl<T> Drop for Telling<T> {
    fn drop(&mut self) {
        self.2.send((self.0, self.1.take())).ok();
    }
}

/// Calls all steps of a boot by a name that is its own among those that run.
pub struct Labelled<'a> {
    /// The name.
    pub label: String,
    /// Who hears of them.
    pub listen: &'a dyn Listen,
}

impl Listen for Labelled<'_> {
    fn hear(&self, event: Event) {
        let step = || format!("boot {}", self.label);
        self.listen.hear(match event {
            Event::Started { title, log, .. } => Event::Started {
                step: step(),
                title,
                log,
            },
            Event::Progress { line, .. } => Event::Progress { step: step(), line },
            Event::Hit { .. } => Event::Hit { step: step() },
            Event::Finished { took, .. } => Event::Finished { step: step(), took },
            other => other,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const HOST: Room = Room {
        processors: 3,
        memory: 1000,
    };

    fn cost(processors: u32, memory: u64) -> Cost {
        Cost { processors, memory }
    }

    fn schedule(costs: &[Cost]) -> Schedule {
        Schedule::new(HOST, costs.to_vec(), (0..costs.len()).collect())
    }

    fn begun(schedule: &mut Schedule) -> Vec<usize> {
        std::iter::from_fn(|| schedule.begin()).collect()
    }

    #[test]
    fn what_fits_runs_beside_what_runs() {
        let mut schedule = schedule(&[cost(1, 600), cost(1, 600), cost(1, 300), cost(2, 100)]);
        assert_eq!(begun(&mut schedule), [0, 2]);
        schedule.end(0);
        assert_eq!(begun(&mut schedule), [1]);
        schedule.end(2);
        assert_eq!(begun(&mut schedule), [3]);
        schedule.end(1);
        schedule.end(3);
        assert!(schedule.idle() && schedule.begin().is_none());
    }

    #[test]
    fn what_is_too_much_for_the_machine_runs_alone() {
        let mut schedule = schedule(&[cost(64, 9000), cost(1, 1), cost(8, 1)]);
        assert_eq!(begun(&mut schedule), [0]);
        schedule.end(0);
        assert_eq!(begun(&mut schedule), [1]);
        schedule.end(1);
        assert_eq!(begun(&mut schedule), [2]);
    }

    #[test]
    fn results_are_at_their_places_and_never_more_run_than_fit() {
        let (now, most) = (AtomicU32::new(0), AtomicU32::new(0));
        let costs = vec![cost(1, 1); 40];
        let schedule = Schedule::new(HOST, costs, (0..40).rev().collect());
        let results = all(schedule, |boot| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            boot * 2
        });
        let doubled: Vec<_> = (0..40).map(|boot| Some(boot * 2)).collect();
        assert_eq!(results, doubled);
        assert!(most.into_inner() <= HOST.processors);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_is_not_waited_for_without_end() {
        all(schedule(&[cost(1, 1), cost(1, 1)]), |_| panic!("as wanted"));
    }

    #[test]
    fn memory_is_what_host_and_control_group_leave() {
        assert_eq!(available("MemFree: 1 kB\nMemAvailable:   204800 kB\n"), 200);
        assert_eq!(available(""), 0);
        assert_eq!(left("max\n", "1"), None);
        assert_eq!(left("2147483648\n", "1073741824\n"), Some(1024));
        assert_eq!(left("1", "2"), Some(0));
    }
}
