//! Programs that run: their process groups, and the interrupt that ends them all.

use std::collections::BTreeSet;
use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::failure::{Doing, Failure, Kind, Result};

/// Process groups that run now, so that an interrupt can end them.
static GROUPS: LazyLock<Mutex<BTreeSet<i32>>> = LazyLock::new(Mutex::default);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Ends every program that runs and makes every later start fail. Called on Ctrl-C.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::SeqCst);
    for &group in lock_groups().iter() {
        kill_group(group);
    }
}

/// Whether [`interrupt`] was called.
#[must_use]
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// The failure that an interrupt is.
#[must_use]
pub fn interruption() -> Failure {
    Failure::new(Kind::Interrupted, "interrupted")
        .hint("finished steps are kept: the same command goes on where it stopped")
}

/// Fails when the user interrupted; long loops of our own call it.
///
/// # Errors
/// [`Kind::Interrupted`].
pub fn check_interrupt() -> Result<()> {
    if interrupted() {
        Err(interruption())
    } else {
        Ok(())
    }
}

/// The pipes that a [`Running`] program gets; without one, no input, and output to the log.
#[derive(Default)]
pub struct Stdio {
    /// Where its standard input comes from.
    pub stdin: Option<io::PipeReader>,
    /// Where its standard output goes.
    pub stdout: Option<io::PipeWriter>,
    /// Where its standard error goes.
    pub stderr: Option<io::PipeWriter>,
}

/// A program that runs beside us. Dropping it ends it and all that it started.
pub struct Running {
    pub(super) handle: duct::Handle,
    pub(super) group: Group,
    pub(super) program: String,
}

impl Running {
    /// How it ended, or nothing while it still runs.
    ///
    /// # Errors
    /// When the host cannot say.
    pub fn ended(&self) -> Result<Option<ExitStatus>> {
        let output = self
            .handle
            .try_wait()
            .doing(|| format!("cannot wait for {}", self.program))?;
        Ok(output.map(|output| output.status))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the host cannot say.
    pub fn wait(&self) -> Result<ExitStatus> {
        let output = self
            .handle
            .wait()
            .doing(|| format!("cannot wait for {}", self.program))?;
        Ok(output.status)
    }

    /// Its process id, which is its process group's too.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.group.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        kill_group(self.group.0);
        // The kill cannot be refused: this returns at once, and leaves no zombie.
        self.handle.wait().ok();
    }
}

/// A process group in the register of those that an interrupt ends.
pub(super) struct Group(i32);

impl Group {
    pub(super) fn enter(pid: u32) -> Self {
        let group = i32::try_from(pid).unwrap_or(0);
        lock_groups().insert(group);
        if interrupted() {
            kill_group(group);
        }
        Self(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        lock_groups().remove(&self.0);
    }
}

fn lock_groups() -> std::sync::MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill_group(group: i32) {
    if let Some(pid) = Pid::from_raw(group).filter(|_| group > 1) {
        // It may have ended by itself: then there is nobody to end.
        kill_process_group(pid, Signal::KILL).ok();
    }
}
