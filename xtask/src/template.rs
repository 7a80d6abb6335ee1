//! Templates: handlebars with nothing in it that could go wrong quietly.
//!
//! A template is text, `{{variable}}`, `{{#if}}`, `{{#unless}}`, `{{#each}}` with `{{else}}`, and comments; nothing is
//! escaped (the configuration files we write are no HTML). Handlebars' strict mode alone lets
//! `{{#if missing}}` pass, renders null as nothing and a table as `[object]`; so every variable is first looked up
//! in the data (`check`), and all mistakes are reported at once. There are no helpers,
//! partials or decorators: a template cannot run code or read files.

mod check;

use std::path::Path;

use handlebars::{Handlebars, Template, TemplateError, TemplateErrorReason, no_escape};
use serde::Serialize;

use crate::failure::{Failure, Kind, Result};
use crate::text::Text;

/// What handlebars brings and a template may not use; taken out so that a variable may have the name.
const HELPERS: [&str; 14] = [
    "with", "lookup", "raw", "log", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len",
];

/// How many blocks a template may have, and how many brackets a tag.
const BLOCKS: usize = 200;
const BRACKETS: usize = 20;

/// No template is longer, in bytes: reading one takes some microseconds a byte.
const LONGEST: usize = 1 << 20;

/// Renders a template. `file` is what diagnostics call it.
///
/// # Errors
/// [`Kind::Recipe`] with a diagnostic for each mistake: broken syntax, an unknown variable, a
/// variable without a value, a table or list where text is wanted, a helper or partial.
pub fn render(file: &Path, text: &str, data: &impl Serialize) -> Result<String> {
    if text.len() > LONGEST {
        return Err(failure(file)
            .note("it is longer than 1 MiB")
            .hint("what has nothing to be filled in needs no `.hbs` at the end of its name"));
    }
    let text = Text::new(file, text);
    let data = serde_json::to_value(data)
        .map_err(|error| Failure::bug(format!("data for a template cannot be JSON: {error}")))?;
    if let Some(at) = too_deep(&text.text) {
        let mistake = text.wrong(at..at + 2, "templates do not nest this deep", "", None);
        return Err(failure(file).diagnostics(vec![mistake]));
    }
    let template = Template::compile(&text.text).map_err(|error| broken(&text, &error))?;
    let mistakes = check::check(&text, &template, &data);
    if !mistakes.is_empty() {
        return Err(failure(file).diagnostics(mistakes));
    }
    let mut handlebars = Handlebars::new();
    handlebars.set_strict_mode(true);
    handlebars.register_escape_fn(no_escape);
    for helper in HELPERS {
        handlebars.unregister_helper(helper);
    }
    handlebars.register_template("template", template);
    handlebars
        .render("template", &data)
        .map_err(|error| Failure::bug(format!("{}: {error}", file.display())))
}

/// The tag with which a template could nest deeper than handlebars' recursive parser has stack for.
fn too_deep(text: &str) -> Option<usize> {
    let mut blocks = 0;
    let mut tags = text.match_indices("{{").map(|(at, _)| at);
    tags.find(|&at| {
        let tag = text[at..].split("}}").next().unwrap_or_default();
        let tag = tag.trim_start_matches(|c: char| "{~".contains(c) || c.is_whitespace());
        blocks += usize::from(tag.starts_with('#'));
        let brackets = tag.bytes().filter(|byte| b"([{".contains(byte)).count();
        blocks > BLOCKS || brackets > BRACKETS
    })
}

fn failure(file: &Path) -> Failure {
    Failure::new(
        Kind::Recipe,
        format!("the template {} is wrong", file.display()),
    )
}

/// Handlebars names the place where it gave up; what is broken is the tag that opens before it.
fn broken(text: &Text, error: &TemplateError) -> Failure {
    let gave_up = error
        .pos()
        .map_or(0, |(line, column)| text.offset(line, column));
    let start = match text.text[gave_up..].starts_with("{{") {
        true => gave_up,
        false => text.text[..gave_up].rfind("{{").unwrap_or(gave_up),
    };
    let line = text.text[start..].lines().next().unwrap_or_default();
    let end = line.find("}}").map_or(line.len(), |close| close + 2);
    let message = match error.reason() {
        // What follows is the parser's own grammar, which says nothing to a writer of templates.
        TemplateErrorReason::InvalidSyntax(_) => "this is no valid template".to_owned(),
        reason => reason.to_string(),
    };
    let help = "a template has {{variable}}, {{#if x}}, {{#unless x}} and {{#each x}}, each with {{else}} if wanted and closed by {{/if}} and so on";
    let diagnostic = text.wrong(start..start + end, message, "", help.to_owned());
    failure(&text.file).diagnostics(vec![diagnostic])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, proptest};
    use serde_json::{Value, json};

    use super::*;

    fn try_render(template: &str, data: &Value) -> Result<String> {
        render(Path::new("a.hbs"), template, data)
    }

    /// Line, column, underlined text, message and label of the only mistake.
    fn mistake(template: &str, data: &Value) -> String {
        let failure = try_render(template, data).unwrap_err();
        assert_eq!(failure.kind, Kind::Recipe, "{failure}");
        let [one] = &failure.diagnostics[..] else {
            panic!("{:?}", failure.diagnostics);
        };
        let (line, column) = one.line_column();
        let underlined = &one.text[one.span.clone()];
        format!(
            "{line}:{column} {underlined}: {} ({})",
            one.message, one.label
        )
    }

    #[test]
    fn nothing_is_escaped() {
        let data = json!({"append": "a=1 \"b\" <c>"});
        assert_eq!(
            try_render("APPEND {{append}}\n", &data).unwrap(),
            "APPEND a=1 \"b\" <c>\n"
        );
    }

    #[test]
    fn an_unknown_variable_is_underlined_with_a_suggestion() {
        let data = json!({"kernel": "vmlinuz", "initrd": "a"});
        assert_eq!(
            mistake("LINUX {{kernel}}\nINITRD {{ initrf }}\n", &data),
            "2:11 initrf: unknown variable `initrf` (did you mean `initrd`?)"
        );
        let failure = try_render("{{zzz}}", &data).unwrap_err();
        assert_eq!(
            failure.diagnostics[0].help.as_deref(),
            Some("variables here: initrd, kernel")
        );
    }

    #[test]
    fn what_strict_mode_lets_pass_is_refused() {
        let data = json!({"none": null, "table": {"a": 1}, "list": [1], "no": false});
        for (template, message) in [
            ("{{#if missing}}x{{/if}}", "unknown variable `missing`"),
            (
                "{{#unless missing}}x{{/unless}}",
                "unknown variable `missing`",
            ),
            ("{{#if no}}{{missing}}{{/if}}", "unknown variable `missing`"),
            (
                "{{#if no}}{{else if missing}}x{{/if}}",
                "unknown variable `missing`",
            ),
            ("{{none}}", "`none` has no value"),
            ("{{table}}", "`table` is a table"),
            ("{{{table}}}", "`table` is a table"),
            ("{{list}}", "`list` is a list"),
            ("{{#each none}}x{{/each}}", "`none` is no list"),
            ("{{table.b}}", "unknown variable `table.b`"),
            ("{{../up}}", "unknown variable `../up`"),
            ("{{#each list}}{{@key}}{{/each}}", "unknown variable `@key`"),
            ("{{@index}}", "unknown variable `@index`"),
        ] {
            let found = mistake(template, &data);
            assert!(found.contains(message), "{template}: {found}");
        }
    }

    #[test]
    fn what_could_run_code_or_read_files_is_refused() {
        let data = json!({"a": 1, "b": {"c": 1}});
        for template in [
            "{{> other}}",
            "{{#> other}}{{/other}}",
            "{{lookup b \"c\"}}",
            "{{log a}}",
            "{{#with b}}{{c}}{{/with}}",
            "{{#if (eq a 1)}}x{{/if}}",
            "{{#if a includeZero=true}}x{{/if}}",
            "{{#each b as |v|}}x{{/each}}",
            "{{#*inline \"x\"}}{{/inline}}",
            "{{{{raw}}}}x{{{{/raw}}}}",
        ] {
            assert_eq!(
                try_render(template, &data).unwrap_err().kind,
                Kind::Recipe,
                "{template}"
            );
        }
    }

    #[test]
    fn blocks_scopes_and_options_render() {
        let data = json!({
            "name": "demo", "extra": null, "log": "l",
            "nodes": [{"name": "a", "disk": {"n": 0}}, {"name": "b", "disk": null}],
        });
        let template = "{{#each nodes}}\n{{@index}} {{name}} of {{../name}}/{{@root.log}}{{#if disk}} hd{{disk.n}}{{else}} none{{/if}}\n{{/each}}\n{{#if extra}}{{extra}}{{/if}}";
        assert_eq!(
            try_render(template, &data).unwrap(),
            "0 a of demo/l hd0\n1 b of demo/l none\n"
        );
    }

    #[test]
    fn every_mistake_is_reported_once() {
        let data = json!({"list": [{"a": 1}, {"a": 2}]});
        let failure = try_render("{{x}}{{#each list}}{{y}}{{a}}{{/each}}", &data).unwrap_err();
        let messages: Vec<&str> = failure.diagnostics.iter().map(|d| &*d.message).collect();
        assert_eq!(messages, ["unknown variable `x`", "unknown variable `y`"]);
    }

    #[test]
    fn no_nesting_overflows_the_stack() {
        let data = json!({"a": 1});
        let blocks = |n| "{{#if a}}".repeat(n) + "x" + &"{{/if}}".repeat(n);
        assert_eq!(try_render(&blocks(200), &data).unwrap(), "x");
        for template in [
            blocks(100_000),
            "{{~\n#if a}}".repeat(9999),
            "{{a ".to_owned() + &"(a ".repeat(99_999),
            "{{a ".to_owned() + &"[".repeat(99_999),
        ] {
            assert_eq!(try_render(&template, &data).unwrap_err().kind, Kind::Recipe);
        }
    }

    #[test]
    fn broken_syntax_has_a_place() {
        let found = mistake("a\n{{#if a}}x{{/each}}\n", &json!({"a": 1}));
        assert!(found.starts_with("2:11 {{/each}}: "), "{found}");
        let found = mistake("a\nb {{c\n", &json!({"c": 1}));
        assert!(found.starts_with("2:3 {{c: "), "{found}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// Neither a panic nor a [`Kind::Bug`]: what passes the check renders.
        #[test]
        fn any_text_renders_or_is_a_mistake(
            template in r"(\{\{|\}\}|\{\{#(if|each|unless) |\{\{else( if )?|\{\{/(if|each|unless)\}\}|a|b|[.~/@ \n]|\.\./|this|(a|b|@index|l)\}\}|é|[^{}]){0,12}"
        ) {
            let data = json!({"a": "x", "b": {"a": null}, "l": [1, {"a": 2}]});
            if let Err(failure) = try_render(&template, &data) {
                assert_eq!(failure.kind, Kind::Recipe, "{failure}");
            }
        }
    }
}
