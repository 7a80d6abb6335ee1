//! Looks up every variable of a template in the data it is to be rendered with.
//!
//! Which block is rendered depends on the data, and so does which mistakes matter: a name
//! has to exist in every branch, a value only where it is rendered.

use handlebars::template::{HelperTemplate, Parameter, Template, TemplateElement};
use handlebars::{JsonTruthy, Path};
use serde_json::Value;

use crate::failure::Diagnostic;
use crate::text::{Text, nearest};

/// All mistakes, in the order of the template.
pub(super) fn check(text: &Text, template: &Template, data: &Value) -> Vec<Diagnostic> {
    let mut check = Check {
        text,
        found: Vec::new(),
    };
    let root = Scope {
        value: data,
        locals: &[],
    };
    let place = Place {
        at: 0,
        rendered: true,
    };
    check.template(template, &[root], place);
    check.found
}

/// What names mean inside a block.
#[derive(Clone, Copy)]
struct Scope<'a> {
    value: &'a Value,
    locals: &'static [&'static str],
}

/// Where in the template we are.
#[derive(Clone, Copy)]
struct Place {
    /// Byte offset of the element, or of one before it.
    at: usize,
    /// Whether this part is rendered with this data.
    rendered: bool,
}

/// What a name stands for.
enum Found<'a> {
    Value(&'a Value),
    /// `@index` and the like.
    Local,
    /// Inside something that has no value.
    Nothing,
    /// Unknown; the names there are instead.
    Unknown(Vec<&'a str>),
}

struct Check<'t> {
    text: &'t Text,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn template(&mut self, template: &Template, scopes: &[Scope<'_>], place: Place) {
        for (index, element) in template.elements.iter().enumerate() {
            let known = template.mapping.get(index);
            let at = known.map_or(place.at, |known| self.text.offset(known.0, known.1));
            let place = Place { at, ..place };
            match element {
                TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
                TemplateElement::Expression(expression)
                | TemplateElement::HtmlExpression(expression) => {
                    self.expression(expression, scopes, place);
                }
                TemplateElement::HelperBlock(block) => self.block(block, scopes, place),
                _ => self.refuse(
                    place,
                    "partials and decorators are not part of templates here",
                ),
            }
        }
    }

    fn expression(&mut self, expression: &HelperTemplate, scopes: &[Scope<'_>], place: Place) {
        let plain = expression.params.is_empty() && expression.hash.is_empty();
        let Some(name) = expression.name.as_name().filter(|_| plain) else {
            return self.refuse(
                place,
                "only a variable can stand here: there are no helpers",
            );
        };
        let Some(value) = self.look_up(name, scopes, place).filter(|_| place.rendered) else {
            return;
        };
        let (what, label) = match value {
            Value::Object(_) => ("is a table", "name one of its keys"),
            Value::Array(_) => ("is a list", "use {{#each}}"),
            Value::Null => ("has no value", "put it inside {{#if}}"),
            _ => return,
        };
        self.report(name, place, format!("`{name}` {what}"), label, None);
    }

    fn block(&mut self, block: &HelperTemplate, scopes: &[Scope<'_>], place: Place) {
        let simple = block.hash.is_empty() && block.block_param.is_none();
        let variable = match &block.params[..] {
            [Parameter::Path(path)] if simple => path_name(path),
            _ => return self.refuse(place, "a block takes one variable and nothing else"),
        };
        let positive = match block.name.as_name() {
            Some("each") => return self.each(block, variable, scopes, place),
            Some("if") => true,
            Some("unless") => false,
            _ => return self.refuse(place, "the blocks are {{#if}}, {{#unless}} and {{#each}}"),
        };
        let known = self.look_up(variable, scopes, place);
        let holds = known.is_some_and(|value| value.is_truthy(false)) == positive;
        self.branches(block, scopes, place, holds);
    }

    /// Both branches of a condition.
    fn branches(
        &mut self,
        block: &HelperTemplate,
        scopes: &[Scope<'_>],
        place: Place,
        holds: bool,
    ) {
        for (branch, taken) in [(&block.template, holds), (&block.inverse, !holds)] {
            if let Some(branch) = branch {
                let rendered = place.rendered && taken;
                self.template(branch, scopes, Place { rendered, ..place });
            }
        }
    }

    fn each(&mut self, block: &HelperTemplate, variable: &str, scopes: &[Scope<'_>], place: Place) {
        let items: Vec<Scope<'_>> = match self.look_up(variable, scopes, place) {
            Some(Value::Array(items)) => scopes_of(items, &["index", "first", "last"]),
            Some(Value::Object(items)) => {
                scopes_of(items.values(), &["key", "index", "first", "last"])
            }
            Some(_) if place.rendered => {
                let message = format!("`{variable}` is no list");
                return self.report(
                    variable,
                    place,
                    message,
                    "{{#each}} needs a list or table",
                    None,
                );
            }
            _ => Vec::new(),
        };
        for item in &items {
            if let Some(body) = &block.template {
                self.template(body, &[scopes, &[*item]].concat(), place);
            }
        }
        if let Some(otherwise) = &block.inverse {
            let rendered = place.rendered && items.is_empty();
            self.template(otherwise, scopes, Place { rendered, ..place });
        }
    }

    /// The value of a name; a constant for `@index` and the like, nothing (and a mistake) when it is unknown.
    fn look_up<'a>(&mut self, name: &str, scopes: &[Scope<'a>], place: Place) -> Option<&'a Value> {
        const LOCAL: &Value = &Value::Bool(true);
        let names = match resolve(name, scopes) {
            Found::Value(value) => return Some(value),
            Found::Local => return Some(LOCAL),
            Found::Nothing if !place.rendered => return None,
            Found::Nothing => Vec::new(),
            Found::Unknown(names) => names,
        };
        let last = name.rsplit(['.', '/']).next().unwrap_or(name);
        let label = nearest(last, names.iter().copied())
            .map(|near| format!("did you mean `{near}`?"))
            .unwrap_or_default();
        let help = (!names.is_empty()).then(|| format!("variables here: {}", names.join(", ")));
        self.report(
            name,
            place,
            format!("unknown variable `{name}`"),
            &label,
            help,
        );
        None
    }

    fn refuse(&mut self, place: Place, message: &str) {
        self.report("", place, message.to_owned(), "", None);
    }

    fn report(
        &mut self,
        name: &str,
        place: Place,
        message: String,
        label: &str,
        help: Option<String>,
    ) {
        let span = find(&self.text.text, name, place.at);
        let mistake = self.text.wrong(span, message, label, help);
        // The body of an `each` is looked at once for each item.
        if !self.found.contains(&mistake) {
            self.found.push(mistake);
        }
    }
}

fn path_name(path: &Path) -> &str {
    match path {
        Path::Relative((_, name)) | Path::Local((_, _, name)) => name,
    }
}

fn scopes_of<'a>(
    items: impl IntoIterator<Item = &'a Value>,
    locals: &'static [&'static str],
) -> Vec<Scope<'a>> {
    let scope = |value| Scope { value, locals };
    items.into_iter().map(scope).collect()
}

/// What a name means, as handlebars resolves it: `a.b`, `a/b`, `this`, `../a`, `@root.a`, `@index`.
fn resolve<'a>(name: &str, scopes: &[Scope<'a>]) -> Found<'a> {
    let mut rest = name;
    let mut level = scopes.len();
    if let Some(below) = rest
        .strip_prefix("@root")
        .and_then(|r| r.strip_prefix(['.', '/']))
    {
        (rest, level) = (below, 1);
    }
    let local = rest.strip_prefix('@');
    rest = local.unwrap_or(rest);
    while let Some(above) = rest.strip_prefix("../") {
        (rest, level) = (above, level.saturating_sub(1));
    }
    let Some(scope) = level.checked_sub(1).and_then(|level| scopes.get(level)) else {
        return Found::Unknown(Vec::new());
    };
    if local.is_some() {
        return match scope.locals.contains(&rest) {
            true => Found::Local,
            false => Found::Unknown(scope.locals.to_vec()),
        };
    }
    let mut value = scope.value;
    for key in rest
        .split(['.', '/'])
        .filter(|key| !["", "this"].contains(key))
    {
        value = match (value, step(value, key)) {
            (_, Some(next)) => next,
            (Value::Null, None) => return Found::Nothing,
            (_, None) => return Found::Unknown(keys(value)),
        };
    }
    Found::Value(value)
}

fn step<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(key),
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn keys(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(map) => map.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The range of `name` inside the first `{{…}}` from `at` on that has it as a word; the braces where none has.
fn find(text: &str, name: &str, at: usize) -> std::ops::Range<usize> {
    let is_part = |c: char| c.is_alphanumeric() || "_-$:@./".contains(c);
    let mut from = at;
    while let Some(open) = text[from..].find("{{").map(|open| from + open) {
        let close = text[open..]
            .find("}}")
            .map_or(text.len(), |close| open + close);
        let inside = &text[open..close];
        let word = inside.match_indices(name).find(|&(start, word)| {
            let before = inside[..start].chars().next_back();
            let after = inside[start + word.len()..].chars().next();
            !word.is_empty() && !before.is_some_and(is_part) && !after.is_some_and(is_part)
        });
        match word {
            Some((start, word)) => return open + start..open + start + word.len(),
            None if name.is_empty() => return open..(close + 2).min(text.len()),
            None => from = close,
        }
    }
    at..at
}
