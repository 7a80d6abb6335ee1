//! What a JSON schema asks of a value, reduced to the few shapes that schemars derives from our types.

use serde_json::{Map, Value as Json};

/// What a value has to look like.
pub(super) enum Shape<'s> {
    /// Anything will do.
    Anything,
    /// One of these words.
    Words(Vec<&'s str>),
    /// A string; the pattern is a regular expression, the lengths count characters, `what` describes it.
    Text {
        what: Option<&'s str>,
        pattern: Option<&'s str>,
        lengths: (u64, u64),
    },
    /// A whole number in these bounds.
    Whole(i128, i128),
    /// Any number in these bounds.
    Number(f64, f64),
    /// `true` or `false`.
    Truth,
    /// A list, and how many elements it may have.
    List {
        items: Option<&'s Json>,
        lengths: (u64, u64),
    },
    /// A table.
    Table(Table<'s>),
    /// A table whose other keys depend on the word that is the value of `tag`.
    Tagged {
        tag: &'s str,
        variants: Vec<(&'s str, &'s Json)>,
    },
    /// Any of these.
    Either(Vec<&'s Json>),
}

/// What a table may and has to hold.
pub(super) struct Table<'s> {
    /// The keys with a schema of their own.
    pub(super) properties: Option<&'s Map<String, Json>>,
    /// The keys that must be there.
    pub(super) required: Vec<&'s str>,
    /// What other keys hold; they are refused where this is `false`.
    pub(super) rest: Option<&'s Json>,
}

impl<'s> Table<'s> {
    pub(super) fn keys(&self) -> impl Iterator<Item = &'s str> {
        self.properties
            .into_iter()
            .flat_map(|map| map.keys().map(String::as_str))
    }
}

/// Follows `$ref` to what it stands for. `root` holds the `$defs`.
pub(super) fn resolve<'s>(root: &'s Json, mut schema: &'s Json) -> &'s Json {
    // Types can be recursive, but a chain of mere references longer than this is a circle.
    for _ in 0..16 {
        let target = schema["$ref"]
            .as_str()
            .and_then(|reference| root.pointer(reference.strip_prefix('#')?));
        match target {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

/// The shape that a schema asks for.
pub(super) fn of<'s>(root: &'s Json, schema: &'s Json) -> Shape<'s> {
    let schema = resolve(root, schema);
    let choices: Vec<&Json> = ["oneOf", "anyOf", "allOf"]
        .iter()
        .filter_map(|key| schema[*key].as_array())
        .flatten()
        .filter(|choice| choice["type"] != "null")
        .collect();
    match choices.as_slice() {
        [] => plain(schema),
        [only] => of(root, only),
        _ => words_of(&choices)
            .map(Shape::Words)
            .or_else(|| tagged(root, &choices))
            .unwrap_or_else(|| Shape::Either(flat(root, choices))),
    }
}

/// The alternatives among which some may be alternatives themselves.
fn flat<'s>(root: &'s Json, choices: Vec<&'s Json>) -> Vec<&'s Json> {
    let flat = choices.into_iter().map(|choice| match of(root, choice) {
        Shape::Either(inner) => inner,
        _ => vec![choice],
    });
    flat.flatten().collect()
}

fn plain(schema: &Json) -> Shape<'_> {
    if let Some(words) = words(schema) {
        return Shape::Words(words);
    }
    let kind = match &schema["type"] {
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).find(|k| *k != "null"),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => Shape::Text {
            what: schema["description"].as_str(),
            pattern: schema["pattern"].as_str(),
            lengths: range(schema, "minLength", "maxLength"),
        },
        Some("integer") => {
            let (low, high) = format_bounds(schema["format"].as_str());
            let bound = |key: &str| schema[key].as_f64().map(|bound| bound as i128);
            Shape::Whole(
                bound("minimum").map_or(low, |bound| bound.max(low)),
                bound("maximum").map_or(high, |bound| bound.min(high)),
            )
        }
        Some("number") => Shape::Number(
            schema["minimum"].as_f64().unwrap_or(f64::NEG_INFINITY),
            schema["maximum"].as_f64().unwrap_or(f64::INFINITY),
        ),
        Some("boolean") => Shape::Truth,
        Some("array") => Shape::List {
            items: schema.get("items"),
            lengths: range(schema, "minItems", "maxItems"),
        },
        Some("object") => Shape::Table(Table {
            properties: schema["properties"].as_object(),
            required: schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .collect(),
            rest: schema.get("additionalProperties"),
        }),
        _ => Shape::Anything,
    }
}

fn range(schema: &Json, low: &str, high: &str) -> (u64, u64) {
    (
        schema[low].as_u64().unwrap_or(0),
        schema[high].as_u64().unwrap_or(u64::MAX),
    )
}

/// The bounds of Rust's integer types by the names that schemars writes.
fn format_bounds(format: Option<&str>) -> (i128, i128) {
    match format {
        Some("int8") => (i8::MIN.into(), i8::MAX.into()),
        Some("int16") => (i16::MIN.into(), i16::MAX.into()),
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        Some("uint8") => (0, u8::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        Some("uint" | "uint64" | "uint128") => (0, u64::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    }
}

/// The words of an enum of words: `const` or `enum`.
fn words(schema: &Json) -> Option<Vec<&str>> {
    match (&schema["const"], &schema["enum"]) {
        (Json::String(word), _) => Some(vec![word]),
        (_, Json::Array(words)) => words
            .iter()
            .filter(|word| !word.is_null())
            .map(Json::as_str)
            .collect(),
        _ => None,
    }
}

fn words_of<'s>(choices: &[&'s Json]) -> Option<Vec<&'s str>> {
    let all: Option<Vec<Vec<&str>>> = choices.iter().map(|choice| words(choice)).collect();
    all.map(|words| words.concat())
}

/// Serde's internally tagged enums: every alternative is a table with a constant under the same key.
fn tagged<'s>(root: &'s Json, choices: &[&'s Json]) -> Option<Shape<'s>> {
    let constant =
        |choice: &'s Json, tag: &str| resolve(root, choice)["properties"][tag]["const"].as_str();
    let first = resolve(root, choices.first()?)["properties"].as_object()?;
    first.keys().find_map(|tag| {
        let variants: Option<Vec<(&str, &Json)>> = choices
            .iter()
            .map(|choice| Some((constant(choice, tag)?, *choice)))
            .collect();
        variants.map(|variants| Shape::Tagged { tag, variants })
    })
}
