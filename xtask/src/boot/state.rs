//! The states in which a boot comes to its end: those that a scenario waits for (`end`), and the one that came. What follows from a
//! state that nobody waits for is the `judge`'s.
//!
//! A scenario names one state or several; whichever comes first ends the wait, as does every other state:
//!
//! ```toml
//! end = "ready"
//! end = ["ready", "local-boot", { failed = "clock" }]
//! end = { failed = { step = "clock", code = 50 } }
//! ```

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::protocol::GuestVerdict;
use super::verdict::Verdict;

/// A state in which a boot comes to its end. `F` says of a step that failed which one it was: the one that did, as here, or what is waited for ([`End`]). As
/// JSON, what came is written as a scenario would that waits for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "End", description = "A state that a scenario waits for.")]
pub enum State<F = Failed> {
    /// The guest said that it is ready.
    #[default]
    Ready,
    /// The guest said that a step failed: `{ failed = "clock" }`, with a certain code `{ failed = { step = "clock", code = 50 } }`, whichever
    /// it is `{ failed = {} }`.
    Failed(F),
    /// The local disk booted.
    LocalBoot,
    /// The kernel panicked.
    Panic,
    /// A boot menu is shown, and waits.
    Menu,
    /// The firmware got no address, or was not told what to boot.
    NoDhcp,
    /// The firmware or the boot loader could not get a file, or would not start it.
    LoadFailed,
    /// The firmware has nothing left to boot.
    NothingToBoot,
    /// All of `expect` showed, and the machine still ran: for bundles that say nothing of themselves. What the guest says is only
    /// listened to where other states are waited for as well.
    Expected,
}

/// A state that a scenario waits for.
pub type End = State<Step>;

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Its name.
    pub step: String,
    /// Its code.
    pub code: u32,
}

/// Which step's failure is waited for; what is not given may be any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub step: Option<String>,
    /// Its code.
    pub code: Option<u32>,
}

impl From<&str> for Step {
    fn from(name: &str) -> Self {
        Self {
            step: Some(name.to_owned()),
            code: None,
        }
    }
}

/// The states that a scenario waits for: one or several, never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends(Vec<End>);

impl Default for Ends {
    fn default() -> Self {
        End::default().into()
    }
}

impl From<End> for Ends {
    fn from(end: End) -> Self {
        Self(vec![end])
    }
}

impl Ends {
    /// Whether this state is among them.
    #[must_use]
    pub fn take(&self, state: &State) -> bool {
        self.0.iter().any(|end| end.takes(state))
    }

    /// Whether lines are among what is waited for.
    #[must_use]
    pub fn take_lines(&self) -> bool {
        self.0.contains(&End::Expected)
    }

    /// Whether nothing but lines is waited for.
    #[must_use]
    pub fn only_lines(&self) -> bool {
        self.0 == [End::Expected]
    }

    /// How a boot failed that came to this state, `why` being what the guest said of a failed step.
    ///
    /// # Errors
    /// The verdict, when it is none of those that are waited for.
    pub fn judge(&self, came: Option<&State>, why: &str) -> Result<(), Verdict> {
        match came {
            Some(state) if self.take(state) => Ok(()),
            Some(State::Failed(Failed { step, code })) => {
                let (step, code, why) = (step.clone(), *code, why.to_owned());
                Err(Verdict::GuestFailed { step, code, why })
            }
            other => Err(Verdict::WrongEnd {
                expected: self.to_string(),
                got: other.map_or_else(|| "nothing".to_owned(), ToString::to_string),
            }),
        }
    }
}

impl End {
    fn takes(&self, state: &State) -> bool {
        match (self, state) {
            (Self::Failed(wanted), State::Failed(failed)) => wanted.takes(failed),
            (wanted, came) => wanted.word() == came.word(),
        }
    }
}

impl Step {
    fn takes(&self, failed: &Failed) -> bool {
        self.step
            .as_ref()
            .is_none_or(|wanted| *wanted == failed.step)
            && self.code.is_none_or(|wanted| wanted == failed.code)
    }
}

impl<F> State<F> {
    /// Its name in recipes.
    const fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Failed(_) => "failed",
            Self::LocalBoot => "local-boot",
            Self::Panic => "panic",
            Self::Menu => "menu",
            Self::NoDhcp => "no-dhcp",
            Self::LoadFailed => "load-failed",
            Self::NothingToBoot => "nothing-to-boot",
            Self::Expected => "expected",
        }
    }
}

impl State {
    /// The state that a cause of failure is; none for those that nobody can wait for.
    #[must_use]
    pub const fn of(cause: &Verdict) -> Option<Self> {
        match cause {
            Verdict::Panic { .. } => Some(Self::Panic),
            Verdict::NoDhcp { .. } => Some(Self::NoDhcp),
            Verdict::LoadFailed { .. } => Some(Self::LoadFailed),
            Verdict::NothingToBoot { .. } => Some(Self::NothingToBoot),
            _ => None,
        }
    }
}

impl From<&GuestVerdict> for State {
    fn from(said: &GuestVerdict) -> Self {
        match said {
            GuestVerdict::Ready => Self::Ready,
            GuestVerdict::LocalBoot => Self::LocalBoot,
            GuestVerdict::Failed { step, code } => Self::Failed(Failed {
                step: step.clone(),
                code: *code,
            }),
        }
    }
}

impl<F: fmt::Display> fmt::Display for State<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Failed(failed) => write!(f, "{failed}"),
            _ => Ok(()),
        }
    }
}

/// What follows the word `failed`.
impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {} {}", self.step, self.code)
    }
}

/// As for [`Failed`].
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.step.iter().try_for_each(|step| write!(f, " {step}"))?;
        self.code.iter().try_for_each(|code| write!(f, " {code}"))
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&words.join("` or `"))
    }
}

// By hand, since what derived code makes of "either this or that" refuses with "did not match any variant", whatever is wrong.

impl Serialize for Ends {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Ends {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;

        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Ends;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a state or a list of states")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Ends, E> {
                End::deserialize(word.into_deserializer()).map(Ends::from)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Ends, A::Error> {
                End::deserialize(MapAccessDeserializer::new(map)).map(Ends::from)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Ends, A::Error> {
                let ends = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                if ends.is_empty() {
                    return Err(A::Error::invalid_length(0, &"at least one state"));
                }
                Ok(Ends(ends))
            }
        }

        deserializer.deserialize_any(OneOrMore)
    }
}

impl JsonSchema for Ends {
    fn schema_name() -> Cow<'static, str> {
        "Ends".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<End>();
        json_schema!({
            "description": "The state that is waited for, or a list of states, of which any will do.",
            "anyOf": [one.clone(), { "type": "array", "items": one, "minItems": 1 }],
        })
    }
}

/// A step as a table.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "FailedStep")]
struct StepTable {
    /// Its name; any, if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// Its code; any, if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (step, code) = (self.step.clone(), self.code);
        match (step, code) {
            (Some(name), None) => name.serialize(serializer),
            (step, code) => StepTable { step, code }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;

        impl<'de> Visitor<'de> for NameOrTable {
            type Value = Step;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a step, or a table with `step` and `code`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Step, E> {
                Ok(name.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Step, A::Error> {
                let StepTable { step, code } =
                    StepTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Step { step, code })
            }
        }

        deserializer.deserialize_any(NameOrTable)
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The name of the step, or a table with its name and its code.",
            "anyOf": [{ "type": "string" }, generator.subschema_for::<StepTable>()],
        })
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
