//! The description of a package: a synopsis, and paragraphs in lines that terminals can show (Debian Policy 5.6.13).

use crate::debian::deb822::Stanza;

/// Letters of a line, beside the blank that begins it.
const WIDTH: usize = 78;

/// The field.
const DESCRIPTION: &str = "Description";

/// Stands for an empty line.
const STOP: &str = ".";

/// The paragraphs of these texts, which are separated by empty lines there; each in one line.
pub(super) fn paragraphs(texts: &[&str]) -> Vec<String> {
    let mut paragraphs = Vec::new();
    for text in texts {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let all = lines.split(|line| ["", STOP].contains(line));
        paragraphs.extend(
            all.filter(|lines| !lines.is_empty())
                .map(|lines| lines.join(" ")),
        );
    }
    paragraphs
}

/// The same fields, with the paragraphs of the description in lines of the right length, however long names made them.
pub(super) fn wrapped(control: &Stanza) -> Stanza {
    let Some((synopsis, text)) = control
        .get(DESCRIPTION)
        .and_then(|all| all.split_once('\n'))
    else {
        return control.clone();
    };
    let paragraphs = paragraphs(&[text]);
    let paragraphs = paragraphs
        .iter()
        .map(|paragraph| lines(paragraph).join("\n"));
    let text = paragraphs.collect::<Vec<_>>().join("\n\n");
    control
        .clone()
        .with(DESCRIPTION, format!("{synopsis}\n{text}"))
}

fn lines(paragraph: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in paragraph.split_whitespace() {
        let fits = |line: &&mut String| line.chars().count() + 1 + word.chars().count() <= WIDTH;
        match lines.last_mut().filter(fits) {
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_separated_by_empty_lines() {
        let found = paragraphs(&[
            "one\n line\n\n\ntwo\n \n. three\n",
            "\nfour\n.\nfive",
            "",
            "\n",
        ]);
        assert_eq!(found, ["one line", "two", ". three", "four", "five"]);
    }

    #[test]
    fn lines_are_as_long_as_they_may_be() {
        let long = format!("{} {}", "word ".repeat(20), "x".repeat(200));
        let control = Stanza::default().with("Description", format!("short\na\nb\n.\n{long}"));
        let wrapped = wrapped(&control).to_string();
        let lines: Vec<&str> = wrapped.lines().collect();
        let words = |count| format!(" {}", vec!["word"; count].join(" "));
        assert_eq!(lines[..3], ["Description: short", " a b", " ."]);
        assert_eq!(lines[3..5], [words(15), words(5)]);
        assert_eq!((lines.len(), lines[5].len()), (6, 201));
    }

    #[test]
    fn a_synopsis_alone_is_left_as_it_is() {
        let control = Stanza::default().with("Description", "short");
        assert_eq!(wrapped(&control), control);
        assert_eq!(wrapped(&Stanza::default()), Stanza::default());
    }
}
