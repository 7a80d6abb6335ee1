//! The page, looked at as text: that a browser takes it is a test of its own.

use std::path::Path;

use super::evidence::Evidence;
use super::{Environment, page};
use crate::boot::case::Came;
use crate::boot::case::tests::{case, panicked, passed};
use crate::boot::history::Past;
use crate::failure::{Failure, Kind};

fn rendered(cases: &[crate::boot::case::Case], evidence: &[Evidence]) -> String {
    let environment = Environment {
        qemu: "QEMU emulator version 7.2 <x>".to_owned(),
        ..Environment::default()
    };
    page(cases, evidence, &environment, Path::new("/r")).unwrap()
}

#[test]
fn the_page_has_a_row_for_each_recipe_and_a_chip_for_each_scenario() {
    let mut cases = [
        case("plain", vec![passed()]),
        case("bad", vec![panicked(), passed()]),
        case(
            "gone",
            vec![Came::Error(
                Failure::new(Kind::Missing, "no QEMU").hint("get it"),
            )],
        ),
        case("late", vec![Came::NotRun]),
    ];
    cases[3].suite = "orbit".to_owned();
    let page = rendered(&cases, &vec![Evidence::default(); 4]);
    for part in [
        "<h1>3 of 4 boots did not pass</h1>",
        "<p class=\"soft\">demo 1.0, orbit 1.0 · 1 passed, 1 failed, 1 error, 1 not run</p>",
        "<th scope=\"rowgroup\" rowspan=\"1\">demo <span class=\"version soft small\">1.0</span></th>",
        "href=\"#demo-bad\"><span class=\"mark\" aria-hidden=\"true\">✗</span>bad <span class=\"more\">failed, 1 of 2 failed</span>",
        "aria-label=\"firmware 0.25 s, kernel 2.00 s\"",
        "<p class=\"note idle small\">get it</p>",
        "<td class=\"number\">2.25 s</td><td class=\"number took\">1.00 s</td>",
        "version 7.2 &lt;x&gt;",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[test]
fn hostile_consoles_stay_text() {
    let hostile = "</pre><script>alert(1)</script><img src=x onerror=y>{{#if}}";
    let evidence = Evidence {
        tail: vec![hostile.to_owned()],
        transcript: vec![hostile.to_owned()],
        command: hostile.to_owned(),
        files: vec![("\"><script>.log".to_owned(), 1)],
        screenshot: "\"><script>".to_owned(),
        ..Evidence::default()
    };
    let mut one = case("plain", vec![panicked()]);
    hostile.clone_into(&mut one.scenario.description);
    hostile.clone_into(&mut one.suite);
    let page = rendered(&[one], &[evidence]);
    assert!(
        !page.contains("<script") && !page.contains("<img src=x"),
        "{page}"
    );
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(page.contains("href=\"demo/plain/%22%3E%3Cscript%3E.log\""));
}

#[test]
fn what_is_not_as_the_last_time_is_said_first() {
    let past = Past {
        at: 0,
        version: "0.9".to_owned(),
        verdict: "passed".to_owned(),
        seconds: Some(0.5),
        accel: "tcg".to_owned(),
    };
    let mut cases = [case("plain", vec![passed()]), case("bad", vec![panicked()])];
    cases[0].before = vec![past.clone()];
    cases[1].before = vec![past];
    let page = rendered(&cases, &vec![Evidence::default(); 2]);
    assert!(page.contains("it passed the last time, as 0.9"));
    assert!(page.contains(
        "slower by 1.8 s (350 %): 0.5 s in 1 earlier boot; that few boots may be chance"
    ));
    let same = rendered(&[case("plain", vec![passed()])], &[Evidence::default()]);
    assert!(!same.contains("Not as the last time"));
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let page = rendered(&[case("plain", vec![passed()])], &[Evidence::default()]);
    for outside in ["http:", "https:", "src=\"/", "@import", "url(", "<script"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
}
