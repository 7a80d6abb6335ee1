//! How states are written in recipes, and which of them end a wait well.

use super::*;
use crate::boot::scenario::Scenario;

fn ends(text: &str) -> Result<Ends, String> {
    let scenario: Result<Scenario, _> = toml::from_str(&format!("name = 'x'\nend = {text}"));
    scenario
        .map(|scenario| scenario.end)
        .map_err(|error| error.message().to_owned())
}

fn failed(step: &str, code: u32) -> State {
    State::Failed(Failed {
        step: step.to_owned(),
        code,
    })
}

fn states() -> Vec<State> {
    vec![
        State::Ready,
        failed("clock", 50),
        State::LocalBoot,
        State::Panic,
        State::Menu,
        State::NoDhcp,
        State::LoadFailed,
        State::NothingToBoot,
        State::Expected,
    ]
}

/// Everything that can be written, and the states that it takes.
const WRITTEN: &[(&str, &[&str])] = &[
    ("'ready'", &["ready"]),
    ("['ready']", &["ready"]),
    ("['ready', 'local-boot']", &["ready", "local-boot"]),
    ("'panic'", &["panic"]),
    ("'menu'", &["menu"]),
    ("'expected'", &["expected"]),
    ("['no-dhcp', 'load-failed']", &["no-dhcp", "load-failed"]),
    ("'nothing-to-boot'", &["nothing-to-boot"]),
    ("{ failed = 'clock' }", &["failed clock 50"]),
    ("{ failed = 'dhcp' }", &[]),
    (
        "{ failed = { step = 'clock', code = 50 } }",
        &["failed clock 50"],
    ),
    ("{ failed = { step = 'clock', code = 51 } }", &[]),
    ("{ failed = { code = 50 } }", &["failed clock 50"]),
    ("{ failed = {} }", &["failed clock 50"]),
    (
        "['ready', { failed = 'clock' }, 'menu']",
        &["ready", "failed clock 50", "menu"],
    ),
    ("[{ failed = {} }, { failed = 'x' }]", &["failed clock 50"]),
];

#[test]
fn each_way_to_write_it_takes_its_states_and_no_others() {
    for (text, expected) in WRITTEN {
        let ends = ends(text).unwrap();
        let taken = states().into_iter().filter(|state| ends.take(state));
        let taken: Vec<String> = taken.map(|state| state.to_string()).collect();
        assert_eq!(taken, *expected, "{text}");
    }
}

#[test]
fn what_is_written_out_is_read_again() {
    for (text, _) in WRITTEN {
        let scenario = Scenario {
            end: ends(text).unwrap(),
            ..Scenario::named("x")
        };
        let written = toml::to_string_pretty(&scenario).unwrap();
        assert_eq!(
            toml::from_str::<Scenario>(&written).unwrap(),
            scenario,
            "{written}"
        );
        let json = serde_json::to_string(&scenario).unwrap();
        assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), scenario);
    }
    let one = toml::to_string(&Scenario::named("x")).unwrap();
    assert!(one.contains("end = \"ready\"\n"), "{one}");
}

#[test]
fn a_state_is_written_as_a_scenario_would_that_waits_for_it() {
    for state in states() {
        let json = serde_json::to_string(&state).unwrap();
        let ends: Ends = serde_json::from_str(&json).unwrap();
        assert!(ends.take(&state), "{json}");
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_word() {
    let wrong = [
        ("[]", "at least one state"),
        ("'redy'", "redy"),
        ("1", "a state or a list of states"),
        ("['ready', 1]", "string or table"),
        ("{ failed = 1 }", "the name of a step"),
        ("{ failed = { stop = 'x' } }", "stop"),
        ("{ failed = { code = -1 } }", "-1"),
        ("{ ready = 1 }", "unit"),
    ];
    for (text, said) in wrong {
        let error = ends(text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}

/// Each state against each thing that can be waited for: it passes just where it is among them, and what it is otherwise names both.
#[test]
fn what_nobody_waits_for_is_an_end_all_the_same() {
    for (text, _) in WRITTEN {
        let ends = ends(text).unwrap();
        for state in states() {
            match ends.judge(Some(&state), "no answer") {
                Ok(()) => assert!(ends.take(&state), "{text}: {state}"),
                Err(Verdict::GuestFailed { step, code, why }) => {
                    assert_eq!((failed(&step, code), &*why), (state, "no answer"));
                }
                Err(Verdict::WrongEnd { expected, got }) => {
                    assert_eq!((expected, got), (ends.to_string(), state.to_string()));
                    assert!(!ends.take(&state), "{text}: {state}");
                }
                Err(other) => panic!("{text}: {state}: {other:?}"),
            }
        }
        assert!(ends.judge(None, "").is_err());
    }
}
