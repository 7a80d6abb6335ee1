//! What somebody meant who wrote a word that does not exist.

/// The candidate that `word` most probably is a slip of, if any is near enough: at most one edit for
/// each three letters (insertion, deletion, substitution or swap of neighbours), letter case and `_` for `-` aside.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(word);
    let letters = plain.chars().count();
    // A hostile word of a megabyte is no slip; the distance takes time by the product of the lengths.
    if letters == 0 || letters > 256 {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 1024)
        .map(|candidate| (distance(&plain, candidate), candidate))
        .filter(|&(distance, candidate)| {
            distance <= (letters.max(candidate.chars().count()) / 3).max(1)
                && distance < letters.min(candidate.chars().count()).max(1)
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

fn distance(plain_word: &str, candidate: &str) -> usize {
    strsim::damerau_levenshtein(plain_word, &plain(candidate))
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace('_', "-")
}

/// A text as it may stand in a message: in backquotes, on one line, and not longer than a line.
#[must_use]
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut quoted = "`".to_owned();
    for (index, c) in text.chars().enumerate() {
        match c {
            _ if index == LONGEST => {
                quoted.push('…');
                break;
            }
            c if c.is_control() => quoted.extend(c.escape_debug()),
            c => quoted.push(c),
        }
    }
    quoted.push('`');
    quoted
}

/// Words in backquotes, with commas and a conjunction: "`a`, `b` or `c`".
#[must_use]
pub fn listing<S: AsRef<str>>(words: impl IntoIterator<Item = S>, conjunction: &str) -> String {
    let words: Vec<String> = words
        .into_iter()
        .map(|word| format!("`{}`", word.as_ref()))
        .collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {conjunction} {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let keys = ["fragments", "source", "base", "follow-after", "xz"];
        for (slip, meant) in [
            ("fragmets", Some("fragments")),
            ("fragemnts", Some("fragments")),
            ("Source", Some("source")),
            ("sorce", Some("source")),
            ("follow_after", Some("follow-after")),
            ("xzz", Some("xz")),
            ("y", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(slip, keys), meant, "{slip}");
        }
    }

    #[test]
    fn a_megabyte_is_no_slip() {
        assert_eq!(nearest(&"a".repeat(1 << 20), ["aaaa"]), None);
    }

    #[test]
    fn quoted_texts_stay_on_their_line() {
        assert_eq!(quoted("a\n\u{1b}[31m\"é"), "`a\\n\\u{1b}[31m\"é`");
        assert_eq!(quoted(&"é".repeat(1000)).chars().count(), 83);
    }

    #[test]
    fn listings_read_as_a_sentence() {
        let none: [&str; 0] = [];
        assert_eq!(listing(none, "or"), "");
        assert_eq!(listing(["a"], "or"), "`a`");
        assert_eq!(listing(["a", "b", "c"], "and"), "`a`, `b` and `c`");
    }
}
