//! What long work says while it goes on: data, so that a terminal, a log and a test can each
//! make of it what they need. Rendering is `report`'s.

use std::time::Duration;

use crate::failure::Failure;

/// One thing that happened during a build or a boot.
#[derive(Debug)]
pub enum Event {
    /// A step begins that is not in the store; `title` says what it does.
    Started {
        /// The step's name in the plan, unique among what runs.
        step: String,
        /// What it does, in a few words.
        title: String,
        /// Where all that its tools say is written, if they say something.
        log: Option<std::path::PathBuf>,
    },
    /// The newest line of what a step's tool says, or how far it is.
    Progress {
        /// The step's name.
        step: String,
        /// One line.
        line: String,
    },
    /// A step's artifact was in the store already.
    Hit {
        /// The step's name.
        step: String,
    },
    /// A step is done.
    Finished {
        /// The step's name.
        step: String,
        /// Wall-clock time it took.
        took: Duration,
    },
    /// Something the user should know, once; the work goes on.
    Note(String),
    /// Something is not as it should be; the work goes on all the same.
    Warning(String),
}

impl Event {
    /// That somebody else is waited for, such as `process 12`, and to be done with what.
    #[must_use]
    pub fn waiting(who: &str, what: &str) -> Self {
        Self::Note(format!("waiting for {who} to be done with {what}"))
    }
}

/// Whoever wants to hear of events.
pub trait Listen: Sync {
    /// Hears one event. Must not block for long.
    fn hear(&self, event: Event);

    /// A warning that a failure was survived.
    fn survived(&self, failure: &Failure) {
        self.hear(Event::Warning(failure.to_string()));
    }
}

/// Hears nothing.
pub struct Deaf;

impl Listen for Deaf {
    fn hear(&self, _: Event) {}
}
