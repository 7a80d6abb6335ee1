//! Something done again and again beside the work until it is dropped: what keeps a lock alive that would run out without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::failure::{Doing, Result};

/// A thread that does something every now and then. Dropping it waits for what it is doing, and then for its end.
pub(super) struct Beat {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Beat {
    /// Does it every `pause`, until it answers false.
    ///
    /// # Errors
    /// When the host has no thread left.
    pub(super) fn every(
        pause: Duration,
        mut once: impl FnMut() -> bool + Send + 'static,
    ) -> Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let work = move || {
            while rested(pause, &seen) && once() {}
        };
        let thread = std::thread::Builder::new()
            .name("lock".to_owned())
            .spawn(work)
            .doing(|| "cannot start a thread that keeps the lock".to_owned())?;
        Ok(Self {
            ended,
            thread: Some(thread),
        })
    }
}

/// Whether the pause passed without our being ended.
fn rested(pause: Duration, ended: &AtomicBool) -> bool {
    let until = Instant::now() + pause;
    while !ended.load(Ordering::SeqCst) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::park_timeout(left);
    }
    false
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there was said by the panic itself.
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_beats_until_it_is_dropped() {
        let (send, receive) = std::sync::mpsc::channel();
        let beat = Beat::every(Duration::from_millis(1), move || send.send(()).is_ok()).unwrap();
        receive.recv().unwrap();
        receive.recv().unwrap();
        drop(beat);
        assert!(receive.iter().count() < usize::MAX);
    }
}
