//! Draws diagnostics as compilers do: file, line and column, the text underlined, what would be right.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::failure::Diagnostic;
use crate::text::boundary;

/// Draws diagnostics below one another, each ending in a newline; with ANSI escapes if `color`.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let drawn: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| renderer.render(&[group(diagnostic)]) + "\n")
        .collect();
    drawn.join("\n")
}

fn group(diagnostic: &Diagnostic) -> Group<'_> {
    let mut annotation = AnnotationKind::Primary.span(drawable(diagnostic));
    if !diagnostic.label.is_empty() {
        annotation = annotation.label(diagnostic.label.as_str());
    }
    let snippet = Snippet::source(&*diagnostic.text)
        .path(diagnostic.file.to_string_lossy())
        .annotation(annotation);
    let group = Level::ERROR
        .primary_title(diagnostic.message.as_str())
        .element(snippet);
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

/// The span as far as it lies in the text and between characters, and without a line break at its end.
fn drawable(diagnostic: &Diagnostic) -> std::ops::Range<usize> {
    let text = &diagnostic.text;
    let inside = |at: usize| boundary(text, at);
    let start = inside(diagnostic.span.start);
    let end = inside(diagnostic.span.end.max(diagnostic.span.start)).max(start);
    let kept = text[start..end].trim_end_matches(['\r', '\n']).len();
    start..start + kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::tests::{GOOD, checkout};

    fn diagnostic(text: &str, span: std::ops::Range<usize>) -> Diagnostic {
        Diagnostic {
            file: "recipes/a.toml".into(),
            text: text.into(),
            span,
            message: "this is wrong".to_owned(),
            label: "here".to_owned(),
            help: Some("do better\nor leave it".to_owned()),
        }
    }

    fn drawn(text: &str, span: std::ops::Range<usize>) -> String {
        render(&[diagnostic(text, span)], false)
    }

    #[test]
    fn the_text_is_underlined() {
        insta::assert_snapshot!(drawn("a = 1\nbcd = 2\ne = 3\n", 6..9), @r#"
        error: this is wrong
         --> recipes/a.toml:2:1
          |
        2 | bcd = 2
          | ^^^ here
          |
          = help: do better
                  or leave it
        "#);
    }

    #[test]
    fn a_recipe_with_mistakes_is_drawn_whole() {
        let text = GOOD
            .replace("[kernel]\nfragments", "[kernel]\nfragmets")
            .replace("\"pxelinux\"", "'px e'")
            .replace("[\"quiet\"]", "\"quiet\"");
        let (_folder, checkout) = checkout(&[("recipes/demo.toml", &text)]);
        let failure = crate::recipe::load(&checkout, "demo").unwrap_err();
        insta::assert_snapshot!(render(&failure.diagnostics, false), @r#"
        error: `px e` is no name of a Debian package
         --> recipes/demo.toml:9:48
          |
        9 | pxelinux = { kind = "debian-binary", package = 'px e' }
          |                                                ^^^^^^
          |
          = help: lower-case letters, digits, `+`, `-` and `.`; at least two of them, the first a letter or digit

        error: unknown key `fragmets` in [kernel]
          --> recipes/demo.toml:12:1
           |
        12 | fragmets = ["x86_64/base.config"]
           | ^^^^^^^^ did you mean `fragments`?
           |
           = help: known keys: `base`, `fragments`, `package` and `source`

        error: `append` has to be a list of strings
          --> recipes/demo.toml:18:10
           |
        18 | append = "quiet"
           |          ^^^^^^^ this is a string
           |
           = help: put it in brackets: ["quiet"]
        "#);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(render(&[], true), "");
    }

    #[test]
    fn several_are_apart_and_end_in_one_newline() {
        let text = render(&[diagnostic("a", 0..1), diagnostic("a", 0..1)], false);
        assert_eq!(text.matches("error: this is wrong").count(), 2);
        assert!(
            text.contains("\n\nerror:") && text.ends_with("leave it\n"),
            "{text}"
        );
    }

    #[test]
    fn the_end_of_the_text_can_be_shown() {
        insta::assert_snapshot!(drawn("[kernel", 7..7), @r#"
        error: this is wrong
         --> recipes/a.toml:1:8
          |
        1 | [kernel
          |        ^ here
          |
          = help: do better
                  or leave it
        "#);
        insta::assert_snapshot!(drawn("", 0..0), @r#"
        error: this is wrong
         --> recipes/a.toml:1:1
          |
        1 |
          | ^ here
          |
          = help: do better
                  or leave it
        "#);
        insta::assert_snapshot!(drawn("a = 1\n", 6..6), @r#"
        error: this is wrong
         --> recipes/a.toml:1:7
          |
        1 | a = 1
          |      ^ here
          |
          = help: do better
                  or leave it
        "#);
    }

    #[test]
    fn carriage_returns_tabs_and_wide_characters_keep_the_underline_in_place() {
        insta::assert_snapshot!(drawn("a = 1\r\n\tb = \"漢字é\" # x\r\n", 12..22), @r#"
        error: this is wrong
         --> recipes/a.toml:2:6
          |
        2 |     b = "漢字é" # x
          |         ^^^^^^^ here
          |
          = help: do better
                  or leave it
        "#);
        insta::assert_snapshot!(drawn("a = [\r\n1,\r\n2]\r\n", 4..14), @r#"
        error: this is wrong
         --> recipes/a.toml:1:5
          |
        1 |   a = [
          |  _____^
        2 | | 1,
        3 | | 2]
          | |__^ here
          |
          = help: do better
                  or leave it
        "#);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let text = drawn("a = \"\u{1b}[31m\u{202e}\u{7}\"\n", 4..17);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
    }

    #[test]
    fn colors_are_there_when_they_are_wanted() {
        assert!(render(&[diagnostic("a", 0..1)], true).contains("\u{1b}["));
        assert!(!render(&[diagnostic("a", 0..1)], false).contains('\u{1b}'));
    }

    proptest::proptest! {
        #[test]
        fn any_span_in_any_text_can_be_drawn(text in "[a-c漢é\u{0}\u{1b}\t\r\n=\"]{0,30}", start in 0..40usize, length in 0..40usize) {
            proptest::prop_assert!(drawn(&text, start..start + length).starts_with("error: this is wrong"));
            proptest::prop_assert!(drawn(&text, start + length..start).contains("recipes/a.toml"));
        }
    }
}
