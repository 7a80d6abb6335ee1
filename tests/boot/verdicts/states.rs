//! States and attempts: what is waited for, what is waited for in vain, and what is tried again.

use std::sync::Mutex;

use xtask::boot::disk::speaking;
use xtask::boot::run;
use xtask::boot::state::State;
use xtask::boot::verdict::Verdict;
use xtask::event::{Deaf, Event, Listen};

use crate::support::{job, place};

const READY: &str = "cordwainer: verdict ready";
const FAILED: &str = "cordwainer: verdict failed clock 50";
const PANIC: &str = "Kernel panic - not syncing: no init";
const MENU: &str = "Press [Tab] to edit options";

/// What is said, what is waited for, whether that passes, and the state.
const CASES: &[(&str, &str, bool, &str)] = &[
    (READY, "['ready', 'panic']", true, "ready"),
    (PANIC, "['ready', 'panic']", true, "panic"),
    (
        FAILED,
        "['ready', { failed = {} }]",
        true,
        "failed clock 50",
    ),
    (FAILED, "['ready', 'panic']", false, "failed clock 50"),
    (MENU, "'menu'", true, "menu"),
    (MENU, "'ready'", false, "menu"),
    (READY, "'menu'", false, "ready"),
];

#[test]
fn whichever_state_comes_is_named_and_judged() {
    for (said, end, passes, state) in CASES {
        let place = place(said);
        let outcome = run(&job(place.path(), &format!("end = {end}")), &Deaf).unwrap();
        assert_eq!(
            outcome.verdict.passed(),
            *passes,
            "{said}: {end}: {outcome:?}"
        );
        let came = outcome.state.map(|state| state.to_string());
        assert_eq!(came.as_deref(), Some(*state), "{said}: {end}");
        let timed_out = matches!(outcome.verdict, Verdict::TimedOut { .. });
        assert!(!timed_out, "{said}: {end}");
    }
}

/// Mends the bundle as soon as it is said that the boot is made again, and counts how often that was.
struct Mender<'a> {
    place: &'a std::path::Path,
    says: &'a str,
    heard: Mutex<u32>,
}

impl Listen for Mender<'_> {
    fn hear(&self, event: Event) {
        if matches!(event, Event::Warning(ref said) if said.contains("is made again")) {
            *self.heard.lock().unwrap() += 1;
            let bytes = speaking(&format!("\r\n{}\r\n", self.says));
            fs_err::write(self.place.join("bundle/nbp"), bytes).unwrap();
        }
    }
}

/// Boots what says one thing at first and another when it is made again; returns how often it was, and what came of it.
fn tried(first: &str, then: &str, fields: &str) -> (u32, xtask::boot::Outcome, tempfile::TempDir) {
    let place = place(first);
    let mender = Mender {
        place: place.path(),
        says: then,
        heard: Mutex::new(0),
    };
    let outcome = run(&job(place.path(), fields), &mender).unwrap();
    (mender.heard.into_inner().unwrap(), outcome, place)
}

#[test]
fn what_passes_the_second_time_is_said_to_have_done_so() {
    let (again, outcome, _place) = tried("hello", READY, "timeout = 4\nretry = {}");
    assert_eq!((again, &outcome.verdict), (1, &Verdict::Passed));
    assert!(outcome.flaky());
    assert_eq!(outcome.state, Some(State::Ready));
    let [first] = outcome.before.as_slice() else {
        panic!("{outcome:?}")
    };
    assert!(matches!(first.verdict, Verdict::TimedOut { .. }));
    assert_eq!(first.state, None);
    // Each has its own record.
    for (record, said) in [(&first.record, "hello"), (&outcome.record, READY)] {
        let console = fs_err::read_to_string(record.join("console.log")).unwrap();
        assert!(console.contains(said), "{}: {console}", record.display());
    }
    assert_eq!(first.record.file_name().unwrap(), "test~1");
}

#[test]
fn the_last_attempt_decides() {
    let (again, outcome, _place) = tried("hello", PANIC, "timeout = 4\nretry = { virtual = 3 }");
    assert_eq!(again, 1);
    assert!(
        matches!(outcome.verdict, Verdict::Panic { .. }),
        "{outcome:?}"
    );
    assert!(!outcome.flaky() && outcome.before.len() == 1);
}

#[test]
fn what_no_policy_names_is_never_tried_again() {
    let never = [
        ("hello", "timeout = 4"),
        (
            "hello",
            "timeout = 4\nretry = { virtual = 0, physical = 3 }",
        ),
        ("hello", "timeout = 4\nretry = { on = ['panic'] }"),
        (PANIC, "retry = { virtual = 3 }"),
        (FAILED, "retry = { virtual = 3 }"),
        (READY, "retry = { virtual = 3, on = ['failed', 'panic'] }"),
    ];
    for (said, fields) in never {
        let (again, outcome, _place) = tried(said, READY, fields);
        assert_eq!((again, outcome.before.len()), (0, 0), "{said}: {fields}");
        assert!(!outcome.flaky(), "{said}: {fields}");
    }
}

#[test]
fn what_it_does_wrong_is_tried_again_where_that_is_asked_for() {
    let fields = "retry = { virtual = 2, on = ['failed'] }";
    let (again, outcome, place) = tried(FAILED, FAILED, fields);
    assert_eq!((again, outcome.before.len()), (2, 2));
    assert!(matches!(outcome.verdict, Verdict::GuestFailed { .. }));
    // The next run forgets them.
    fs_err::write(
        place.path().join("bundle/nbp"),
        speaking(&format!("\r\n{READY}\r\n")),
    )
    .unwrap();
    run(&job(place.path(), fields), &Deaf).unwrap();
    let left = fs_err::read_dir(place.path().join("records")).unwrap();
    assert_eq!(left.count(), 1);
}
