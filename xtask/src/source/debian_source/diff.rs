//! What of a patch file is handed to `patch`: unified diffs (GNU diffutils manual, "Detailed Unified") with git's headers for
//! new, removed and renamed files. Everything else is left out, for `patch` takes what looks like an ed script
//! for one, whatever kind it is told to expect, and runs ed on it. Pure.

/// Lines outside of hunks that are kept, by how they begin.
const HEADERS: [&[u8]; 10] = [
    b"--- ",
    b"+++ ",
    b"diff --git ",
    b"index ",
    b"old mode ",
    b"new mode ",
    b"new file mode ",
    b"deleted file mode ",
    b"rename ",
    b"similarity index ",
];

/// Lines outside of hunks that nothing here can apply, by how they begin, and what they are.
const REFUSED: [(&[u8], &str); 4] = [
    (b"GIT binary patch", "a binary patch"),
    (b"Binary files ", "a difference between binary files"),
    (b"new file mode 12", "a patch that makes a link"),
    (b"new mode 12", "a patch that makes a link"),
];

/// The unified diffs in a patch file.
///
/// # Errors
/// The number of the first line that is wrong, counted from 1, and what is wrong with it.
pub(super) fn unified(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut kept = Vec::with_capacity(text.len());
    let mut hunk = Hunk::default();
    for (index, line) in text.split_inclusive(|&c| c == b'\n').enumerate() {
        let wrong = |what: &str| format!("line {}: {what}", index + 1);
        let keep = if hunk.takes(line) {
            true
        } else if !hunk.is_whole() {
            return Err(wrong("a hunk ends too early"));
        } else if line.starts_with(b"@@ ") {
            hunk = Hunk::begin(line).ok_or_else(|| wrong("no hunk begins like this"))?;
            true
        } else {
            if let Some((_, what)) = REFUSED.iter().find(|(start, _)| line.starts_with(start)) {
                return Err(wrong(what));
            }
            HEADERS.iter().any(|start| line.starts_with(start))
        };
        if keep {
            kept.extend_from_slice(line);
        }
    }
    if hunk.is_whole() {
        Ok(kept)
    } else {
        Err("it ends in the middle of a hunk".to_owned())
    }
}

/// How many lines of a hunk are still to come, in the old file and in the new one.
#[derive(Default)]
struct Hunk {
    old: u64,
    new: u64,
    /// Whether the line before was in a hunk.
    within: bool,
}

impl Hunk {
    /// `@@ -1,2 +3,4 @@`; a count that is not there is 1.
    fn begin(line: &[u8]) -> Option<Self> {
        let mut words = line.split(|&c| c == b' ').skip(1);
        let mut count = |sign: u8| -> Option<u64> {
            let range = std::str::from_utf8(words.next()?.strip_prefix(&[sign])?).ok()?;
            let (start, count) = range.split_once(',').unwrap_or((range, "1"));
            start.parse::<u64>().ok()?;
            count.parse().ok()
        };
        Some(Self {
            old: count(b'-')?,
            new: count(b'+')?,
            within: true,
        })
    }

    const fn is_whole(&self) -> bool {
        self.old == 0 && self.new == 0
    }

    /// Counts a line of the hunk; says when it is none.
    fn takes(&mut self, line: &[u8]) -> bool {
        let (old, new) = match line.first() {
            // "\ No newline at end of file" may follow the last line, too.
            Some(b'\\') => return self.within,
            Some(b'-') => (1, 0),
            Some(b'+') => (0, 1),
            // Mailers take the blank off an empty line.
            Some(b' ' | b'\n' | b'\r') => (1, 1),
            _ => (u64::MAX, u64::MAX),
        };
        self.within = !self.is_whole() && old <= self.old && new <= self.new;
        if self.within {
            self.old -= old;
            self.new -= new;
        }
        self.within
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    const DIFF: &str = "--- a/x\n+++ b/x\n@@ -1,3 +1,2 @@ fn\n a\n\n-1d\n@@ -9 +8 @@\n-b\n+c\n\\ No newline at end of file\n";

    fn kept(text: &str) -> Result<String, String> {
        unified(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn unified_diffs_are_kept_and_what_is_around_them_is_not() {
        let text = format!("Description: x\n1,2d\n\n{DIFF}-- \n2.30\n*** a\n1i\n!id\n.\n{DIFF}");
        assert_eq!(kept(&text).unwrap(), format!("{DIFF}{DIFF}"));
        assert_eq!(kept("").unwrap(), "");
    }

    #[test]
    fn renames_are_kept() {
        let text = "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n";
        assert_eq!(kept(text).unwrap(), text);
    }

    #[test]
    fn cut_and_odd_patches_are_refused() {
        let cut = DIFF
            .strip_suffix("+c\n\\ No newline at end of file\n")
            .unwrap();
        let early = DIFF.replace("-1d\n", "");
        for (text, words) in [
            (cut, "middle of a hunk"),
            (&early, "line 6"),
            ("@@ -1,x +1 @@\n", "line 1"),
            ("@@ nothing\n", "line 1"),
            ("diff --git a/x b/x\nGIT binary patch\n", "binary"),
            ("diff --git a/x b/x\nnew file mode 120000\n", "link"),
        ] {
            assert!(kept(text).unwrap_err().contains(words), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<Vec<u8>>(), hunk in "@@ -[0-9]{0,20},[0-9]{0,20} \\+[0-9]{0,3} @@\n([ +\\-]x\n){0,3}") {
            drop((unified(&text), unified(hunk.as_bytes())));
        }
    }
}
