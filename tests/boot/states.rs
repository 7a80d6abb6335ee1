//! The states that a boot can come to, each where it is waited for and where it is not, and what the image's reporter tells of them.

use libtest_mimic::{Failed, Trial};
use xtask::boot::scenario::Scenario;
use xtask::image::newc;
use xtask::image::tree::{Entry, FileTree, Origin};

use crate::lab::{Copy, told};
use crate::project::Project;

/// One boot: what is done to the bundle, the fields of the scenario, what the verdict begins with, and the state.
struct Case {
    name: &'static str,
    injure: fn(&Copy),
    /// Tables of the recipe beside the demo's.
    tables: &'static str,
    fields: &'static str,
    verdict: &'static str,
    state: &'static str,
    /// What the boot log of the record has lines of, in this order; none where there is to be no log.
    log: &'static [&'static str],
}

const PLAIN: Case = Case {
    name: "",
    injure: |_| (),
    tables: "",
    fields: "",
    verdict: PASSED,
    state: "\"ready\"",
    log: &[],
};

const PASSED: &str = "{\"verdict\":\"passed\"";
const CLOCK: &str = r#"{"failed":{"step":"clock","code":50}}"#;

const CASES: &[Case] = &[
    Case {
        name: "a step that failed with its code",
        injure: |copy| copy.append("control=eth7"),
        fields: "end = ['ready', { failed = { step = 'interface', code = 21 } }]",
        state: r#"{"failed":{"step":"interface","code":21}}"#,
        ..PLAIN
    },
    Case {
        name: "a step that failed with another code",
        injure: |copy| copy.append("control=eth7"),
        fields: "end = { failed = { step = 'interface', code = 22 } }",
        verdict: r#"{"verdict":"guest-failed","step":"interface","code":21"#,
        state: r#"{"failed":{"step":"interface","code":21}}"#,
        ..PLAIN
    },
    Case {
        name: "a panic among others",
        injure: |copy| copy.append("rdinit=/nope"),
        fields: "end = ['ready', 'panic']",
        state: "\"panic\"",
        ..PLAIN
    },
    Case {
        name: "a local disk that nobody waits for",
        fields: "config = 'pxelinux.cfg/localboot'\ndisk = 'bootable'",
        verdict: r#"{"verdict":"wrong-end","expected":"ready","got":"local-boot""#,
        state: "\"local-boot\"",
        ..PLAIN
    },
    Case {
        name: "a menu",
        tables: MENU,
        fields: "end = ['menu', 'ready']",
        state: "\"menu\"",
        ..PLAIN
    },
    Case {
        name: "a menu that nobody waits for",
        tables: MENU,
        fields: "timeout = 600", // which is not waited out
        verdict: r#"{"verdict":"wrong-end","expected":"ready","got":"menu""#,
        state: "\"menu\"",
        ..PLAIN
    },
    Case {
        name: "a menu that is answered",
        tables: MENU,
        fields: r#"answer = [{ when = 'Press \[Tab\]', type = "\r" }]"#,
        ..PLAIN
    },
    Case {
        name: "a kernel that is not there",
        injure: |copy| fs_err::remove_file(copy.file("vmlinuz-")).unwrap(),
        fields: "end = ['ready', 'load-failed']",
        state: "\"load-failed\"",
        ..PLAIN
    },
    Case {
        name: "a failure that is reported",
        injure: |copy| copy.append(NO_CLOCK),
        fields: "report = true\nend = { failed = 'clock' }",
        state: CLOCK,
        log: &[
            "== kernel",
            "== commands",
            "== steps",
            "cordwainer: step clock failed 50",
        ],
        ..PLAIN
    },
    Case {
        name: "a log that is too long",
        injure: |copy| {
            copy.append(NO_CLOCK);
            add(copy, "before-network/00-flood", FLOOD);
        },
        fields: "report = true\nend = { failed = 'clock' }",
        state: CLOCK,
        log: &[
            "== kernel",
            " bytes are left out here ...]",
            "== steps",
            "cordwainer: step clock failed 50",
        ],
        ..PLAIN
    },
    Case {
        name: "a report to a server that is dead",
        injure: |copy| copy.append("report=http://10.77.0.1:9"),
        ..PLAIN
    },
    Case {
        name: "a report that is demanded and does not come",
        injure: |copy| copy.append("report=http://10.77.0.99"),
        fields: "report = true\ntimeout = 30",
        verdict: r#"{"verdict":"wrong-report","what":"the reporter told nothing, but should have told code, state"#,
        ..PLAIN
    },
    Case {
        name: "a report that is switched off",
        injure: |copy| copy.append("report=off"),
        fields: "report = true\ntimeout = 20",
        verdict: r#"{"verdict":"wrong-report","what":"the reporter told nothing"#,
        ..PLAIN
    },
    Case {
        name: "a reporter that says something else than the console",
        injure: |copy| add(copy, "after-verdict/90-report", "report-boot clock 50\n"),
        fields: "report = true",
        verdict: r#"{"verdict":"reports-disagree","console":"ready","reported":"failed clock code 50""#,
        log: &["== kernel"],
        ..PLAIN
    },
];

/// A menu that waits for ever.
const MENU: &str = "[bundle.menu]\ntitle = 'Choose'\ntimeout = 0\n";

/// A time server that is not there.
const NO_CLOCK: &str = "ntp=10.77.0.99 clock_wait=1";

/// Into the log of rcS, which is its standard output.
const FLOOD: &str =
    "i=0\nwhile [ $i -lt 20000 ]; do\n    echo \"flood $i\"\n    i=$((i + 1))\ndone\n";

/// Puts a file of `/etc/rcS.d` into the image, in an archive behind it.
fn add(copy: &Copy, path: &str, text: &str) {
    let initramfs = copy.file("initramfs-");
    let mut bytes = fs_err::read(&initramfs).unwrap();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let mut tree = FileTree::default();
    let what = "a test".to_owned();
    let file = Entry::file(text.as_bytes().to_vec(), false, Origin::Generated { what });
    tree.add(format!("etc/rcS.d/{path}").parse().unwrap(), file)
        .unwrap();
    tree.fill_parents(0o755);
    newc::write(&tree, 0, &mut bytes).unwrap();
    fs_err::write(initramfs, bytes).unwrap();
}

pub(crate) fn all() -> Vec<Trial> {
    let trial = |case: &'static Case| {
        let name = format!("states::{}", case.name.replace(' ', "_"));
        Trial::test(name, || run(case))
    };
    CASES.iter().map(trial).collect()
}

fn run(case: &Case) -> Result<(), Failed> {
    let copy = match case.tables {
        "" => Copy::new()?,
        tables => Copy::of(&Project::demo(tables).build("demo")?)?,
    };
    (case.injure)(&copy);
    let scenario: Scenario = toml::from_str(&format!("name = 'state'\n{}", case.fields))?;
    let outcome = copy.boot(scenario);
    let state = serde_json::to_string(&outcome.state)?;
    let kept = fs_err::read_to_string(outcome.record.join("verdict.json"))?;
    let log = fs_err::read_to_string(outcome.record.join("boot.log")).unwrap_or_default();
    let mut lines = log.lines();
    let logged = (case.log.iter()).all(|text| lines.any(|line| line.contains(text)));
    let right = kept.starts_with(case.verdict)
        && (state == case.state && kept.contains(&format!("\"state\":{state}")))
        && (logged && log.is_empty() == case.log.is_empty());
    if right {
        return Ok(());
    }
    let said = told(&outcome);
    let said = said.message().unwrap_or_default();
    Err(format!("{kept}{said}\n{log}").into())
}
