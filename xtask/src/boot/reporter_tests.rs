//! What is taken of what is posted, and when it and the console agree.

use super::*;
use crate::boot::scenario::End;

const MAC: &str = "52:54:00:12:34:56";

fn posted(what: &str, body: &[u8]) -> Result<Report, Refusal> {
    parse(&format!("/report/{MAC}/{what}"), body).map(|posted| posted.report)
}

#[test]
fn what_a_reporter_posts_is_understood() {
    assert_eq!(posted("code", b"50\n"), Ok(Report::Code(50)));
    assert_eq!(posted("state", b"ready\n"), Ok(Report::Ready));
    let failed = Report::Failed("clock".to_owned());
    assert_eq!(posted("state", b"failed clock"), Ok(failed));
    let (bytes, cut) = (4, false);
    assert_eq!(posted("log", b"a\nb\n"), Ok(Report::Log { bytes, cut }));
    let posted = parse("/report/52:54:00:AB:CD:EF/log", b"a\xff").unwrap();
    assert_eq!(posted.mac, "52:54:00:ab:cd:ef");
    assert_eq!(posted.log.as_deref(), Some("a\u{fffd}"));
}

#[test]
fn a_log_that_was_cut_says_so_on_a_line_of_its_own() {
    let cut = |log: &str| match posted("log", log.as_bytes()) {
        Ok(Report::Log { cut, .. }) => cut,
        other => panic!("{other:?}"),
    };
    assert!(cut("a\n[... 4711 bytes are left out here ...]\nb\n"));
    assert!(!cut("a\nsaid: [... 4711 bytes are left out here ...]\nb\n"));
    assert!(!cut("[... many bytes are left out here ...]"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = [
        ("code", &b"fifty"[..], Refusal::BadRequest),
        ("code", b"+5", Refusal::BadRequest),
        ("code", b"", Refusal::BadRequest),
        ("code", b"99999999999", Refusal::BadRequest),
        ("state", b"", Refusal::BadRequest),
        ("state", b"failed", Refusal::BadRequest),
        ("state", b"failed a b", Refusal::BadRequest),
        ("state", b"\xff", Refusal::BadRequest),
        ("mood", b"good", Refusal::NotFound),
        ("log/x", b"", Refusal::NotFound),
        ("", b"", Refusal::NotFound),
        ("state", &[b'a'; 201], Refusal::ContentTooLarge),
        ("log", &[b'a'; MOST + 1], Refusal::ContentTooLarge),
    ];
    for (what, body, refusal) in refused {
        assert_eq!(posted(what, body), Err(refusal), "{what}");
    }
    let nowhere = [
        "/report/52:54:00:12:34/state",
        "/report/52:54:00:12:34:5g/state",
        "/report/52-54-00-12-34-56/state",
        "/report//state",
        "/other/52:54:00:12:34:56/state",
        "/report",
        "",
    ];
    for path in nowhere {
        assert_eq!(parse(path, b"ready"), Err(Refusal::NotFound), "{path}");
    }
}

const fn log() -> Report {
    let (bytes, cut) = (1, false);
    Report::Log { bytes, cut }
}

fn failed(step: &str) -> Report {
    Report::Failed(step.to_owned())
}

fn judged(demanded: bool, told: &[Report], came: Option<&State>) -> Result<(), Verdict> {
    let scenario = Scenario {
        report: demanded,
        ..Scenario::named("x")
    };
    let mut reports = Reports::default();
    for report in told {
        reports.add(MAC, report);
    }
    reports.judge(&scenario, came)
}

fn clock() -> State {
    State::Failed(Failed {
        step: "clock".to_owned(),
        code: 50,
    })
}

#[test]
fn what_is_demanded_has_to_come_whole_and_in_order() {
    let ready = [Report::Code(0), Report::Ready];
    let clock_failed = [log(), Report::Code(50), failed("clock")];
    let twice = [
        log(),
        log(),
        Report::Code(50),
        failed("clock"),
        failed("clock"),
    ];
    let fine: &[(&[Report], State)] = &[
        (&ready, State::Ready),
        (&clock_failed, clock()),
        (&twice, clock()),
        (&ready, State::Expected),
        (&clock_failed, State::Expected),
        // Nobody can report these.
        (&[], State::Panic),
        (&[], State::Menu),
        (&[], State::LocalBoot),
    ];
    for (told, came) in fine {
        assert_eq!(judged(true, told, Some(came)), Ok(()), "{told:?} {came}");
    }
    let wrong: &[(&[Report], State)] = &[
        (&[], State::Ready),
        (&[Report::Ready], State::Ready),
        (&[Report::Ready, Report::Code(0)], State::Ready),
        (&[], clock()),
        (&[Report::Code(50), failed("clock")], clock()),
        (&[log(), failed("clock"), Report::Code(50)], clock()),
        (&[Report::Code(50), log(), failed("clock")], clock()),
        (&[log(), Report::Code(50)], clock()),
        (&[], State::Expected),
    ];
    for (told, came) in wrong {
        let verdict = judged(true, told, Some(came));
        assert!(
            matches!(verdict, Err(Verdict::WrongReport { .. })),
            "{told:?} {came}: {verdict:?}"
        );
        assert_eq!(judged(false, told, Some(came)), Ok(()), "{told:?} {came}");
    }
}

#[test]
fn console_and_reporter_must_not_contradict_each_other() {
    let contradictions: &[(&[Report], Option<State>)] = &[
        (&[Report::Code(0), Report::Ready], Some(clock())),
        (&[Report::Code(50), failed("clock")], Some(State::Ready)),
        (&[Report::Code(50), failed("rtc")], Some(clock())),
        (&[Report::Code(51), failed("clock")], Some(clock())),
        (&[Report::Code(7), Report::Ready], Some(State::Ready)),
        (&[Report::Ready], None),
        (&[Report::Ready], Some(State::Panic)),
        (&[Report::Ready], Some(State::LocalBoot)),
        // The last one counts.
        (&[Report::Ready, failed("clock")], Some(State::Ready)),
    ];
    for (told, came) in contradictions {
        for demanded in [false, true] {
            let verdict = judged(demanded, told, came.as_ref());
            assert!(
                matches!(verdict, Err(Verdict::ReportsDisagree { .. })),
                "{told:?} {came:?}: {verdict:?}"
            );
        }
    }
    let Err(said) = judged(false, &[Report::Code(0), Report::Ready], Some(&clock())) else {
        panic!()
    };
    assert_eq!(
        said.sentence(),
        "the console says `failed clock 50`, but the reporter told `ready code 0` by HTTP"
    );
}

#[test]
fn a_reporter_has_to_be_of_this_machine() {
    let mut reports = Reports::default();
    reports.add("52:54:00:99:99:99", &Report::Ready);
    let verdict = reports.judge(&Scenario::named("x"), Some(&State::Ready));
    assert!(
        matches!(&verdict, Err(Verdict::WrongReport { what }) if what.contains("99:99:99")),
        "{verdict:?}"
    );
    let second = Scenario {
        mac: "52:54:00:99:99:98".to_owned(),
        nics: 2,
        end: End::Ready.into(),
        ..Scenario::named("x")
    };
    assert_eq!(reports.judge(&second, Some(&State::Ready)), Ok(()));
}
