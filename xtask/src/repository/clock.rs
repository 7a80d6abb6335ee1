//! What time it is: given from outside, so that a test can be at any time.

use std::time::{Duration, SystemTime};

use crate::failure::Result;
use crate::tool;

/// How often a wait looks whether the user interrupted it.
const LOOK: Duration = Duration::from_millis(50);

/// Tells the time.
pub trait Clock: Sync {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    fn now(&self) -> i64;

    /// Waits until it is this time, or later.
    ///
    /// # Errors
    /// On Ctrl-C.
    fn wait_until(&self, time: i64) -> Result<()>;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let since = |from: SystemTime, to: SystemTime| to.duration_since(from).ok();
        let now = SystemTime::now();
        let after = since(SystemTime::UNIX_EPOCH, now).map(|time| time.as_secs() as i64);
        let before = || since(now, SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64);
        after.unwrap_or_else(|| -before())
    }

    fn wait_until(&self, time: i64) -> Result<()> {
        while self.now() < time {
            tool::check_interrupt()?;
            std::thread::park_timeout(LOOK);
        }
        Ok(())
    }
}
