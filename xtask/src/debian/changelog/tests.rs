//! Changelogs against dpkg-parsechangelog as the oracle: what it reads without a word we read to the
//! same fields, and what it complains about we refuse.

use super::*;
use crate::tool::Tool;

const TRAILER: &str = " -- A B <a@example.org>  Fri, 20 Nov 2026 06:30:00 +0000\n";

fn entry(heading: &str) -> String {
    format!("{heading}\n\n  * Change.\n\n{TRAILER}")
}

fn ours(text: &str) -> Result<Vec<Entry>> {
    entries(Path::new("debian/changelog"), text)
}

/// What dpkg-parsechangelog prints, one map a stanza, and whether it had nothing to complain about.
fn dpkg(text: &str) -> (Vec<BTreeMap<String, String>>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("changelog"), folder.path().join("log"));
    fs_err::write(&file, text).unwrap();
    let tool = Tool::new("dpkg-parsechangelog").args(["--all", "--format", "rfc822", "-l"]);
    let printed = tool.arg(&file).log(&log).read();
    let complaints = fs_err::read_to_string(&log).unwrap().lines().count() - 1;
    let stanza = |text: &str| {
        let unfolded = text.replace("\n ", "\u{1}");
        let fields = unfolded.lines().filter_map(|line| line.split_once(':'));
        fields
            .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
            .collect()
    };
    let clean = printed.is_ok() && complaints == 0;
    let printed = printed.unwrap_or_default();
    let stanzas = printed.split("\n\n").filter(|text| !text.trim().is_empty());
    (stanzas.map(stanza).collect(), clean)
}

/// Our entry in the fields that dpkg prints; the heading stands at the beginning of its `Changes`.
fn as_dpkg(entry: &Entry) -> BTreeMap<String, String> {
    let lines = entry.changes.iter();
    let lines = lines.map(|line| if line.is_empty() { "." } else { line });
    let own = [
        ("Source", entry.source.clone()),
        ("Version", entry.version.to_string()),
        ("Distribution", entry.distributions.join(" ")),
        ("Urgency", entry.urgency.clone()),
        ("Maintainer", entry.maintainer.clone()),
        ("Timestamp", entry.epoch.to_string()),
        ("Date", entry.date.clone()),
        ("Changes", lines.collect::<Vec<_>>().join("\u{1}")),
    ];
    let mut fields = entry.fields.clone();
    fields.extend(own.map(|(key, value)| (key.to_owned(), value)));
    fields
}

fn without_heading(mut stanza: BTreeMap<String, String>) -> BTreeMap<String, String> {
    if let Some(changes) = stanza.get_mut("Changes") {
        // dpkg keeps the carriage returns of its input; a text's lines have none.
        let all = changes.replace('\r', "");
        let lines = all.split('\u{1}');
        // The first line of the field is empty; heading and `.` come before what follows.
        *changes = lines.skip(3).collect::<Vec<_>>().join("\u{1}");
    }
    stanza
}

#[test]
fn what_dpkg_reads_without_a_word_we_read_the_same() {
    let cases = [
        entry("demo (0.1.0-1) unstable; urgency=medium"),
        entry("demo (1:2.0~rc1+b1-1.1) UNRELEASED; urgency=low") + "\n" + &entry("demo (0.1) stable; urgency=low"),
        entry("linux-omf-pxe-3.0.4 (1.2) unstable; urgency=low"),
        entry("demo (1.0) unstable experimental; urgency=HIGH (security), binary-only=yes"),
        entry("demo (1.0)  unstable ;urgency=low").replace(" ;", ";"),
        entry("demo (1.0) unstable;  Urgency=medium,XS-Thing=a b , xb-other=c  "),
        entry("demo (1.0) unstable; binary-only=yes"),
        entry("demo (1.0) unstable; urgency=low,"),
        format!("\u{20}\n{}", entry("demo (1.0) unstable; urgency=low")).trim_start().to_owned(),
        entry("demo (1.0) unstable; urgency=low") + "\n\nLocal variables:\nmode: x\nEnd:\n",
        entry("demo (1.0) unstable; urgency=low") + "\nvim: sw=2\nrubbish (\n",
        entry("demo (1.0) unstable; urgency=low") + "\nOld Changelog:\n whatever\n",
        entry("demo (1.0) unstable; urgency=low") + "Fri Nov 20 06:30:00 UTC 1996  A B  <a@b>\n\n * x\n",
        "# comment\n$Id: x $\n/* c */\n".to_owned() + &entry("demo (1.0) unstable; urgency=low"),
        "demo (1.0) unstable; urgency=low\r\n\r\n  * A.\r\n\r\n -- A <a@b>  Fri, 20 Nov 2026 06:30:00 +0000\r\n".to_owned(),
        "demo (1.0) unstable; urgency=low\n  * A.\n\n\n    more, é\n  [ B ]\n  * C.\n -- <A> é <a@b>  20 Nov 2026 6:30:00 -0730".to_owned(),
        entry("demo (1.0) unstable; urgency=low").replace("Fri,", "Mon,"),
    ];
    for text in cases {
        let (theirs, clean) = dpkg(&text);
        assert!(clean, "{text}");
        let mine: Vec<_> = ours(&text)
            .unwrap_or_else(|e| panic!("{text}\n{e:?}"))
            .iter()
            .map(as_dpkg)
            .collect();
        let theirs: Vec<_> = theirs.into_iter().map(without_heading).collect();
        assert_eq!(mine, theirs, "{text}");
    }
}

#[test]
fn what_dpkg_complains_about_is_a_mistake_with_its_place() {
    let good = entry("demo (1.0) unstable; urgency=low");
    for (text, place, underlined) in [
        // The rule `[0-9]+\.[0-9.-]+` of older build scripts makes 1.1.3 of this.
        (
            entry("demo (1.1.3_2) unstable; urgency=low"),
            (1, 7),
            "1.1.3_2",
        ),
        (entry("demo (1.0) unstable; urgency"), (1, 22), "urgency"),
        (entry("demo (1.0) unstable;"), (1, 21), ""),
        (
            entry("demo (1.0) unstable; urgency=low, colour=red"),
            (1, 35),
            "colour=red",
        ),
        (
            entry("demo (1.0) unstable; urgency=low, Urgency=low"),
            (1, 35),
            "Urgency=low",
        ),
        (
            entry("demo (1.0) unstable; binary-only=no"),
            (1, 22),
            "binary-only=no",
        ),
        (
            entry("demo (1.0) unstable; urgency=!"),
            (1, 22),
            "urgency=!",
        ),
        (
            good.replace("  Fri", " Fri"),
            (5, 25),
            "Fri, 20 Nov 2026 06:30:00 +0000",
        ),
        (
            good.replace("Nov", "November"),
            (5, 26),
            "Fri, 20 November 2026 06:30:00 +0000",
        ),
        (
            good.replace("Fri,", "Foo,"),
            (5, 26),
            "Foo, 20 Nov 2026 06:30:00 +0000",
        ),
        (
            good.replace("<a@example.org>", "a@example.org"),
            (5, 1),
            " -- A B a@example.org  Fri, 20 Nov 2026 06:30:00 +0000",
        ),
        (
            good.replace("\n -- ", "\n --"),
            (5, 1),
            " --A B <a@example.org>  Fri, 20 Nov 2026 06:30:00 +0000",
        ),
        (good.replace("  * C", " * C"), (3, 2), "* Change."),
        (
            "demo (1.0) unstable; urgency=low\n\n  * A.\n".to_owned(),
            (3, 7),
            "",
        ),
        (
            format!("demo (1.0) unstable; urgency=low\n\n{TRAILER}"),
            (3, 2),
            TRAILER.trim(),
        ),
        (
            format!("demo (1.0) unstable; urgency=low\n\n  * A.\n\n{good}"),
            (5, 1),
            "demo (1.0) unstable; urgency=low",
        ),
        (format!("{good}\n  * B.\n{TRAILER}"), (7, 3), "* B."),
        (format!("\n{good}"), (1, 1), ""),
        (
            format!("something else entirely (\n{good}"),
            (1, 1),
            "something else entirely (",
        ),
    ] {
        assert!(!dpkg(&text).1, "dpkg has no complaint about\n{text}");
        let failure = ours(&text).unwrap_err();
        assert_eq!(failure.kind, Kind::Recipe);
        let first = &failure.diagnostics[0];
        assert_eq!(
            (first.line_column(), &first.text[first.span.clone()]),
            (place, underlined),
            "{text}\n{first:?}"
        );
    }
}

#[test]
fn a_changelog_without_an_entry_is_a_mistake() {
    for text in ["", "\n", "Old Changelog:\n"] {
        assert_eq!(ours(text).unwrap_err().kind, Kind::Recipe, "{text:?}");
    }
}

#[test]
fn only_the_first_entry_counts_for_the_version() {
    let text =
        entry("demo (2.0) UNRELEASED; urgency=low") + &entry("demo (1_0) unstable; urgency=low");
    let entry = latest(Path::new("debian/changelog"), &text).unwrap();
    assert_eq!(entry.version.to_string(), "2.0");
    assert!(entry.unreleased());
    assert_eq!(entry.epoch, 1_795_156_200);
    assert!(ours(&text).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(a |\\(1\\)|; |urgency=| -- |<a>|  |\n|é|, |20 Nov 2026 06:30:00|\\+0000|vim:|=|,){0,20}") {
        ours(&text).ok();
    }
}
