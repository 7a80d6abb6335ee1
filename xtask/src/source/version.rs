//! Debian's order of versions (deb-version(7)): `[epoch:]upstream[-revision]`, compared part by part, digits
//! as numbers, letters before other characters, and `~` before everything, even the end.

use std::cmp::Ordering;

/// Compares two versions.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    let (epoch_a, upstream_a, revision_a) = split(a);
    let (epoch_b, upstream_b, revision_b) = split(b);
    by_number(epoch_a, epoch_b)
        .then_with(|| by_part(upstream_a, upstream_b))
        .then_with(|| by_part(revision_a, revision_b))
}

/// Whether this can be a version: what is written into file names and command lines has to be harmless.
#[must_use]
pub fn is_version(text: &str) -> bool {
    let (epoch, upstream, _) = split(text);
    epoch.bytes().all(|c| c.is_ascii_digit())
        && upstream.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b".+-:~".contains(&c))
}

/// Epoch, upstream version and revision; those that are not there are empty.
fn split(version: &str) -> (&str, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

fn by_part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, text_b) = (take(&mut a, false), take(&mut b, false));
        let order =
            by_text(text_a, text_b).then_with(|| by_number(take(&mut a, true), take(&mut b, true)));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Takes what is digits, or what is not, off the front.
fn take<'a>(text: &mut &'a str, digits: bool) -> &'a str {
    let end = text
        .find(|c: char| c.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    let (taken, rest) = text.split_at(end);
    *text = rest;
    taken
}

fn by_text(a: &str, b: &str) -> Ordering {
    let weights = |text: &str| -> Vec<i32> { text.chars().map(weight).collect() };
    let (mut a, mut b) = (weights(a), weights(b));
    // The end of a text weighs more than `~` and less than anything else.
    let longest = a.len().max(b.len());
    a.resize(longest, 0);
    b.resize(longest, 0);
    a.cmp(&b)
}

fn weight(c: char) -> i32 {
    let code = i32::try_from(u32::from(c)).unwrap_or(i32::MAX - 256);
    match c {
        '~' => -1,
        _ if c.is_ascii_alphabetic() => code,
        _ => code + 256,
    }
}

fn by_number(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::Tool;
    use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

    #[test]
    fn versions_are_ordered_as_debian_orders_them() {
        let ascending = [
            "1.0~~",
            "1.0~rc1",
            "1.0",
            "1.0-0.1",
            "1.0-1~deb12u1",
            "1.0-1",
            "1.0-1+deb12u1",
            "1.0-1.1",
            "1.0-10",
            "1.0a",
            "1.0+x",
            "1.0.1",
            "1.9",
            "1.10",
            "6.1.187-1",
            "1:0.1",
        ];
        for pair in ascending.windows(2).take(14) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("6.1.187-1", "6.1.192-2"), Ordering::Less);
        assert_eq!(compare("6.1.187-1", "1:0.1"), Ordering::Less);
        assert_eq!(compare("0:1.0", "1.0-0"), Ordering::Equal);
        assert_eq!(compare("1.01", "1.1"), Ordering::Equal);
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for bad in ["", "-1", "a b", "1;2", "x:1", "1/2", "1\n"] {
            assert!(!is_version(bad), "{bad:?}");
        }
        assert!(
            is_version("1:1.35.0-4+deb12u1") && is_version("6.04~git20190206.bf6db5b4+dfsg1-3")
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn agrees_with_dpkg(a in "[0-9][0-9a-z.+~]{0,4}(-[0-9a-z.+~]{1,3})?", b in "[0-9][0-9a-z.+~]{0,4}(-[0-9a-z.+~]{1,3})?") {
            let less = Tool::new("dpkg").args(["--compare-versions", &a, "lt", &b]).succeeds();
            prop_assert_eq!(compare(&a, &b) == Ordering::Less, less, "{} {}", a, b);
        }
    }
}
