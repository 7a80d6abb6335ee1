//! The reports of boots: the page, opened in a real browser, the files beside it, and how many boots are run.

mod browser;

use std::path::{Path, PathBuf};
use std::process::Output;

use libtest_mimic::{Failed, Trial};
use xtask::arch::Arch;
use xtask::boot::Outcome;
use xtask::boot::case::{Came, Case};
use xtask::boot::happening::{Happening, Port, What};
use xtask::boot::report::evidence::Evidence;
use xtask::boot::report::{self, Environment};
use xtask::boot::scenario::Scenario;
use xtask::boot::timeline::Timeline;
use xtask::boot::verdict::Verdict;
use xtask::loader::route::Route;

use crate::project::root;
use browser::{Browser, Seen};

/// A telephone and a screen.
const WIDTHS: [u32; 2] = [360, 1280];

pub(crate) fn all() -> Vec<Trial> {
    vec![
        Trial::test("report::of_real_boots", of_real_boots),
        Trial::test("report::with_everything", with_everything),
        Trial::test("report::what_the_browser_would_notice", control),
    ]
}

/// Runs `boot`.
#[expect(clippy::disallowed_methods, reason = "the program as its users run it")]
fn boot(folder: &Path, arguments: &[&str]) -> Output {
    let record = folder.join("records");
    std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["boot", "demo", "--format", "json", "--record"])
        .arg(&record)
        .args(arguments)
        .env("CORDWAINER_ROOT", root())
        .output()
        .unwrap()
}

/// Two machines that boot their disks pass; then one of them does not show what is expected, and all of the reports say so.
fn of_real_boots() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let first = ["--filter", "{local,work}*", "--repeat", "2", "--pcap"];
    let passed = boot(folder.path(), &first);
    assert_eq!(passed.status.code(), Some(0), "{passed:?}");
    let boots: serde_json::Value = serde_json::from_slice(&passed.stdout)?;
    let told = |n: usize| {
        [
            &boots[n]["scenario"],
            &boots[n]["result"],
            &boots[n]["boots"],
        ]
        .map(ToString::to_string)
    };
    assert_eq!(told(0), ["\"workstation\"", "\"passed\"", "2"]);
    assert_eq!(told(1), ["\"localboot\"", "\"passed\"", "2"]);
    let junit = folder.path().join("junit.xml");
    let junit_argument = junit.display().to_string();
    let second = [
        "--scenario",
        "localboot",
        "--expect",
        "nobody says this",
        "--display",
        "--junit",
        &junit_argument,
    ];
    let failed = boot(folder.path(), &second);
    assert_eq!(failed.status.code(), Some(7), "{failed:?}");

    let records = folder.path().join("records");
    let names = |name: &str| names_in(&records.join(name));
    let mut left = names_in(&records);
    left.retain(|name| !name.starts_with('.'));
    assert_eq!(
        left,
        ["history.json", "localboot", "report.html", "workstation"]
    );
    assert!(names("workstation").contains(&"card-0.pcap".to_owned()));
    assert!(names("localboot").contains(&"screen.png".to_owned()));
    let capture = fs_err::read(records.join("workstation/card-0.pcap"))?;
    assert_eq!(capture[..4], 0xa1b2_c3d4_u32.to_le_bytes(), "no pcap file");
    let junit = fs_err::read_to_string(junit)?;
    assert!(
        junit.contains(
            "<failure message=\"no line matched `nobody says this`\" type=\"expectation-missed\">"
        ),
        "{junit}"
    );

    let page = records.join("report.html");
    let text = fs_err::read_to_string(&page)?;
    assert!(
        text.contains("it passed the last time, as "),
        "no comparison"
    );
    let seen = looked_at(&page, "boots")?;
    for seen in seen {
        assert_eq!(
            (seen.rows, seen.chips, seen.pictures),
            (1, 1, 1),
            "{seen:?}"
        );
    }
    Ok(())
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Opens a page in every width, which must be well.
fn looked_at(page: &Path, name: &str) -> Result<Vec<Seen>, Failed> {
    let browser = Browser::new()?;
    let mut all = Vec::new();
    for width in WIDTHS {
        let seen = browser.open(page, width)?;
        assert_eq!(seen.errors, [""; 0], "errors");
        assert_eq!(seen.requests, [""; 0], "requests");
        assert_eq!(seen.wide, [""; 0], "wider than {width} px");
        let picture =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{width}.png"));
        browser.picture(page, width, &picture)?;
        let bytes = fs_err::read(&picture)?;
        assert!(
            bytes.starts_with(b"\x89PNG") && bytes.len() > 20_000,
            "{}",
            bytes.len()
        );
        all.push(seen);
    }
    Ok(all)
}

/// Every route, long names, hostile consoles, every kind of verdict.
fn with_everything() -> Result<(), Failed> {
    let mut cases = Vec::new();
    for suite in ["demo", "a-recipe-with-a-rather-long-name-in-it"] {
        for (number, route) in Route::ALL.into_iter().enumerate() {
            let arch = route.arches()[0];
            cases.push(case(suite, route, arch, number));
        }
    }
    let evidence: Vec<Evidence> = cases.iter().map(|_| hostile()).collect();
    let environment = Environment {
        qemu: "7.2".to_owned(),
        ..Environment::default()
    };
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("report.html");
    fs_err::write(
        &page,
        report::page(&cases, &evidence, &environment, folder.path())?,
    )?;
    for seen in looked_at(&page, "everything")? {
        assert_eq!(
            (seen.rows, seen.chips),
            (2 * Route::ALL.len(), 2 * Route::ALL.len()),
            "{seen:?}"
        );
        assert_eq!((seen.scripts, seen.alerts), (0, 0), "{seen:?}");
    }
    Ok(())
}

fn case(suite: &str, route: Route, arch: Arch, number: usize) -> Case {
    let texts = [
        "SeaBIOS",
        "Linux version 6.1",
        "Run /init as init process",
        "cordwainer: verdict ready",
    ];
    let texts = texts.iter().take(1 + number % 4).enumerate();
    let happenings: Vec<Happening> = texts
        .map(|(at, text)| Happening {
            at: 0.3 + at as f64 * (1.0 + number as f64),
            what: What::Line {
                port: Port::Console,
                text: (*text).to_owned(),
            },
        })
        .collect();
    let timeline = Timeline::of(&happenings);
    let line = format!(
        "Kernel panic - not syncing: {}",
        "</p><script>alert(1)</script>".repeat(20)
    );
    let judged = |verdict, timeline| {
        Came::Judged(Box::new(Outcome {
            verdict,
            state: None,
            before: Vec::new(),
            timeline,
            faults: Vec::new(),
            record: PathBuf::new(),
        }))
    };
    let came = match number % 5 {
        0 => Came::NotRun,
        1 => Came::Error(xtask::failure::Failure::bug("x".repeat(300))),
        2 => judged(Verdict::Panic { line }, timeline),
        _ => judged(Verdict::Passed, timeline),
    };
    let scenario = Scenario {
        route: Some(route),
        description: "what it proves, in a line that is long enough to be broken on a telephone"
            .to_owned(),
        ..Scenario::named(format!("scenario-of-{route}"))
    };
    Case {
        suite: suite.to_owned(),
        version: "1.0~rc1+git20261120.0123456789abcdef-1".to_owned(),
        arch,
        scenario: scenario.on(arch),
        came: vec![came],
        record: PathBuf::from("/nowhere").join(suite),
        accel: "tcg".to_owned(),
        took: 1.0,
        before: Vec::new(),
    }
}

fn hostile() -> Evidence {
    let line = format!(
        "</pre><script>alert(1)</script><img src='http://127.0.0.1:9/x'>{}",
        "x".repeat(500)
    );
    Evidence {
        tail: vec![line.clone(); 15],
        transcript: vec![line.clone(); 100],
        command: line.clone(),
        files: vec![("transcript.log".to_owned(), 1), (line, 2)],
        ..Evidence::default()
    }
}

/// What the browser would have noticed.
fn control() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("bad.html");
    let bad = "<!DOCTYPE html><body><img src='http://127.0.0.1:9/x.png'><div style='width:3000px'>x</div><script>nothing()</script>";
    fs_err::write(&page, bad)?;
    let seen = Browser::new()?.open(&page, 360)?;
    assert!(!seen.errors.is_empty(), "{seen:?}");
    assert!(
        seen.requests.iter().any(|url| url.contains("127.0.0.1:9")),
        "{seen:?}"
    );
    assert!(!seen.wide.is_empty(), "{seen:?}");
    Ok(())
}
