//! What is said, and the verdict it brings.

use std::sync::Mutex;

use xtask::boot::protocol::GuestVerdict;
use xtask::boot::run;
use xtask::boot::verdict::Verdict;
use xtask::event::{Deaf, Event, Listen};

use crate::support::{job, place, verdict};

#[test]
fn ready_passes() {
    let verdict = verdict(
        "cordwainer: image name=x\ncordwainer: verdict ready",
        "expect = ['name=x$']",
    );
    assert_eq!(verdict, Verdict::Passed);
}

#[test]
fn the_guests_failure_is_passed_on() {
    let said = "cordwainer: step dhcp failed 40 no lease\ncordwainer: verdict failed dhcp 40";
    let (step, why) = ("dhcp".to_owned(), "no lease".to_owned());
    assert_eq!(
        verdict(said, ""),
        Verdict::GuestFailed {
            step,
            code: 40,
            why
        }
    );
    assert_eq!(verdict(said, "end = { failed = 'dhcp' }"), Verdict::Passed);
}

#[test]
fn a_panic_is_not_waited_out() {
    let line = "Kernel panic - not syncing: Attempted to kill init!".to_owned();
    assert_eq!(verdict(&line, ""), Verdict::Panic { line });
}

#[test]
fn an_oops_is_not_waited_out() {
    let line = "BUG: unable to handle page fault for address: 0".to_owned();
    assert_eq!(verdict(&line, ""), Verdict::Oops { line });
}

#[test]
fn silence_runs_into_the_time_limit() {
    let Verdict::TimedOut { last_line, .. } = verdict("hello", "timeout = 5") else {
        panic!()
    };
    assert_eq!(last_line, "hello");
}

#[test]
fn two_verdicts_are_one_too_many() {
    let (first, second) = (GuestVerdict::Ready, GuestVerdict::LocalBoot);
    let said = "cordwainer: verdict ready\ncordwainer: verdict local-boot";
    assert_eq!(verdict(said, ""), Verdict::TwoVerdicts { first, second });
}

#[test]
fn what_is_expected_has_to_show() {
    let patterns = vec!["version=2".to_owned()];
    assert_eq!(
        verdict("cordwainer: verdict ready", "expect = ['version=2']"),
        Verdict::ExpectationMissed { patterns }
    );
}

#[test]
fn lines_are_enough_where_nothing_else_is_said() {
    assert_eq!(
        verdict("Welcome", "end = 'expected'\nexpect = ['^Welcome$']"),
        Verdict::Passed
    );
}

#[test]
fn after_a_reset_it_has_to_come_up_again() {
    let place = place("cordwainer: verdict ready");
    let outcome = run(&job(place.path(), "reboots = 1"), &Deaf).unwrap();
    assert_eq!(
        (outcome.verdict, outcome.timeline.boots.len()),
        (Verdict::Passed, 2)
    );
}

#[test]
fn the_clock_is_what_the_scenario_says() {
    let said = "cordwainer: rtc 2001-01-01T00:00:01Z\ncordwainer: verdict ready";
    assert_eq!(
        verdict(said, "clock = { power-on = '2001-01-01T00:00:00Z' }"),
        Verdict::Passed
    );
    let other = verdict(said, "clock = { power-on = '2011-01-01T00:00:00Z' }");
    assert!(matches!(other, Verdict::WrongClock { .. }), "{other:?}");
}

#[test]
fn the_lease_is_the_one_that_was_given() {
    let said = |ip: &str| format!("cordwainer: step dhcp ok {ip}/24\ncordwainer: verdict ready");
    assert_eq!(
        verdict(&said("10.77.0.10"), "lease = true"),
        Verdict::Passed
    );
    let other = verdict(&said("10.77.0.99"), "lease = true");
    assert!(matches!(other, Verdict::WrongLease { .. }), "{other:?}");
}

#[test]
fn without_dhcp_the_firmware_gives_up() {
    let verdict = verdict("cordwainer: verdict ready", "dhcp = false");
    assert!(matches!(verdict, Verdict::NoDhcp { .. }), "{verdict:?}");
}

/// Keeps what it is warned of.
#[derive(Default)]
struct Warned(Mutex<Vec<String>>);

impl Listen for Warned {
    fn hear(&self, event: Event) {
        if let Event::Warning(text) = event {
            self.0.lock().unwrap().push(text);
        }
    }
}

#[test]
fn qemus_own_network_boots_too_but_cannot_show_everything() {
    let place = place("cordwainer: verdict ready");
    let mut job = job(place.path(), "lease = true");
    job.network = Some(xtask::boot::happening::Network::User);
    let warned = Warned::default();
    assert_eq!(run(&job, &warned).unwrap().verdict, Verdict::Passed);
    assert_eq!(
        warned.0.into_inner().unwrap(),
        ["test: not checked in QEMU's own network: lease"]
    );
    // What it cannot do at all is no boot that could pass.
    job.scenario.ntp = true;
    let fields = vec!["ntp".to_owned()];
    assert_eq!(
        run(&job, &Deaf).unwrap().verdict,
        Verdict::NotCheckable { fields }
    );
}
