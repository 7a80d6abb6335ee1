//! Versions of Debian packages: syntax and order, after deb-version(7).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::failure::{Failure, Kind, Result};

/// A version: `[epoch:]upstream[-revision]`. Versions that differ in writing can be equal (`1.0`, `0:1.00`,
/// `1.0-0`); they are ordered as dpkg orders them and printed as they were written.
#[derive(Clone, Debug)]
pub struct Version {
    epoch: Option<u32>,
    upstream: String,
    revision: Option<String>,
}

impl Version {
    /// The epoch, 0 where none is written.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch.unwrap_or(0)
    }

    /// Upstream's part.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// Debian's part; a native package has none.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// The version in a form for file names, as dpkg-deb's names have it: without the epoch. A colon in
    /// upstream's part is written `%3a`, as apt does. What is left are letters, digits and `.+~-%`.
    #[must_use]
    pub fn file_name_safe(&self) -> String {
        let upstream = self.upstream.replace(':', "%3a");
        match &self.revision {
            Some(revision) => format!("{upstream}-{revision}"),
            None => upstream,
        }
    }
}

impl FromStr for Version {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: String| {
            Failure::new(
                Kind::Recipe,
                format!("`{text}` is no Debian version: {why}"),
            )
        };
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (Some(parse_epoch(epoch).map_err(wrong)?), rest),
            None => (None, text),
        };
        let (upstream, revision) = match rest.rsplit_once('-') {
            Some((upstream, revision)) => (upstream, Some(revision)),
            None => (rest, None),
        };
        if !upstream.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(wrong(
                "upstream's part does not start with a digit".to_owned(),
            ));
        }
        if revision == Some("") {
            return Err(wrong("nothing follows the last `-`".to_owned()));
        }
        let stranger = |part: &str, more: &str| {
            part.chars()
                .find(|c| !c.is_ascii_alphanumeric() && !".+~".contains(*c) && !more.contains(*c))
        };
        let strange = stranger(upstream, "-:").or_else(|| stranger(revision.unwrap_or(""), ""));
        if let Some(strange) = strange {
            return Err(wrong(format!("it cannot contain `{strange}`")));
        }
        Ok(Self {
            epoch,
            upstream: upstream.to_owned(),
            revision: revision.map(str::to_owned),
        })
    }
}

/// dpkg keeps the epoch in a C `int`.
fn parse_epoch(text: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<i32>()
        .ok()
        .filter(|_| digits)
        .and_then(|epoch| u32::try_from(epoch).ok())
        .ok_or_else(|| format!("the epoch `{text}` is not a number from 0 to {}", i32::MAX))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(epoch) = self.epoch {
            write!(f, "{epoch}:")?;
        }
        f.write_str(&self.upstream)?;
        match &self.revision {
            Some(revision) => write!(f, "-{revision}"),
            None => Ok(()),
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let revision = |version: &Self| version.revision.clone().unwrap_or_default();
        self.epoch()
            .cmp(&other.epoch())
            .then_with(|| compare(&self.upstream, &other.upstream))
            .then_with(|| compare(&revision(self), &revision(other)))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

/// Compares upstream parts or revisions: by turns a part without digits, where `~` comes before the end, the end before
/// letters, letters before the rest; and a number.
fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        let not_digit = |byte: &u8| !byte.is_ascii_digit();
        let order = compare_text(take(&mut left, not_digit), take(&mut right, not_digit))
            .then_with(|| {
                number(take(&mut left, u8::is_ascii_digit))
                    .cmp(&number(take(&mut right, u8::is_ascii_digit)))
            });
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Digits of any length in an order that is that of their numbers.
fn number(digits: &[u8]) -> (usize, &[u8]) {
    let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    (digits.len() - zeros, &digits[zeros..])
}

/// Splits off the beginning that consists of such bytes.
fn take<'a>(from: &mut &'a [u8], such: impl Fn(&u8) -> bool) -> &'a [u8] {
    let length = from.iter().take_while(|byte| such(byte)).count();
    let (taken, rest) = from.split_at(length);
    *from = rest;
    taken
}

fn compare_text(left: &[u8], right: &[u8]) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        None => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    (0..left.len().max(right.len()))
        .map(|at| weight(left.get(at)).cmp(&weight(right.get(at))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;
    use crate::tool::Tool;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn parts_and_file_names() {
        let version = version("3:6.04~git20190206.bf6db5b4+dfsg1-3");
        assert_eq!(version.epoch(), 3);
        assert_eq!(version.upstream(), "6.04~git20190206.bf6db5b4+dfsg1");
        assert_eq!(version.revision(), Some("3"));
        assert_eq!(
            version.file_name_safe(),
            "6.04~git20190206.bf6db5b4+dfsg1-3"
        );
        assert_eq!(self::version("1:2:3-4-5").file_name_safe(), "2%3a3-4-5");
    }

    #[test]
    fn order_is_that_of_dpkg() {
        let tricky = [
            "1.0~~",
            "1.0~~a",
            "1.0~",
            "1.0",
            "0:1.0",
            "1.00",
            "1.0-0",
            "1.0-",
            "1.0-0.1",
            "1.0-1~bpo1",
            "1.0-1",
            "1.0-1+b1",
            "1.0a",
            "1.0+",
            "1.0.",
            "1.0-a-1",
            "1.0.1",
            "1.9",
            "1.10",
            "1.010",
            "2~rc1",
            "2",
            "1:0",
            "1:0.1-z",
            "0a",
            "0+",
            "0",
            "20100101",
            "99999999999999999999999.1",
            "99999999999999999999998.2",
        ];
        let known: Vec<&str> = tricky
            .into_iter()
            .filter(|text| text.parse::<Version>().is_ok())
            .collect();
        assert_eq!(known.len(), tricky.len() - 1);
        // Each against its next and its fifth next: every pair would be 800 processes.
        let pairs = (0..known.len())
            .flat_map(|at| [1, 5].map(|by| (known[at], known[(at + by) % known.len()])));
        for (left, right) in pairs {
            for (name, is) in [
                ("lt", Ordering::is_lt as fn(_) -> bool),
                ("eq", Ordering::is_eq),
            ] {
                let tool = Tool::new("dpkg").args(["--compare-versions", left, name, right]);
                assert_eq!(
                    is(version(left).cmp(&version(right))),
                    tool.succeeds(),
                    "{left} {name} {right}"
                );
            }
        }
    }

    #[test]
    fn syntax_is_that_of_dpkg() {
        for text in [
            "1",
            "1.0-1",
            "1:1.0-1",
            "1:2:3-1",
            "1~",
            "1-1-1",
            "0",
            "1.0+b~2",
            "2147483647:1",
            "",
            "a1",
            "1_2",
            "1.1.3_2",
            ":1",
            "1:",
            "x:1",
            "-1:1",
            "2147483648:1",
            "1-",
            "-1",
            "1 2",
            "1.0-1:2",
            "1é",
            "1/2",
            "~1",
            "1:a",
        ] {
            let dpkg = Tool::new("dpkg")
                .args(["--validate-version", "--", text])
                .succeeds();
            assert_eq!(text.parse::<Version>().is_ok(), dpkg, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        // dpkg itself takes this one, by way of strtol(3); Dpkg::Version and deb-version(7) do not.
        assert!("+1:1".parse::<Version>().is_err());
        let failure = "1.1.3_2".parse::<Version>().unwrap_err();
        assert_eq!(
            failure.what,
            "`1.1.3_2` is no Debian version: it cannot contain `_`"
        );
    }

    proptest! {
        #[test]
        fn printing_keeps_what_was_written(text in "([0-9]:)?[0-9][0-9a-z.+~-]{0,8}(-[0-9a-z.+~]{1,3})?") {
            if let Ok(version) = text.parse::<Version>() {
                prop_assert_eq!(version.to_string(), text);
            }
        }

        #[test]
        fn order_is_consistent(texts in proptest::collection::vec("[0-9][0-9a.+~]{0,4}", 3)) {
            let [a, b, c] = [version(&texts[0]), version(&texts[1]), version(&texts[2])];
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            if a <= b && b <= c {
                assert!(a <= c);
            }
        }
    }
}
