//! Debian changelogs, read as dpkg-parsechangelog(1) reads them (deb-changelog(5)). Where it only warns and goes on, this is
//! a mistake with its place: the version and the date of everything that is built come from here.

mod options;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::date;
use crate::debian::version::Version;
use crate::failure::{Diagnostic, Failure, Kind, Result};
use crate::text::{Line, Text};

/// One entry of a changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The source package.
    pub source: String,
    /// Its version.
    pub version: Version,
    /// The suites it is for, at least one.
    pub distributions: Vec<String>,
    /// How urgent it is, in lower case; `unknown` where it does not say.
    pub urgency: String,
    /// Every `key=value` of the heading, urgency included; keys capitalised as dpkg does.
    pub fields: BTreeMap<String, String>,
    /// The lines between heading and trailer, without blank ones at the beginning and end.
    pub changes: Vec<String>,
    /// `Name <address>`.
    pub maintainer: String,
    /// The date as it is written.
    pub date: String,
    /// The date in seconds since 1970-01-01 00:00:00 UTC: `SOURCE_DATE_EPOCH`.
    pub epoch: i64,
}

impl Entry {
    /// Whether it is still being worked on: `UNRELEASED` is what Debian's tools write into such an entry.
    #[must_use]
    pub fn unreleased(&self) -> bool {
        self.distributions.iter().any(|name| name == "UNRELEASED")
    }
}

/// No changelog is longer, in bytes; the Linux package's has 2 MB.
const LONGEST: u64 = 16 << 20;

/// No line is longer, in bytes.
const LONGEST_LINE: usize = 64 << 10;

/// The first entry of the changelog at `place`, which failures call `file`.
///
/// # Errors
/// As [`latest`]; [`Kind::Recipe`] for a file that is too long to be one; what reading fails with.
pub fn latest_in(file: &Path, place: &Path) -> Result<Entry> {
    if fs_err::metadata(place)?.len() > LONGEST {
        let what = format!(
            "{} is longer than 16 MiB: it is hardly a changelog",
            file.display()
        );
        return Err(Failure::new(Kind::Recipe, what)
            .hint("`changelog` in the recipe names the file; `dch` writes one"));
    }
    latest(file, &fs_err::read_to_string(place)?)
}

/// The newest entry, which is the first. What follows it is not looked at.
///
/// # Errors
/// [`Kind::Recipe`] with a diagnostic for each mistake; a changelog without an entry is one.
pub fn latest(file: &Path, text: &str) -> Result<Entry> {
    let mut entries = parse(&Text::new(file, text), 1)?;
    Ok(entries.swap_remove(0))
}

/// All entries, newest first; at least one.
///
/// # Errors
/// As [`latest`].
pub fn entries(file: &Path, text: &str) -> Result<Vec<Entry>> {
    parse(&Text::new(file, text), usize::MAX)
}

// The regular expressions are those of Dpkg::Changelog::Entry::Debian and Dpkg::Changelog::Debian.
static HEADING: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)^(\w[-+0-9a-z.]*) \(([^() \t]+)\)((?:\s+[-+0-9a-z.]+)+);(.*?)\s*$")
});
static TRAILER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^ -- (.*) <(.*)>(  ?)((?:\w+,\s*)?\d{1,2}\s+\w+\s+\d{4}\s+\d{1,2}:\d\d:\d\d\s+[-+]\d{4})\s*$",
    )
});
/// Lines outside the format that are passed over: RCS keywords and comments.
static IGNORED: LazyLock<Regex> = LazyLock::new(|| regex(r"^(?:\$\w+:.*\$|# |/\*.*\*/)"));
/// Lines after which nothing is read: editor settings, and headings of formats older than this one.
static END: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^(?: (?:;;\s*)?Local\ variables: | vim:
        | \w+\s+\w+\s+\d{1,2}\ \d{1,2}:\d{1,2}:\d{1,2}\s+[\w\s]*\d{4}\s+.*\s+[<(].*[)>]
        | \w+\s+\w+\s+\d{1,2},?\s*\d{4}\s+.*\s+[<(].*[)>]
        | \w[-+0-9a-z.]*\ \([^()\ \t]+\);?
        | [\w.+-]+[-\ ]\S+\ Debian\ \S+
        | Changes\ from\ version\ .*\ to\ .*:
        | Changes\ for\ [\w.+-]+-[\w.+-]+:?\s*$
        | Old\ Changelog:\s*$
        | (?:\d+:)?\w[\w.+~-]*:?\s*$ )",
    )
});

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, and each is used by a test"
)]
fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern is valid")
}

/// What the next line may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    FirstHeading,
    Changes,
    ChangesOrTrailer,
    HeadingOrEnd,
}

impl Expect {
    const fn name(self) -> &'static str {
        match self {
            Self::FirstHeading => {
                "the first heading, such as `name (1.0) unstable; urgency=medium`"
            }
            Self::Changes => "changes, indented by two spaces",
            Self::ChangesOrTrailer => "more changes, or the trailer ` -- Name <address>  date`",
            Self::HeadingOrEnd => "the next heading or the end",
        }
    }
}

/// A heading, and what has followed it so far.
struct Open {
    heading: Heading,
    changes: Vec<String>,
    trailer: Option<Trailer>,
}

struct Heading {
    source: String,
    version: Version,
    distributions: Vec<String>,
    fields: BTreeMap<String, String>,
}

struct Trailer {
    maintainer: String,
    date: String,
    epoch: i64,
}

struct Parser<'t> {
    text: &'t Text,
    wrong: Vec<Diagnostic>,
    entries: Vec<Entry>,
    open: Option<Open>,
    expect: Expect,
}

fn parse(text: &Text, limit: usize) -> Result<Vec<Entry>> {
    let mut parser = Parser {
        text,
        wrong: Vec::new(),
        entries: Vec::new(),
        open: None,
        expect: Expect::FirstHeading,
    };
    let ended = text.lines().any(|line| !parser.line(line, limit));
    if !ended && parser.expect != Expect::HeadingOrEnd {
        let end = text.text.trim_end().len();
        let message = format!(
            "the changelog ends where this should follow: {}",
            parser.expect.name()
        );
        parser.wrong.push(text.wrong(end..end, message, "", None));
    }
    parser.close();
    let failure = || {
        Failure::new(
            Kind::Recipe,
            format!("the changelog {} is wrong", text.file.display()),
        )
        .hint("`dch` writes changelogs that are right; deb-changelog(5) describes them")
    };
    if parser.entries.is_empty() && parser.wrong.is_empty() {
        return Err(failure().note("it has no entry"));
    }
    if parser.wrong.is_empty() {
        Ok(parser.entries)
    } else {
        Err(failure().diagnostics(parser.wrong))
    }
}

impl Parser<'_> {
    /// Takes one line; false when no further one is wanted.
    fn line(&mut self, line: Line<'_>, limit: usize) -> bool {
        let text = line.text;
        if text.len() > LONGEST_LINE {
            self.unexpected(line, "a line of more than 64 KiB");
            return true;
        }
        if let Some(found) = HEADING.captures(text) {
            if !matches!(self.expect, Expect::FirstHeading | Expect::HeadingOrEnd) {
                self.unexpected(line, "a heading");
            }
            self.close();
            if self.entries.len() >= limit {
                return false;
            }
            self.expect = Expect::Changes;
            let heading = self.heading(line, found.extract().1);
            self.open = heading.map(|heading| Open {
                heading,
                changes: Vec::new(),
                trailer: None,
            });
        } else if IGNORED.is_match(text) {
            // Passed over, as dpkg does.
        } else if END.is_match(text) {
            if self.expect != Expect::HeadingOrEnd {
                self.unexpected(line, "the end of what is read");
            }
            return false;
        } else if text.starts_with(|c: char| !c.is_whitespace()) {
            self.wrong(
                line,
                text,
                "a heading looks like `name (1.0) unstable; urgency=medium`",
            );
        } else if let Some(found) = TRAILER.captures(text) {
            if self.expect != Expect::ChangesOrTrailer {
                self.unexpected(line, "a trailer");
            }
            let trailer = self.trailer(line, found.extract().1);
            if let Some(open) = &mut self.open {
                open.trailer = trailer;
            }
            self.expect = Expect::HeadingOrEnd;
        } else if text.starts_with(" --") {
            self.wrong(
                line,
                text,
                "a trailer looks like ` -- Name <address>  Fri, 20 Nov 2026 06:30:00 +0000`",
            );
            self.expect = Expect::HeadingOrEnd;
        } else if text.trim().is_empty() {
            self.blank(line);
        } else {
            self.change(line);
        }
        true
    }

    fn blank(&mut self, line: Line<'_>) {
        match (self.expect, &mut self.open) {
            (Expect::FirstHeading, _) => self.unexpected(line, "a blank line"),
            (Expect::ChangesOrTrailer, Some(open)) => open.changes.push(String::new()),
            _ => {}
        }
    }

    fn change(&mut self, line: Line<'_>) {
        let indented = line.text.chars().take_while(|c| c.is_whitespace()).count() >= 2;
        if !indented {
            self.wrong(
                line,
                line.text.trim(),
                "changes are indented by at least two spaces",
            );
        } else if !matches!(self.expect, Expect::Changes | Expect::ChangesOrTrailer) {
            self.unexpected(line, "a change");
        }
        if let Some(open) = &mut self.open {
            open.changes.push(line.text.to_owned());
        }
        self.expect = Expect::ChangesOrTrailer;
    }

    fn heading(
        &mut self,
        line: Line<'_>,
        [source, version, suites, options]: [&str; 4],
    ) -> Option<Heading> {
        let (fields, mistakes) = options::read(options);
        for (part, message) in mistakes {
            self.wrong(line, part, &message);
        }
        match version.parse() {
            Ok(version) => Some(Heading {
                source: source.to_owned(),
                version,
                distributions: suites.split_whitespace().map(str::to_owned).collect(),
                fields,
            }),
            Err(failure) => {
                self.wrong(line, version, &failure.what);
                None
            }
        }
    }

    fn trailer(
        &mut self,
        line: Line<'_>,
        [name, address, blanks, written]: [&str; 4],
    ) -> Option<Trailer> {
        if blanks != "  " {
            self.wrong(line, written, "two spaces belong between address and date");
        }
        match date::parse_rfc2822(written) {
            Ok(epoch) => Some(Trailer {
                maintainer: format!("{name} <{address}>"),
                date: written.to_owned(),
                epoch,
            }),
            Err(why) => {
                self.wrong(line, written, &why);
                None
            }
        }
    }

    /// The entry that is open is done.
    fn close(&mut self) {
        let Some(Open {
            heading,
            mut changes,
            trailer: Some(trailer),
        }) = self.open.take()
        else {
            return;
        };
        while changes.last().is_some_and(String::is_empty) {
            changes.pop();
        }
        let urgency = heading
            .fields
            .get("Urgency")
            .and_then(|text| text.split_whitespace().next());
        self.entries.push(Entry {
            urgency: urgency.unwrap_or("unknown").to_lowercase(),
            source: heading.source,
            version: heading.version,
            distributions: heading.distributions,
            fields: heading.fields,
            changes,
            maintainer: trailer.maintainer,
            date: trailer.date,
            epoch: trailer.epoch,
        });
    }

    fn unexpected(&mut self, line: Line<'_>, found: &str) {
        let message = format!("{found} stands where this should: {}", self.expect.name());
        self.wrong(line, line.text.trim(), &message);
    }

    fn wrong(&mut self, line: Line<'_>, part: &str, message: &str) {
        let mistake = self.text.wrong(line.span_of(part), message, "", None);
        self.wrong.push(mistake);
    }
}

#[cfg(test)]
mod tests;
