//! Judging again what was recorded in real boots (`tests/fixtures/boot/`, one folder each), and what those do not hold.

use std::path::Path;

use super::super::record::read;
use super::super::state::{End, Failed};
use super::*;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/boot");

fn fixture(name: &str) -> (Scenario, Vec<Happening>, Verdict) {
    read(&Path::new(FIXTURES).join(name)).unwrap()
}

fn line(at: f64, text: &str) -> Happening {
    let what = What::Line {
        port: Port::Console,
        text: text.to_owned(),
    };
    Happening { at, what }
}

fn plain_with(extra: &[Happening]) -> Verdict {
    let (scenario, mut happenings, _) = fixture("plain");
    let verdict = happenings.iter().position(|happening| {
        matches!(&happening.what, What::Line { text, .. } if text.contains("verdict ready"))
    });
    happenings.splice(
        verdict.unwrap() + 1..=verdict.unwrap(),
        extra.iter().cloned(),
    );
    replay(&scenario, 60.0, &happenings).unwrap().unwrap()
}

#[test]
fn every_recorded_boot_gets_its_verdict_again() {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(FIXTURES).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (scenario, happenings, verdict) = fixture(&name);
        let again = replay(&scenario, f64::from(scenario.timeout), &happenings).unwrap();
        assert_eq!(again, Some(verdict), "{name}");
        names.push(name);
    }
    assert!(names.len() > 10, "{names:?}");
}

#[test]
fn a_second_verdict_is_one_too_many() {
    let verdict = plain_with(&[line(2.0, "cordwainer: verdict ready")]);
    assert!(
        matches!(verdict, Verdict::TwoVerdicts { .. }),
        "{verdict:?}"
    );
}

#[test]
fn a_panic_after_the_verdict_counts() {
    let verdict = plain_with(&[line(
        2.0,
        "Kernel panic - not syncing: Attempted to kill init!",
    )]);
    assert!(matches!(verdict, Verdict::Panic { .. }), "{verdict:?}");
}

#[test]
fn what_an_oops_leads_to_does_not_hide_it() {
    let oops = line(
        2.0,
        "BUG: kernel NULL pointer dereference, address: 0000000000000000",
    );
    let panic = line(2.1, "Kernel panic - not syncing: Fatal exception");
    let verdict = plain_with(&[oops, panic]);
    assert!(matches!(verdict, Verdict::Oops { .. }), "{verdict:?}");
}

#[test]
fn a_machine_that_ends_after_its_verdict_did_not_pass() {
    let end = What::QemuEnded {
        end: "exit status 0".to_owned(),
        well: true,
        tail: Vec::new(),
    };
    let verdict = plain_with(&[Happening { at: 2.0, what: end }]);
    assert!(matches!(verdict, Verdict::QemuDied { .. }), "{verdict:?}");
    let verdict = plain_with(&[Happening {
        at: 2.0,
        what: What::PoweredOff,
    }]);
    assert_eq!(verdict, Verdict::PoweredOff);
}

#[test]
fn qemu_has_to_end_well() {
    let (scenario, mut happenings, _) = fixture("plain");
    let end = What::QemuEnded {
        end: "signal 11".to_owned(),
        well: false,
        tail: Vec::new(),
    };
    happenings.last_mut().unwrap().what = end;
    let verdict = replay(&scenario, 60.0, &happenings).unwrap();
    assert!(
        matches!(verdict, Some(Verdict::QemuDied { .. })),
        "{verdict:?}"
    );
}

#[test]
fn without_an_end_there_is_no_verdict() {
    let (scenario, happenings, _) = fixture("plain");
    for length in 0..happenings.len() - 2 {
        let verdict = replay(&scenario, 60.0, &happenings[..length]).unwrap();
        assert_eq!(verdict, None, "after {length} happenings");
    }
}

#[test]
fn another_scenario_sees_the_same_boot_otherwise() {
    let (plain, happenings, _) = fixture("plain");
    let judged = |change: fn(&mut Scenario)| {
        let mut scenario = plain.clone();
        change(&mut scenario);
        replay(&scenario, 60.0, &happenings).unwrap().unwrap()
    };
    let wrong_end = judged(|scenario| scenario.end = End::Failed("clock".into()).into());
    assert!(
        matches!(wrong_end, Verdict::WrongEnd { .. }),
        "{wrong_end:?}"
    );
    let missed = judged(|scenario| scenario.expect.push("version=9".to_owned()));
    assert_eq!(
        missed,
        Verdict::ExpectationMissed {
            patterns: vec!["version=9".to_owned()]
        }
    );
    let other_card = judged(|scenario| scenario.mac = "52:54:00:12:34:57".to_owned());
    assert!(
        matches!(other_card, Verdict::WrongConfigSearch { .. }),
        "{other_card:?}"
    );
}

#[test]
fn a_flood_is_ended() {
    let flood = Happening {
        at: 1.0,
        what: What::TooMuchOutput,
    };
    assert_eq!(
        replay(&Scenario::named("x"), 60.0, &[flood]).unwrap(),
        Some(Verdict::TooMuchOutput)
    );
}

/// Lines at 1 s, 1.1 s and so on, judged with what these fields wait for, until nothing more comes.
fn judged(fields: &str, lines: &[&str]) -> (Verdict, Option<State>) {
    let scenario: Scenario = toml::from_str(&format!("name = 'x'\n{fields}")).unwrap();
    let mut judge = Judge::new(&scenario, 60.0).unwrap();
    // Before that, lines are the firmware's.
    let (path, kind, end) = (String::new(), FileKind::Loader, TransferEnd::Sent);
    let what = What::Tftp { path, kind, end };
    judge.observe(&Happening { at: 0.5, what });
    let mut at = 1.0;
    for text in lines {
        judge.observe(&line(at, text));
        at += 0.1;
    }
    while judge.verdict().is_none() {
        let (at, what) = (judge.deadline(), What::Deadline);
        judge.observe(&Happening { at, what });
    }
    (judge.verdict().unwrap().clone(), judge.state().cloned())
}

const READY: &str = "cordwainer: verdict ready";
const CLOCK: &str = "cordwainer: verdict failed clock 50";
const LOCAL: &str = "cordwainer: verdict local-boot";
const PANIC: &str = "Kernel panic - not syncing: no init";
const MENU: &str = "Press [Tab] to edit options";
const NO_DHCP: &str = "No configuration methods succeeded";
const MISSING: &str = "Could not find kernel image: vmlinuz";

#[test]
fn every_state_passes_where_it_is_waited_for_and_fails_where_it_is_not() {
    let ends = [
        ("'ready'", READY),
        ("{ failed = 'clock' }", CLOCK),
        ("{ failed = { step = 'clock', code = 50 } }", CLOCK),
        ("'local-boot'", LOCAL),
        ("'panic'", PANIC),
        ("'menu'", MENU),
        ("'no-dhcp'", NO_DHCP),
        ("'load-failed'", MISSING),
    ];
    for (end, own) in ends {
        for (_, said) in ends {
            let (verdict, state) = judged(&format!("end = {end}"), &[said]);
            assert_eq!(verdict.passed(), said == own, "{end}: {said}: {verdict:?}");
            assert!(state.is_some(), "{end}: {said}");
            let timed_out = matches!(verdict, Verdict::TimedOut { .. });
            assert!(!timed_out, "{end}: {said}: {verdict:?}");
        }
    }
}

#[test]
fn of_a_list_whichever_comes_first_is_the_one_that_came() {
    let either = "end = ['ready', 'panic', { failed = 'clock' }]";
    assert_eq!(
        judged(either, &[READY]),
        (Verdict::Passed, Some(State::Ready))
    );
    assert_eq!(
        judged(either, &[PANIC]),
        (Verdict::Passed, Some(State::Panic))
    );
    let failed = State::Failed(Failed {
        step: "clock".to_owned(),
        code: 50,
    });
    assert_eq!(judged(either, &[CLOCK]), (Verdict::Passed, Some(failed)));
    // Both are waited for, but not one after the other.
    let (verdict, state) = judged(either, &[READY, PANIC]);
    assert!(matches!(verdict, Verdict::Panic { .. }), "{verdict:?}");
    assert_eq!(state, Some(State::Ready));
    let (verdict, _) = judged(either, &[READY, CLOCK]);
    assert!(
        matches!(verdict, Verdict::TwoVerdicts { .. }),
        "{verdict:?}"
    );
}

#[test]
fn lines_are_one_end_among_others() {
    let either = "expect = ['^login:']\nend = ['expected', { failed = {} }]";
    assert_eq!(
        judged(either, &["login:"]),
        (Verdict::Passed, Some(State::Expected))
    );
    assert!(judged(either, &[CLOCK]).0.passed());
    let (verdict, state) = judged(either, &[READY]);
    assert!(matches!(verdict, Verdict::WrongEnd { .. }), "{verdict:?}");
    assert_eq!(state, Some(State::Ready));
    let (verdict, state) = judged(either, &["hello"]);
    assert!(matches!(verdict, Verdict::TimedOut { .. }), "{verdict:?}");
    assert_eq!(state, None);
}

#[test]
fn a_menu_that_nobody_waits_for_is_not_waited_out() {
    let scenario = Scenario::named("x");
    let mut judge = Judge::new(&scenario, 60.0).unwrap();
    judge.observe(&line(1.0, MENU));
    judge.observe(&line(2.0, "Automatic boot in 3 seconds..."));
    assert!((judge.deadline() - 7.0).abs() < 1e-9);
    judge.observe(&line(3.0, READY));
    assert!((judge.deadline() - 3.25).abs() < 1e-9);
}

/// A ready machine whose reporter tells this, half a second after it.
fn reported(fields: &str, told: &[Report]) -> Verdict {
    let scenario: Scenario = toml::from_str(&format!("name = 'x'\n{fields}")).unwrap();
    let mut judge = Judge::new(&scenario, 60.0).unwrap();
    judge.observe(&line(1.0, READY));
    for report in told {
        if judge.deadline() < 1.5 {
            break;
        }
        let (mac, report) = (scenario.mac_of(0), report.clone());
        let what = What::Reported { mac, report };
        judge.observe(&Happening { at: 1.5, what });
    }
    let (at, what) = (judge.deadline(), What::Deadline);
    judge.observe(&Happening { at, what });
    judge.verdict().unwrap().clone()
}

#[test]
fn a_report_is_waited_for_where_it_is_asked_for() {
    let told = [Report::Code(0), Report::Ready];
    assert_eq!(reported("report = true", &told), Verdict::Passed);
    assert_eq!(reported("", &[]), Verdict::Passed);
    let verdict = reported("report = true", &told[..1]);
    assert!(
        matches!(verdict, Verdict::WrongReport { .. }),
        "{verdict:?}"
    );
    let failed = [Report::Code(50), Report::Failed("clock".to_owned())];
    let verdict = reported("report = true", &failed);
    assert!(
        matches!(verdict, Verdict::ReportsDisagree { .. }),
        "{verdict:?}"
    );
}

#[test]
fn a_report_that_the_console_knows_nothing_of_is_no_end() {
    let scenario = Scenario::named("x");
    let mut judge = Judge::new(&scenario, 60.0).unwrap();
    let (mac, report) = (scenario.mac_of(0), Report::Ready);
    let what = What::Reported { mac, report };
    judge.observe(&Happening { at: 1.0, what });
    let (at, what) = (judge.deadline(), What::Deadline);
    assert!(at < 10.0);
    judge.observe(&Happening { at, what });
    let verdict = judge.verdict().unwrap();
    assert!(
        matches!(verdict, Verdict::ReportsDisagree { .. }),
        "{verdict:?}"
    );
}

#[test]
fn only_a_network_that_fails_on_purpose_may_lead_to_the_disk() {
    let verdict = |dhcp| {
        let scenario = Scenario {
            dhcp,
            end: End::LocalBoot.into(),
            ..Scenario::named("x")
        };
        let lines = [
            line(1.0, "Retry time exceeded; starting again"),
            line(1.1, protocol::LOCAL_BOOT),
            Happening {
                at: 2.0,
                what: What::Deadline,
            },
        ];
        replay(&scenario, 60.0, &lines).unwrap()
    };
    assert_eq!(verdict(false), Some(Verdict::Passed));
    assert!(matches!(verdict(true), Some(Verdict::NoDhcp { .. })));
}
