//! Failures as text for a person and as JSON for a program.

use serde_json::{Value, json};

use super::diagnostics;
use crate::failure::{Diagnostic, Failure, Kind, ToolEnd};

/// Where bugs go. A bug looks different from a mistake: it asks to be reported.
const BUG: &str = "This is a bug in Cordwainer, not a mistake of yours. Please report it, with the command line and what is above.";

/// The failure for a person.
pub(super) fn render(failure: &Failure, colour: bool) -> String {
    let paint = |code: &str, text: &str| {
        if colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    };
    let shown: Vec<Diagnostic> = failure.diagnostics.iter().map(legible).collect();
    let mut text = diagnostics::render(&shown, colour);
    if !text.is_empty() {
        text.push('\n');
    }
    let head = if failure.kind == Kind::Bug {
        "bug"
    } else {
        "error"
    };
    text += &format!("{}: {}\n", paint("1;31", head), plain(&failure.what));
    for note in &failure.notes {
        text += &format!("  {}\n", plain(note).replace('\n', "\n  "));
    }
    if let Some(tool) = &failure.tool {
        text += &end(tool, &paint);
    }
    if let Some(hint) = &failure.hint {
        text += &format!("{}: {}\n", paint("1;36", "hint"), plain(hint));
    }
    if failure.kind == Kind::Bug {
        text += BUG;
        text.push('\n');
    }
    text
}

/// The text with nothing in it that a terminal would obey: recipes, names and what tools say come from anywhere.
fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c.to_string(),
        c if c.is_control() => c.escape_unicode().to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

/// The diagnostic with its words made plain; the text it points at is drawn so anyway.
fn legible(diagnostic: &Diagnostic) -> Diagnostic {
    Diagnostic {
        message: plain(&diagnostic.message),
        label: plain(&diagnostic.label),
        help: diagnostic.help.as_deref().map(plain),
        ..diagnostic.clone()
    }
}

fn end(tool: &ToolEnd, paint: &dyn Fn(&str, &str) -> String) -> String {
    let mut text = String::new();
    for line in &tool.tail {
        text += &format!("  {} {}\n", paint("2", "|"), plain(line));
    }
    if let Some(log) = &tool.log {
        text += &format!("  full log: {}\n", log.display());
    }
    if !tool.paste.is_empty() {
        text += &format!("  to run it again: {}\n", tool.paste);
    }
    text
}

/// The failure for a program.
pub(super) fn value(failure: &Failure) -> Value {
    let diagnostic = |diagnostic: &Diagnostic| {
        let (line, column) = diagnostic.line_column();
        json!({
            "file": diagnostic.file, "line": line, "column": column,
            "message": diagnostic.message, "help": diagnostic.help,
        })
    };
    let tool = failure.tool.as_ref().map(|tool| {
        json!({ "end": tool.end, "tail": tool.tail, "log": tool.log, "command": tool.paste })
    });
    json!({
        "error": {
            "kind": failure.kind.name(),
            "exit_code": failure.kind.exit_code(),
            "what": failure.what,
            "notes": failure.notes,
            "hint": failure.hint,
            "diagnostics": failure.diagnostics.iter().map(diagnostic).collect::<Vec<_>>(),
            "tool": tool,
        },
        "answer": failure.answer.as_ref().map(|(_, value)| value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_tool_shows_its_last_lines_its_log_and_how_to_run_it_again() {
        let failure = Failure::new(Kind::Build, "the step kernel failed")
            .note("make failed (exit status 2)")
            .tool(ToolEnd {
                end: "exit status 2".to_owned(),
                tail: vec!["cc: error".to_owned()],
                log: Some("/cache/logs/kernel.log".into()),
                paste: "cd /work && make".to_owned(),
            });
        assert_eq!(
            render(&failure, false),
            "error: the step kernel failed\n  make failed (exit status 2)\n  | cc: error\n  \
             full log: /cache/logs/kernel.log\n  to run it again: cd /work && make\n"
        );
    }

    #[test]
    fn a_bug_looks_different_from_a_mistake() {
        let text = render(&Failure::bug("it cannot be"), false);
        assert!(
            text.starts_with("bug: it cannot be\n") && text.contains("Please report it"),
            "{text}"
        );
        assert!(!render(&Failure::new(Kind::Usage, "no"), false).contains("report"));
    }
}
