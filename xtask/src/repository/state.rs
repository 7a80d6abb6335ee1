//! What we know about a suite beside what is signed: since when a file is in no index any more. It decides nothing that clients rely on; where it is lost, all
//! that is in no index counts as having left it just now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All files are looked through for those that nobody needs as often as this, in seconds: killed publishers leave some.
const SWEEP: i64 = 86_400;

/// Since when files are in no index any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct State {
    /// When all files were looked through, seconds since 1970-01-01 00:00:00 UTC.
    pub(super) swept: i64,
    /// The files that are in no index any more, and since when.
    pub(super) left: BTreeMap<String, i64>,
}

impl State {
    /// Reads it; one that was lost or damaged is that of a suite that was never looked through.
    #[must_use]
    pub(super) fn read(bytes: Option<&[u8]>) -> Self {
        bytes
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .unwrap_or_default()
    }

    /// Its text.
    #[must_use]
    pub(super) fn text(&self) -> Vec<u8> {
        // A map of strings and numbers can be written.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Whether all files are to be looked through. A clock that was ahead once is no reason to wait for it.
    #[must_use]
    pub(super) fn sweep_is_due(&self, now: i64) -> bool {
        !(self.swept..self.swept.saturating_add(SWEEP)).contains(&now)
    }

    /// Notes files that were published until now. Some may have been noted before, and published again since.
    pub(super) fn leave_now(&mut self, names: impl IntoIterator<Item = String>, now: i64) {
        self.left.extend(names.into_iter().map(|name| (name, now)));
    }

    /// Notes files that nobody needs, and nobody may have needed for a while.
    pub(super) fn leave(&mut self, names: impl IntoIterator<Item = String>, now: i64) {
        for name in names {
            let since = self.left.entry(name).or_insert(now);
            *since = (*since).min(now);
        }
    }

    /// The files that nobody has needed for so long.
    pub(super) fn due(&self, now: i64, grace: i64) -> impl Iterator<Item = &str> {
        let due = move |since: i64| now.saturating_sub(since) >= grace;
        let left = self.left.iter();
        left.filter(move |(_, since)| due(**since))
            .map(|(name, _)| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_due_after_the_grace_time() {
        let mut state = State::default();
        state.leave(["a".to_owned()], 1000);
        state.leave(["a".to_owned(), "b".to_owned()], 2000);
        let due = |now| state.due(now, 500).collect::<Vec<_>>();
        assert_eq!(due(1499), Vec::<&str>::new());
        assert_eq!(due(1500), ["a"]);
        assert_eq!(due(2500), ["a", "b"]);
    }

    #[test]
    fn a_clock_that_was_ahead_is_forgotten() {
        let mut state = State {
            swept: i64::MAX,
            ..State::default()
        };
        assert!(state.sweep_is_due(1000));
        state.leave(["a".to_owned()], i64::MAX);
        state.leave(["a".to_owned()], 1000);
        assert_eq!(state.due(1010, 10).count(), 1);
        assert_eq!(state.due(i64::MIN, 10).count(), 0);
    }

    #[test]
    fn a_damaged_state_is_a_lost_one() {
        let state = State {
            swept: 5,
            left: BTreeMap::from([("a".to_owned(), 7)]),
        };
        assert_eq!(State::read(Some(&state.text())), state);
        for damaged in [&b""[..], b"{", b"[]", b"{\"swept\": 5}"] {
            assert_eq!(State::read(Some(damaged)), State::default());
        }
        assert!(State::default().sweep_is_due(1_795_156_200));
    }
}
