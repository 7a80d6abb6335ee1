//! Negative controls: each verdict comes when its cause is injected, and comes at once instead of at the time limit.

use libtest_mimic::{Failed, Trial};
use xtask::boot::scenario::Scenario;
use xtask::boot::verdict::Verdict;

use crate::lab::{Copy, told};

/// One control: what is done to the bundle and the scenario, and which verdict that must give.
struct Control {
    name: &'static str,
    injure: fn(&Copy, &mut Scenario),
    expect: fn(&Verdict) -> bool,
}

const CONTROLS: &[Control] = &[
    Control {
        name: "a kernel panic",
        injure: |copy, _| copy.append("rdinit=/nope"),
        expect: |verdict| matches!(verdict, Verdict::Panic { .. }),
    },
    Control {
        name: "a step of rcS that fails",
        injure: |copy, _| copy.append("control=eth7"),
        expect: |verdict| matches!(verdict, Verdict::GuestFailed { step, code: 21, .. } if step == "interface"),
    },
    Control {
        name: "no DHCP server",
        injure: |_, scenario| scenario.dhcp = false,
        expect: |verdict| matches!(verdict, Verdict::NoDhcp { .. }),
    },
    Control {
        name: "a kernel that is not there",
        injure: |copy, _| remove(copy, "vmlinuz-"),
        expect: |verdict| matches!(verdict, Verdict::LoadFailed { missing, .. } if missing.iter().any(|path| path.contains("vmlinuz-"))),
    },
    Control {
        name: "a module that is not there",
        injure: |copy, _| remove(copy, "ldlinux.c32"),
        expect: |verdict| matches!(verdict, Verdict::LoadFailed { .. }),
    },
    Control {
        name: "a line that never comes",
        injure: |_, scenario| scenario.expect = vec!["nobody says this".to_owned()],
        expect: |verdict| matches!(verdict, Verdict::ExpectationMissed { patterns } if patterns == &["nobody says this"]),
    },
    Control {
        name: "an init that hangs",
        injure: |copy, scenario| {
            copy.append("rdinit=/bin/sh");
            scenario.timeout = 15;
        },
        expect: |verdict| matches!(verdict, Verdict::TimedOut { stage: Some(_), .. }),
    },
    Control {
        name: "a clock that is not set",
        injure: |copy, scenario| {
            copy.append("ntp=off");
            scenario.ntp = true;
            scenario.clock = Some(
                serde_json::from_value(serde_json::json!({ "power-on": "2001-01-01T00:00:00Z" }))
                    .unwrap(),
            );
        },
        expect: |verdict| matches!(verdict, Verdict::WrongClock { .. }),
    },
    Control {
        name: "another end than expected",
        injure: |_, scenario| scenario.end = serde_json::from_value("local-boot".into()).unwrap(),
        expect: |verdict| matches!(verdict, Verdict::WrongEnd { .. }),
    },
];

fn remove(copy: &Copy, prefix: &str) {
    fs_err::remove_file(copy.file(prefix)).unwrap();
}

pub(crate) fn all() -> Vec<Trial> {
    CONTROLS
        .iter()
        .map(|control| {
            Trial::test(
                format!("control::{}", control.name.replace(' ', "_")),
                || run(control),
            )
        })
        .collect()
}

fn run(control: &Control) -> Result<(), Failed> {
    let copy = Copy::new()?;
    let mut scenario = Scenario::named("control");
    (control.injure)(&copy, &mut scenario);
    let outcome = copy.boot(scenario);
    if (control.expect)(&outcome.verdict) {
        return Ok(());
    }
    Err(told(&outcome))
}
