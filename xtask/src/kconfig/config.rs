//! Values of symbols, and the final `.config` as a map of them.

use std::collections::BTreeMap;
use std::fmt;

/// What both the kernel's and busybox's symbols begin with in configuration files.
pub const PREFIX: &str = "CONFIG_";

/// The values of a bool or tristate symbol; `No < Module < Yes`, as expressions need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tristate {
    /// Left out.
    No,
    /// As a module.
    Module,
    /// Built in.
    Yes,
}

impl fmt::Display for Tristate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "n",
            Self::Module => "m",
            Self::Yes => "y",
        })
    }
}

/// The value of a symbol. It prints as it is written behind `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `y`, `m`, `n`.
    Tristate(Tristate),
    /// A decimal or hexadecimal (`0x…`) number, as written.
    Number(String),
    /// What stands between the quotes, without escapes.
    Text(String),
}

impl Value {
    /// Left out.
    pub const NO: Self = Self::Tristate(Tristate::No);

    /// Reads what stands behind `=`.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(inside) = text.strip_prefix('"') {
            return unquote(inside).map(Self::Text);
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let all =
            |text: &str, such: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| such(&b));
        match text {
            "y" => Ok(Self::Tristate(Tristate::Yes)),
            "m" => Ok(Self::Tristate(Tristate::Module)),
            "n" => Ok(Self::NO),
            "" => Err("no value follows the `=`".to_owned()),
            _ if all(digits, u8::is_ascii_digit)
                || hexadecimal.is_some_and(|digits| all(digits, u8::is_ascii_hexdigit)) =>
            {
                Ok(Self::Number(text.to_owned()))
            }
            _ => Err(format!(
                "`{text}` is no value: they are y, m, n, numbers, and strings in double quotes"
            )),
        }
    }

    /// The value where a bool or tristate counts: everything else is `n` there.
    #[must_use]
    pub fn tristate(&self) -> Tristate {
        match self {
            Self::Tristate(value) => *value,
            _ => Tristate::No,
        }
    }

    /// The value where a string counts.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Tristate(value) => value.to_string(),
            Self::Number(text) | Self::Text(text) => text.clone(),
        }
    }
}

fn unquote(inside: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = inside.chars();
    loop {
        match rest.next() {
            Some('"') if rest.as_str().is_empty() => return Ok(text),
            Some('"') => return Err("something follows the closing quote".to_owned()),
            Some('\\') => text.extend(rest.next()),
            Some(other) => text.push(other),
            None => return Err("the closing quote is missing".to_owned()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tristate(value) => write!(f, "{value}"),
            Self::Number(text) => f.write_str(text),
            Self::Text(text) => {
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\"")
            }
        }
    }
}

/// A symbol and its value. It prints as a line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The symbol without [`PREFIX`].
    pub symbol: String,
    /// Its value.
    pub value: Value,
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { symbol, value } = self;
        if *value == Value::NO {
            write!(f, "# {PREFIX}{symbol} is not set")
        } else {
            write!(f, "{PREFIX}{symbol}={value}")
        }
    }
}

/// Reads a line that sets a symbol: `CONFIG_X=value` or `# CONFIG_X is not set`. Nothing when it is another line.
#[must_use]
pub fn assignment(line: &str) -> Option<(&str, Result<Value, String>)> {
    let line = line.trim_end();
    if let Some(unset) = line
        .strip_prefix("# ")
        .and_then(|l| l.strip_suffix(" is not set"))
    {
        let symbol = unset.strip_prefix(PREFIX)?;
        return is_symbol(symbol).then_some((symbol, Ok(Value::NO)));
    }
    let (symbol, value) = line.strip_prefix(PREFIX)?.split_once('=')?;
    is_symbol(symbol).then(|| (symbol, Value::parse(value)))
}

/// Whether this could be a symbol's name.
#[must_use]
pub fn is_symbol(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A whole configuration, as `make` left it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    values: BTreeMap<String, Value>,
}

impl Config {
    /// Reads a `.config`. Lines that set nothing are passed over: a program wrote it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let values = text.lines().filter_map(|line| {
            let (symbol, value) = assignment(line)?;
            Some((symbol.to_owned(), value.ok()?))
        });
        Self {
            values: values.collect(),
        }
    }

    /// The value of a symbol; nothing when the configuration does not mention it.
    #[must_use]
    pub fn get(&self, symbol: &str) -> Option<&Value> {
        self.values.get(symbol)
    }

    /// The value of a bool or tristate symbol; a symbol that is not mentioned is `n`.
    #[must_use]
    pub fn tristate(&self, symbol: &str) -> Tristate {
        self.get(symbol).map_or(Tristate::No, Value::tristate)
    }

    /// All symbols that are mentioned, with their values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(symbol, value)| (&**symbol, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_written_alike() {
        for line in [
            "CONFIG_A=y",
            "CONFIG_A=m",
            "# CONFIG_A is not set",
            "CONFIG_A=-5",
            "CONFIG_A=0xfF",
            "CONFIG_A=\"\"",
            r#"CONFIG_A="a \"b\" \\ c""#,
        ] {
            let (symbol, value) = assignment(line).unwrap();
            let assignment = Assignment {
                symbol: symbol.to_owned(),
                value: value.unwrap(),
            };
            assert_eq!(assignment.to_string(), line);
        }
        assert_eq!(Value::parse(r#""a \"b\"""#).unwrap().text(), "a \"b\"");
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in [
            "", "Y", "yes", "\"", "\"a", "\"a\\\"", "\"a\"b", "0x", "-", "1a", "'a'",
        ] {
            assert!(Value::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_config_is_a_map() {
        let config = Config::parse(
            "#\n# x\n#\nCONFIG_A=y\n# CONFIG_B is not set\n\nCONFIG_C=\"c\"\nrubbish\n",
        );
        assert_eq!(config.tristate("A"), Tristate::Yes);
        assert_eq!(config.get("B"), Some(&Value::NO));
        assert_eq!(config.tristate("C"), Tristate::No);
        assert_eq!(config.get("D"), None);
    }
}
