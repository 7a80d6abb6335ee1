//! The long description of a package: paragraphs as lines that terminals can show (Debian Policy 5.6.13).

/// Letters of a line, beside the blank that begins it.
const WIDTH: usize = 78;

/// The lines of these texts, whose paragraphs are separated by empty lines; `.` stands between paragraphs.
pub(super) fn lines(texts: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in texts.iter().flat_map(|text| paragraphs(text)) {
        if !lines.is_empty() {
            lines.push(".".to_owned());
        }
        lines.extend(wrapped(&paragraph));
    }
    lines
}

/// The words of each paragraph.
fn paragraphs(text: &str) -> Vec<Vec<&str>> {
    let mut paragraphs = vec![Vec::new()];
    for line in text.lines() {
        match (line.trim(), paragraphs.last_mut()) {
            ("", _) | (_, None) => paragraphs.push(Vec::new()),
            (line, Some(last)) => last.extend(line.split_whitespace()),
        }
    }
    paragraphs.retain(|words| !words.is_empty());
    paragraphs
}

fn wrapped(words: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        let fits = |line: &&mut String| line.chars().count() + 1 + word.chars().count() <= WIDTH;
        match lines.last_mut().filter(fits) {
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push((*word).to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_wrapped_and_separated() {
        let long = "word ".repeat(20);
        let found = lines(&["one\nline", "\n\ntwo\n\n \n. three", &long, ""]);
        assert_eq!(
            found[..7],
            [
                "one line",
                ".",
                "two",
                ".",
                ". three",
                ".",
                &"word ".repeat(15)[..74]
            ]
        );
        assert!(found.iter().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(lines(&["", "\n"]), [""; 0]);
        assert_eq!(lines(&[&"x".repeat(200)]).len(), 1);
    }
}
