//! Walks a plan: runs what is missing, side by side where nothing stands between, and says so by events.
//!
//! What a step does is `steps`', where its result goes is `store`'s. The engine decides what must
//! run (nothing whose result, or whose reader's result, is there), lays out inputs, and shares
//! one job budget among all that runs: a GNU make jobserver of as many tokens as there are cores.
//! Each step holds one token while it runs, which is the one that a `make` owns without asking.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::checkout::Checkout;
use crate::digest::Digest;
use crate::event::{Event, Listen};
use crate::failure::{self, Doing, Failure, Kind, Result};
use crate::image::overlay;
use crate::plan::{Input, Location, Plan, Step};
use crate::steps::{self, Fetch, Sign, Work};
use crate::store::{Artifact, Claim, Slot, Store};
use crate::tool;

/// Runs plans.
pub struct Engine<'a> {
    /// The checkout that inputs are read from.
    pub checkout: &'a Checkout,
    /// Where results are found and go.
    pub store: &'a Store,
    /// How bytes come from outside.
    pub fetch: &'a dyn Fetch,
    /// Who signs.
    pub sign: &'a dyn Sign,
    /// Who hears what happens.
    pub listen: &'a dyn Listen,
    /// The job budget; see [`job_budget`].
    pub jobs: &'a jobserver::Client,
    /// Where compiler results are cached, if there is a compiler cache.
    pub ccache: Option<&'a Path>,
}

/// What a build did.
#[derive(Debug)]
pub struct Built {
    /// The artifact that was asked for.
    pub artifact: Artifact,
    /// Names of the steps that ran, in the plan's order.
    pub ran: Vec<String>,
}

/// A job budget of `jobs` tokens; of as many as there are cores otherwise.
///
/// # Errors
/// When the host has no pipe for us.
pub fn job_budget(jobs: Option<usize>) -> Result<jobserver::Client> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(jobserver::Client::new(jobs.unwrap_or(cores).max(1))?)
}

/// Steps that must run for a target: those without a result on the way to it.
///
/// # Errors
/// When the store cannot be read.
pub fn missing<'p>(plan: &'p Plan, store: &Store, target: &str) -> Result<BTreeSet<&'p str>> {
    let mut missing = BTreeSet::new();
    let mut open = vec![target.to_owned()];
    while let Some(name) = open.pop() {
        let step = plan
            .get(&name)
            .ok_or_else(|| Failure::bug(format!("no step {name:?}")))?;
        if store.lookup(&step.key)?.is_none() && missing.insert(step.name.as_str()) {
            open.extend(step.upstream().map(str::to_owned));
        }
    }
    Ok(missing)
}

impl Engine<'_> {
    /// Makes the artifact of one step, and whatever it needs.
    ///
    /// # Errors
    /// The first failure, once everything that ran beside it has ended.
    pub fn build(&self, plan: &Plan, target: &str) -> Result<Built> {
        let _share = self.store.share(|who| self.waiting(who, "the store"))?;
        let mut missing = missing(plan, self.store, target)?;
        // An input that is damaged would only be found when it is read: look before, and make it again.
        while let Some(damaged) = self.damaged_input(plan, &missing)? {
            self.listen.hear(Event::Warning(format!(
                "the store's copy of step {damaged} is damaged; it is made again"
            )));
            missing.insert(damaged);
            for upstream in plan.get(damaged).into_iter().flat_map(Step::upstream) {
                missing.extend(
                    self::missing(plan, self.store, upstream)?
                        .iter()
                        .filter_map(|name| Some(plan.get(name)?.name.as_str())),
                );
            }
        }
        for step in plan
            .steps()
            .iter()
            .filter(|step| !missing.contains(step.name.as_str()))
        {
            self.listen.hear(Event::Hit {
                step: step.name.clone(),
            });
        }
        self.run_all(plan, &missing)?;
        let key = &plan
            .get(target)
            .ok_or_else(|| Failure::bug(format!("no step {target:?}")))?
            .key;
        let artifact = self
            .store
            .lookup(key)?
            .ok_or_else(|| Failure::bug(format!("the step {target:?} left no result")))?;
        let ran = plan
            .steps()
            .iter()
            .map(|step| &step.name)
            .filter(|name| missing.contains(name.as_str()));
        Ok(Built {
            artifact,
            ran: ran.cloned().collect(),
        })
    }

    /// A step whose result is there, wanted as an input, and damaged; its result is forgotten.
    fn damaged_input<'p>(
        &self,
        plan: &'p Plan,
        missing: &BTreeSet<&str>,
    ) -> Result<Option<&'p str>> {
        let read: BTreeSet<&str> = missing
            .iter()
            .filter_map(|name| plan.get(name))
            .flat_map(Step::upstream)
            .collect();
        for name in read {
            let Some(step) = plan.get(name).filter(|_| !missing.contains(name)) else {
                continue;
            };
            let Some(artifact) = self.store.lookup(&step.key)? else {
                continue;
            };
            if artifact.verify().is_err() {
                self.store.forget(&step.key)?;
                return Ok(Some(&step.name));
            }
        }
        Ok(None)
    }

    /// Runs these steps, each as soon as those it waits for are done.
    fn run_all(&self, plan: &Plan, names: &BTreeSet<&str>) -> Result<()> {
        let board = Board::new(plan, names);
        std::thread::scope(|scope| {
            while let Some(step) = board.next()? {
                let board = &board;
                scope.spawn(move || {
                    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        self.run(plan, step, board)
                    }))
                    .unwrap_or_else(|_| Err(failure::panicked()));
                    board.done(step, ended);
                });
            }
            Ok(())
        })
    }

    /// Runs one step, unless somebody else just did, or another one failed before its turn came.
    fn run(&self, plan: &Plan, step: &Step, board: &Board<'_>) -> Result<()> {
        let waiting = |who: &str| self.waiting(who, &format!("the step {}", step.name));
        let Claim::Miss(mut slot) = self.store.claim(&step.key, waiting)? else {
            self.listen.hear(Event::Hit {
                step: step.name.clone(),
            });
            return Ok(());
        };
        let _token = self.jobs.acquire()?;
        tool::check_interrupt()?;
        if board.has_failed() {
            return Ok(());
        }
        let since = Instant::now();
        self.listen.hear(Event::Started {
            step: step.name.clone(),
            title: step.title.clone(),
            log: Some(slot.log()),
        });
        self.lay_out(plan, step, &slot)
            .doing(|| format!("cannot lay out the inputs of {}", step.name))?;
        let work = Work {
            step,
            slot: &slot,
            jobs: self.jobs,
            fetch: self.fetch,
            sign: self.sign,
            ccache: self.ccache,
            listen: self.listen,
        };
        if let Err(failure) = steps::run(&work) {
            // The command line that is shown runs there.
            if failure.kind == Kind::Build && failure.tool.is_some() {
                slot.leave();
            }
            return Err(failure.while_doing(format!("the step {} failed", step.name)));
        }
        slot.commit(&step.definition.outputs, &step.definition.value())
            .or_else(|failure| {
                // What was cut short by the user has no outputs, and is no mistake of the step's.
                tool::check_interrupt()?;
                Err(failure)
            })?;
        self.listen.hear(Event::Finished {
            step: step.name.clone(),
            took: since.elapsed(),
        });
        Ok(())
    }

    fn waiting(&self, who: &str, what: &str) {
        self.listen.hear(Event::waiting(who, what));
    }

    /// Puts a step's inputs, and nothing else, into its folder.
    fn lay_out(&self, plan: &Plan, step: &Step, slot: &Slot) -> Result<()> {
        for (name, location) in &step.locations {
            let place = slot.inputs().join(name);
            fs_err::create_dir_all(place.parent().unwrap_or(&place))?;
            match (location, &step.definition.inputs[name]) {
                (Location::Step(from), Input::Output { output, .. }) => {
                    symlink(self.artifact(plan, from)?.path(output)?, &place)?;
                }
                (Location::Checkout(path), Input::File { digest }) => {
                    self.copy_file(path, &place, digest)?;
                }
                (Location::Checkout(path), Input::Folder { digest }) => {
                    let from = self.checkout.root().join(path);
                    let items = overlay::listing(&from)?;
                    if Digest::of_value(&items) != *digest {
                        return Err(changed(path));
                    }
                    overlay::snapshot(&from, &items, &place)?;
                }
                _ => {
                    return Err(Failure::bug(format!(
                        "the input {name:?} of {} has two minds",
                        step.name
                    )));
                }
            }
        }
        Ok(())
    }

    fn copy_file(&self, from: &Path, to: &Path, digest: &Digest) -> Result<()> {
        let bytes = fs_err::read(self.checkout.root().join(from))?;
        if Digest::of(&bytes) != *digest {
            return Err(changed(from));
        }
        Ok(fs_err::write(to, bytes)?)
    }

    fn artifact(&self, plan: &Plan, name: &str) -> Result<Artifact> {
        let step = plan
            .get(name)
            .ok_or_else(|| Failure::bug(format!("no step {name:?}")))?;
        self.store
            .lookup(&step.key)?
            .ok_or_else(|| Failure::bug(format!("the step {name:?} has no result")))
    }
}

fn changed(path: &Path) -> Failure {
    Failure::new(
        Kind::Host,
        format!("{} changed while it was being built from", path.display()),
    )
    .hint("run the same command again: it plans anew from what is there now")
}

/// Which steps wait, run, and are done.
struct Board<'p> {
    state: Mutex<State<'p>>,
    changed: Condvar,
}

struct State<'p> {
    /// Steps that have not started, with the names of those they wait for.
    waiting: BTreeMap<&'p str, BTreeSet<&'p str>>,
    steps: BTreeMap<&'p str, &'p Step>,
    /// Keys of the steps that run.
    running: BTreeSet<Digest>,
    failure: Option<Failure>,
}

impl<'p> State<'p> {
    /// A step that waits for nothing. Of steps that are the same but for their names one runs, and the others find its result.
    fn ready(&self) -> Option<&'p Step> {
        self.waiting
            .iter()
            .filter(|(_, waits)| waits.is_empty())
            .map(|(name, _)| self.steps[name])
            .find(|step| !self.running.contains(&step.key))
    }
}

impl<'p> Board<'p> {
    fn new(plan: &'p Plan, names: &BTreeSet<&str>) -> Self {
        let steps: BTreeMap<&str, &Step> = plan
            .steps()
            .iter()
            .map(|step| (step.name.as_str(), step))
            .filter(|(name, _)| names.contains(name))
            .collect();
        let waiting = steps
            .iter()
            .map(|(name, step)| {
                (
                    *name,
                    step.upstream()
                        .filter(|name| names.contains(name))
                        .collect(),
                )
            })
            .collect();
        Self {
            state: Mutex::new(State {
                waiting,
                steps,
                running: BTreeSet::new(),
                failure: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// The next step that waits for nothing; waits until there is one. Nothing, when all are done.
    /// After a failure nothing new begins; the failure comes when all that runs has ended.
    fn next(&self) -> Result<Option<&'p Step>> {
        let mut state = self.lock();
        loop {
            if state.running.is_empty()
                && let Some(failure) = state.failure.take()
            {
                return Err(failure);
            }
            if state.failure.is_none() {
                if let Some(step) = state.ready() {
                    state.waiting.remove(step.name.as_str());
                    state.running.insert(step.key);
                    return Ok(Some(step));
                }
                if state.running.is_empty() {
                    return Ok(None);
                }
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, step: &Step, ended: Result<()>) {
        let mut state = self.lock();
        state.running.remove(&step.key);
        match ended {
            Ok(()) => {
                for waits in state.waiting.values_mut() {
                    waits.remove(step.name.as_str());
                }
            }
            // The first one counts: others may only be its consequence.
            Err(failure) => {
                state.failure.get_or_insert(failure);
            }
        }
        self.changed.notify_all();
    }

    /// Whether a step failed. Many may wait for their turn then: the failure is not to wait for them.
    fn has_failed(&self) -> bool {
        self.lock().failure.is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<'p>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Board;
    use crate::digest::Digest;
    use crate::failure::Failure;
    use crate::plan::{Action, Definition, Plan, Step};
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn of_equal_steps_one_waits_for_the_other() {
        let sha256 = Digest::of(b"x");
        let mut plan = Plan::default();
        for name in ["one", "other"] {
            let definition = Definition::new(Action::Fetch { sha256 }, &["file"]);
            plan.add(Step::new(name, name, definition, BTreeMap::new()))
                .unwrap();
        }
        let board = Board::new(&plan, &BTreeSet::from(["one", "other"]));
        let first = board.next().unwrap().unwrap();
        assert!(board.lock().ready().is_none(), "the first one runs");
        board.done(first, Ok(()));
        let other = board.next().unwrap().unwrap();
        assert_eq!(other.name, "other");
        assert!(!board.has_failed());
        board.done(other, Err(Failure::bug("x")));
        assert!(board.has_failed(), "whoever waits for a turn gives it up");
    }
}
