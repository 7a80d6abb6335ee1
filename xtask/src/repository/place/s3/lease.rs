//! The lock on a repository in an object store: an object that says who is at work, written by conditional requests only. It is renewed as
//! long as its owner lives, and free for the taking when it was not for `LEASE`. All times are the store's, but for those between two of our
//! own requests: no two machines' clocks are compared.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::client::{Answer, Ask, Body, Client, wait};
use crate::digest::Digest;
use crate::event::{Event, Listen};
use crate::failure::{Failure, Kind, Result};
use crate::repository::place::beat::Beat;
use crate::repository::place::{Held, unique};

/// Name of the object: no file's of a repository.
const NAME: &str = ".new-lock";
/// How long a lock is good that nobody renews.
const LEASE: Duration = Duration::from_secs(60);
/// How much sooner its owner takes it for lost, for requests that are under way.
const MARGIN: Duration = Duration::from_secs(10);
/// How often it is renewed.
const PAUSE: Duration = Duration::from_secs(15);
/// How often a lock of somebody else is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Nobody's lock is longer.
const LONGEST: u64 = 4096;

/// What the object says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// Who is at work, for people.
    owner: String,
    /// Nobody else's.
    id: String,
    /// Grows with each renewal, so that no two states have the same entity tag.
    count: u64,
    /// Whether its owner has finished.
    free: bool,
}

/// The object as it was found.
struct Found {
    tag: String,
    note: Option<Note>,
    /// Time since it was written, by the store's clock, where it tells it.
    age: Option<Duration>,
}

/// A lock that was taken.
pub(super) struct Lease {
    client: Arc<Client>,
    key: String,
    state: Mutex<State>,
}

struct State {
    note: Note,
    tag: String,
    /// Until when nobody else can have it.
    until: Instant,
    lost: bool,
}

/// The lock, as long as it is not dropped.
pub(super) struct Lock {
    // Dropped before the lock is given back.
    beat: Option<Beat>,
    lease: Arc<Lease>,
}

/// Waits for the lock.
pub(super) fn take(
    client: &Arc<Client>,
    prefix: &str,
    owner: &str,
    listen: &dyn Listen,
) -> Result<Lock> {
    let lease = wanted(client, prefix, owner)?;
    let mut told = None;
    let mut seen: Option<(String, Instant)> = None;
    while !lease.tried(&mut seen, |note| {
        let whose = note.map_or("somebody", |note| &note.owner).to_owned();
        if told.as_ref() != Some(&whose) {
            let whose: String = whose
                .chars()
                .filter(|c| !c.is_control())
                .take(200)
                .collect();
            listen.hear(Event::Note(format!(
                "waiting for another publisher to finish: {whose}"
            )));
            told = Some(whose);
        }
    })? {
        wait(LOOK)?;
    }
    lease.conditions_count()?;
    let lease = Arc::new(lease);
    let kept = Arc::clone(&lease);
    let beat = Beat::every(PAUSE, move || kept.kept())?;
    Ok(Lock {
        beat: Some(beat),
        lease,
    })
}

/// A lock that is not taken yet.
fn wanted(client: &Arc<Client>, prefix: &str, owner: &str) -> Result<Lease> {
    let note = Note {
        owner: owner.to_owned(),
        id: unique()?,
        count: 0,
        free: false,
    };
    Ok(Lease {
        client: Arc::clone(client),
        key: format!("{prefix}{NAME}"),
        state: Mutex::new(State {
            note,
            tag: String::new(),
            until: Instant::now(),
            lost: false,
        }),
    })
}

impl Lease {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock, if it can be taken now. `seen` is which state was seen since when; `waiting` hears whose it is.
    fn tried(
        &self,
        seen: &mut Option<(String, Instant)>,
        waiting: impl FnOnce(Option<&Note>),
    ) -> Result<bool> {
        let Some(found) = self.find()? else {
            return self.write(&mut self.state(), "if-none-match", "*");
        };
        let mut state = self.state();
        // A request of ours went through, and its answer was lost. (Not renewed: nobody knows when that was.)
        let ours = found
            .note
            .as_ref()
            .is_some_and(|note| note.id == state.note.id);
        let since = match seen {
            Some((tag, since)) if *tag == found.tag => *since,
            _ => seen.insert((found.tag.clone(), Instant::now())).1,
        };
        let age = found.age.unwrap_or_else(|| since.elapsed());
        let free = found.note.as_ref().is_some_and(|note| note.free) || age > LEASE;
        if ours || free {
            return self.write(&mut state, "if-match", &found.tag);
        }
        waiting(found.note.as_ref());
        Ok(false)
    }

    fn find(&self) -> Result<Option<Found>> {
        let answer = self.client.ask(&Ask {
            method: "GET",
            key: Some(&self.key),
            query: &[],
            headers: &[],
            body: Body::Nothing,
            digest: Digest::of(""),
            limit: LONGEST,
        })?;
        if !answer.granted() {
            return Ok(None);
        }
        let age = answer.date("date").zip(answer.date("last-modified"));
        Ok(Some(Found {
            tag: tag(&answer)?,
            note: serde_json::from_slice(&answer.body).ok(),
            age: age.map(|(now, then)| Duration::from_secs((now - then).try_into().unwrap_or(0))),
        }))
    }

    /// Writes the object anew, if it is in this state, and remembers that it is ours then.
    fn write(&self, state: &mut State, condition: &'static str, value: &str) -> Result<bool> {
        let begun = Instant::now();
        state.note.count += 1;
        let answer = self.put(&state.note, condition, value)?;
        if !answer.granted() {
            return Ok(false);
        }
        state.tag = tag(&answer)?;
        state.until = begun + LEASE.saturating_sub(MARGIN);
        Ok(true)
    }

    fn put(&self, note: &Note, condition: &'static str, value: &str) -> Result<Answer> {
        let body = serde_json::to_vec(note).map_err(|error| Failure::bug(error.to_string()))?;
        self.client.ask(&Ask {
            method: "PUT",
            key: Some(&self.key),
            query: &[],
            headers: &[
                (condition, value.to_owned()),
                ("cache-control", "no-store".to_owned()),
                ("content-type", "application/json".to_owned()),
            ],
            body: Body::Bytes(&body),
            digest: Digest::of(&body),
            limit: LONGEST,
        })
    }

    /// Refuses stores that write whatever the condition: there would be no lock.
    fn conditions_count(&self) -> Result<()> {
        let mut state = self.state();
        for (condition, value) in [
            ("if-none-match", "*"),
            ("if-match", "\"0123456789abcdef0123456789abcdef\""),
        ] {
            state.note.count += 1;
            if self.put(&state.note, condition, value)?.granted() {
                let what = format!(
                    "the object store {} pays no heed to {condition}",
                    self.client.store()
                );
                return Err(Failure::new(Kind::Host, what)
                    .hint("without conditional writes publishers cannot keep out of each other's way: use another store, or a newer version of it"));
            }
        }
        Ok(())
    }

    /// Renews it. Fails when that is not possible, or it is somebody else's.
    fn renew(&self) -> Result<()> {
        let mut state = self.state();
        if !state.lost {
            let tag = state.tag.clone();
            if self.write(&mut state, "if-match", &tag)? {
                return Ok(());
            }
            // It may be our own last request that changed it, when its answer was lost.
            if let Some(found) = self.find()?
                && found.note.is_some_and(|note| note.id == state.note.id)
                && self.write(&mut state, "if-match", &found.tag)?
            {
                return Ok(());
            }
            state.lost = true;
        }
        Err(self.lost())
    }

    /// Renews it in the background; tells whether there is sense in going on.
    fn kept(&self) -> bool {
        // What fails now may succeed in time.
        self.renew().is_ok() || self.in_time().is_ok()
    }

    /// Whether it is certain, without asking, that nobody else has it.
    pub(super) fn in_time(&self) -> Result<()> {
        let state = self.state();
        if state.lost || Instant::now() >= state.until {
            return Err(self.lost());
        }
        Ok(())
    }

    fn lost(&self) -> Failure {
        let what = format!(
            "the lock on the repository in {}/{} was lost",
            self.client.store(),
            self.client.bucket
        );
        Failure::new(Kind::Host, what)
            .note("it was not renewed in time, and another publisher may be at work")
            .hint(
                "run the same command again: what is published is whole, and the rest is taken up",
            )
    }

    /// Gives it back. Where that fails, it runs out.
    fn release(&self) {
        let mut state = self.state();
        if !state.lost {
            state.note.free = true;
            let tag = state.tag.clone();
            self.write(&mut state, "if-match", &tag).ok();
            state.lost = true;
        }
    }
}

fn tag(answer: &Answer) -> Result<String> {
    let tag = answer.header("etag").map(str::to_owned);
    tag.ok_or_else(|| {
        Failure::new(
            Kind::Host,
            "the object store gives no entity tags: there is no lock without them",
        )
    })
}

impl Lock {
    pub(super) fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.lease)
    }
}

impl Held for Lock {
    fn check(&self) -> Result<()> {
        self.lease.renew()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.beat.take());
        self.lease.release();
    }
}
