//! `JUnit`'s XML as CI systems read it (Jenkins' schema, which GitLab and others follow): a `testsuite` per recipe, a `testcase` per scenario.

use std::fmt::Write as _;

use super::evidence::Evidence;
use crate::boot::case::{Case, State};
use crate::date;

/// The file. `evidence` is in the order of the cases; `wall` is when all began, in seconds since 1970.
#[must_use]
pub fn file(cases: &[Case], evidence: &[Evidence], wall: i64) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let all: Vec<(&Case, &Evidence)> = cases.iter().zip(evidence).collect();
    element(&mut text, "testsuites", "", &all, "boots");
    let mut suites: Vec<&str> = cases.iter().map(|case| case.suite.as_str()).collect();
    suites.dedup();
    let stamp = date::iso8601(wall);
    for name in suites {
        let of = |(case, _): &&(&Case, &Evidence)| case.suite == name;
        let of: Vec<_> = all.iter().filter(of).copied().collect();
        let at = format!(" timestamp=\"{}\"", stamp.trim_end_matches('Z'));
        element(&mut text, "  <testsuite", &at, &of, name);
        for (case, evidence) in of {
            text += &testcase(case, evidence);
        }
        text += "  </testsuite>\n";
    }
    text + "</testsuites>\n"
}

/// The beginning of a suite, or of all of them, with its counts.
fn element(text: &mut String, tag: &str, more: &str, cases: &[(&Case, &Evidence)], name: &str) {
    let tag = tag.trim_start_matches("  <");
    let indent = if tag == "testsuite" { "  " } else { "" };
    let count = |state| cases.iter().filter(|(it, _)| it.state() == state).count();
    let time: f64 = cases.iter().map(|(case, _)| case.took).sum();
    // Writing to a string cannot fail.
    writeln!(
        text,
        "{indent}<{tag} name=\"{}\"{more} tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{time:.3}\">",
        escaped(name),
        cases.len(),
        count(State::Failed),
        count(State::Error),
        count(State::NotRun),
    )
    .ok();
}

fn testcase(case: &Case, evidence: &Evidence) -> String {
    let sentence = escaped(&case.sentence());
    let mut text = format!(
        "    <testcase classname=\"{}.{}\" name=\"{}\" time=\"{:.3}\">\n",
        escaped(&case.suite),
        case.route(),
        escaped(&case.scenario.name),
        case.took
    );
    let kind = escaped(&case.shown().name());
    match case.state() {
        State::Passed => {}
        State::Failed => {
            text += &format!(
                "      <failure message=\"{sentence}\" type=\"{kind}\">{sentence}</failure>\n"
            );
        }
        State::Error => {
            text += &format!(
                "      <error message=\"{sentence}\" type=\"{kind}\">{sentence}</error>\n"
            );
        }
        State::NotRun => text += &format!("      <skipped message=\"{sentence}\"/>\n"),
    }
    if !evidence.tail.is_empty() {
        let tail = escaped(&evidence.tail.join("\n"));
        let record = escaped(&case.record.display().to_string());
        text += &format!("      <system-out>record: {record}\n{tail}\n</system-out>\n");
    }
    text + "    </testcase>\n"
}

/// Text as XML 1.0 may have it: what no document may hold, however it is written, becomes U+FFFD (section 2.2, production 2).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' => out.push(c),
            '\r' => out += "&#13;",
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::case::Came;
    use crate::boot::case::tests::{case, panicked, passed};
    use crate::failure::{Failure, Kind};
    use crate::tool::Tool;

    const READ: &str = "\
import sys, xml.etree.ElementTree as E
for suite in E.parse(sys.argv[1]).getroot():
    print(suite.get('name'), suite.get('tests'), suite.get('failures'), suite.get('errors'), suite.get('skipped'))
    for case in suite:
        print(case.get('classname'), case.get('name'), [(it.tag, it.get('type'), it.text) for it in case])
";

    #[test]
    fn a_parser_reads_what_hostile_machines_wrote() {
        let missing = Failure::new(Kind::Missing, "no QEMU");
        let cases = [
            case("plain", vec![passed()]),
            case("bad", vec![panicked()]),
            case("gone", vec![Came::Error(missing)]),
            case("late", vec![Came::NotRun]),
        ];
        let mut evidence: Vec<Evidence> = cases.iter().map(|_| Evidence::default()).collect();
        evidence[0].tail = vec![
            "\u{1b}[31m]]> & <b>\0\u{ffff}".to_owned(),
            "é\tend".to_owned(),
        ];
        let file = file(&cases, &evidence, 0);
        assert!(file.contains("timestamp=\"1970-01-01T00:00:00\""), "{file}");
        let place = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(place.path(), file).unwrap();
        let tool = Tool::new("python3").args(["-c", READ]).arg(place.path());
        let read = tool.read().unwrap();
        let lines: Vec<&str> = read.lines().collect();
        assert_eq!(lines[0], "demo 4 1 1 1");
        assert!(lines[1].starts_with("demo.pxelinux plain [('system-out', None, 'record: /r/demo/plain\\n�[31m]]> & <b>��\\né\\tend"), "{read}");
        assert!(lines[2].contains("[('failure', 'panic', 'the kernel panicked: Kernel panic - not syncing: <&\"\\'>�')]"), "{read}");
        assert!(
            lines[3].contains("[('error', 'error', 'the boot could not be made: no QEMU')]"),
            "{read}"
        );
        assert!(lines[4].contains("[('skipped', None, None)]"), "{read}");
    }
}
