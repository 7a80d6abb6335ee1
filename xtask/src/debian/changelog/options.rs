//! What follows the `;` of a heading: `urgency=medium, binary-only=yes`.

use std::collections::BTreeMap;

/// The options by their keys, capitalised as dpkg does; and what is wrong: which part, and why.
pub(super) fn read(options: &str) -> (BTreeMap<String, String>, Vec<(&str, String)>) {
    let mut fields = BTreeMap::new();
    let mut wrong = Vec::new();
    for option in options.trim_end_matches([',', ' ', '\t']).split(',') {
        let option = option.trim();
        let Some((key, value)) = option
            .split_once('=')
            .filter(|(key, value)| is_word(key) && !value.trim().is_empty())
        else {
            wrong.push((option, format!("`{option}` is not of the form key=value")));
            continue;
        };
        let (key, value) = (capitalise(key), value.trim());
        wrong.extend(mistake(&key, value).map(|message| (option, message)));
        if fields.insert(key.clone(), value.to_owned()).is_some() {
            wrong.push((option, format!("{key} is given twice")));
        }
    }
    (fields, wrong)
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// `binary-only` → `Binary-Only`.
fn capitalise(key: &str) -> String {
    let part = |part: &str| match part.split_at_checked(1) {
        Some((first, rest)) => first.to_uppercase() + &rest.to_lowercase(),
        None => String::new(),
    };
    key.split('-').map(part).collect::<Vec<_>>().join("-")
}

fn mistake(key: &str, value: &str) -> Option<String> {
    // A remark may follow an urgency.
    let first = value.split_whitespace().next().unwrap_or("");
    let user_defined = key.strip_prefix('X').and_then(|rest| rest.split_once('-'));
    match key {
        "Urgency" => (!is_word(first)).then(|| format!("`{value}` is no urgency")),
        "Binary-Only" => (value != "yes").then(|| "binary-only can only be `yes`".to_owned()),
        _ if user_defined.is_some_and(|(marks, _)| is_marks(marks)) => None,
        _ => Some(format!(
            "{key} is no key of a heading: there are urgency and binary-only"
        )),
    }
}

/// Whether these letters say where a user-defined field is exported to: binary, source, changes.
fn is_marks(letters: &str) -> bool {
    !letters.is_empty() && letters.chars().all(|c| "bcsBCS".contains(c))
}
