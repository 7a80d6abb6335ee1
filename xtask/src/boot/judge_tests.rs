//! Judging again what was recorded in real boots (`tests/fixtures/boot/`, one folder each), and what those do not hold.

use std::path::Path;

use super::super::record::read;
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
    let wrong_end = judged(|scenario| scenario.end = End::Failed("clock".to_owned()));
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

#[test]
fn only_a_network_that_fails_on_purpose_may_lead_to_the_disk() {
    let verdict = |dhcp| {
        let scenario = Scenario {
            dhcp,
            end: End::LocalBoot,
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
