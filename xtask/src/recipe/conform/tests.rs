use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::*;
use crate::recipe::parse::parse;
use crate::recipe::parse::tests::file;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "only decoded")]
struct Top {
    /// What it is for.
    description: String,
    #[serde(default)]
    level: u8,
    #[serde(default)]
    ratio: f32,
    #[serde(default)]
    color: Option<Color>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    inner: Inner,
    #[serde(default)]
    part: Vec<Part>,
    #[serde(default)]
    by_name: BTreeMap<String, Part>,
    #[serde(default)]
    goal: Option<Goal>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Inner {
    quiet: bool,
    sha: Option<crate::digest::Digest>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Color {
    Red,
    /// Not blue.
    Green,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "only decoded")]
enum Part {
    Wheel { spokes: u32 },
    Frame { size: String },
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "only decoded")]
enum Goal {
    Any,
    Within { seconds: u32 },
}

/// Each problem as `line «text» message; label; help`.
fn said(text: &str) -> Vec<String> {
    let root = parse(&file("a.toml", text)).root;
    let conformed = conform::<Top>(&root, &Path::root());
    assert!(conformed.value.is_some() || !conformed.problems.is_empty());
    let show = |d: &Diagnostic| {
        let help = d.help.clone().unwrap_or_default();
        let parts = [d.message.clone(), d.label.clone(), help];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!(
            "{} «{}» {}",
            d.line_column().0,
            &d.text[d.span.clone()],
            parts.join("; ")
        )
    };
    conformed.problems.iter().map(show).collect()
}

#[test]
fn what_fits_decodes() {
    let text = "description = 'x'\nlevel = 255\nratio = 1\ncolor = 'red'\nnames = ['a']\ninner = {quiet = true}\n\
        goal = {within = {seconds = 3}}\n[[part]]\nkind = 'wheel'\nspokes = 4\n[by-name.f]\nkind = 'frame'\nsize = '1'\n";
    assert_eq!(said(text), [""; 0]);
    assert_eq!(said("description = 'x'\ngoal = 'any'\n"), [""; 0]);
}

#[test]
fn wrong_types_are_told_in_words() {
    let text = "description = 5\nlevel = 'high'\nratio = 'x'\nnames = 'a'\ncolor = 1\ninner = 3\npart = {}\nby-name = 1979-05-27\ngoal = 7\n";
    insta::assert_snapshot!(said(text).join("\n"), @r#"
    8 «1979-05-27» `by-name` has to be a table; this is a date or time
    5 «1» `color` has to be `red` or `green`; this is a whole number
    1 «5» `description` has to be a string; this is a whole number; write it in quotes: "5"
    9 «7» `goal` has to be `any`, or `{ within = … }`; this is a whole number
    6 «3» `inner` has to be a table; this is a whole number
    2 «'high'» `level` has to be a whole number; this is a string
    4 «'a'» `names` has to be a list of strings; this is a string; put it in brackets: ['a']
    7 «{}» `part` has to be a list of tables; this is a table; begin each of them with [[part]]
    3 «'x'» `ratio` has to be a number; this is a string
    "#);
}

#[test]
fn typos_get_suggestions() {
    let text = "descripton = 'x'\ncolor = 'gren'\nsha = ''\n[inner]\nquite = true\nquiett = true\n[[part]]\nknd = 'wheel'\n\
        [[part]]\nkind = 'wheell'\n[[part]]\n[by-name.x]\nkind = 'frame'\nspokes = 3\n";
    insta::assert_snapshot!(said(text).join("\n"), @r#"
    14 «spokes» unknown key `spokes` in [by-name.x]; known keys: `kind` and `size`
    12 «[by-name.x]» [by-name.x] lacks `size`
    2 «'gren'» `color` cannot be `gren`; did you mean `green`?; it has to be `red` or `green`
    1 «descripton» unknown key `descripton` at the top; did you mean `description`?; known keys: `by-name`, `color`, `description`, `goal`, `inner`, `level`, `names`, `part` and `ratio`
    6 «quiett» unknown key `quiett` in [inner]; did you mean `quiet`?; known keys: `quiet` and `sha`
    5 «quite» unknown key `quite` in [inner]; did you mean `quiet`?; known keys: `quiet` and `sha`
    8 «knd» unknown key `knd`; did you mean `kind`?
    10 «'wheell'» `kind` cannot be `wheell`; did you mean `wheel`?; it has to be `wheel` or `frame`
    11 «[[part]]» [[part]] lacks `kind`; kind = "wheel" or "frame"
    3 «sha» unknown key `sha` at the top; it belongs to [inner]
    "#);
}

#[test]
fn ranges_and_forms_are_kept() {
    let text = "description = 'x'\nlevel = 256\nratio = nan\ninner.sha = 'abc'\n";
    insta::assert_snapshot!(said(text).join("\n"), @r#"
    4 «'abc'» `sha` does not have the form that is needed here; `sha` is: SHA-256, 64 hexadecimal digits
    2 «256» `level` is out of range; it can be from 0 to 255
    3 «nan» `ratio` is out of range; it has to be finite
    "#);
}

#[test]
fn nothing_at_all_lacks_what_is_needed() {
    insta::assert_snapshot!(said("").join("\n"), @r#"1 «» the file lacks `description`; `description`: What it is for."#);
    insta::assert_snapshot!(said("[inner]\n[goal]\nwithin = {}").join("\n"), @r#"
    3 «{}» [goal.within] lacks `seconds`
    1 «» the file lacks `description`; `description`: What it is for.
    "#);
}

proptest::proptest! {
    #[test]
    fn arbitrary_toml_never_panics(
        text in "((description|level|color|names|inner|quiet|part|goal|\"\"|\"\\\\u0000\") = ('red'|\\[\\]|\\{\\}|1|inf|\\[\\[1\\], \\{kind = 1\\}\\]|[a\\[]{2})\n|\\[(\\[part\\]|inner|by-name.x|part)\\]\n){0,6}"
    ) {
        said(&text);
    }
}
