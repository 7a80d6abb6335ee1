//! Expressions of Kconfig files: `A && (B || !C) && D = "x"`, and their values in a configuration.

use std::fmt;

use super::config::{Config, Tristate, Value};

/// How deep parentheses and negations may nest; no real tree comes near.
const DEPTH: usize = 64;

/// A dependency expression (kconfig-language.rst, "Menu dependencies").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// A symbol, or a constant in quotes (which has another value as a text only).
    Term(Term),
    /// `!a`
    Not(Box<Expr>),
    /// `a && b`
    And(Box<Expr>, Box<Expr>),
    /// `a || b`
    Or(Box<Expr>, Box<Expr>),
    /// `a = b` and its like.
    Compare(Term, Operator, Term),
    /// What cannot be known from files: a macro such as `$(cc-option,-m32)`, or something broken.
    Unknown(String),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// A symbol.
    Symbol(String),
    /// A text in quotes.
    Constant(String),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named by its sign")]
pub enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Longer signs first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl Term {
    fn text(&self, config: &Config) -> String {
        match self {
            Self::Constant(text) => text.clone(),
            // A symbol that is nowhere defined stands for its own name: `y`, `5`, `x86`.
            Self::Symbol(name) => config.get(name).map_or_else(
                || {
                    if literal(name) {
                        name.clone()
                    } else {
                        "n".to_owned()
                    }
                },
                Value::text,
            ),
        }
    }

    fn tristate(&self, config: &Config) -> Tristate {
        match self {
            Self::Constant(text) | Self::Symbol(text) if text == "y" => Tristate::Yes,
            Self::Constant(text) | Self::Symbol(text) if text == "m" => Tristate::Module,
            Self::Constant(_) => Tristate::No,
            Self::Symbol(name) => config.tristate(name),
        }
    }
}

/// Symbols are in capitals by custom, architecture names and numbers are not.
fn literal(name: &str) -> bool {
    !name.bytes().any(|byte| byte.is_ascii_uppercase())
}

impl Expr {
    /// Reads an expression. What cannot be understood becomes [`Expr::Unknown`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parser = Parser {
            rest: text,
            depth: 0,
        };
        match parser.or() {
            Some(expr) if parser.rest.trim().is_empty() => expr,
            _ => Self::Unknown(text.trim().to_owned()),
        }
    }

    /// Its value, or nothing where that hangs on something unknown.
    #[must_use]
    pub fn value(&self, config: &Config) -> Option<Tristate> {
        match self {
            Self::Term(term) => Some(term.tristate(config)),
            Self::Not(inner) => inner.value(config).map(|value| match value {
                Tristate::No => Tristate::Yes,
                Tristate::Module => Tristate::Module,
                Tristate::Yes => Tristate::No,
            }),
            Self::And(left, right) => match (left.value(config), right.value(config)) {
                (Some(Tristate::No), _) | (_, Some(Tristate::No)) => Some(Tristate::No),
                (left, right) => Some(left?.min(right?)),
            },
            Self::Or(left, right) => match (left.value(config), right.value(config)) {
                (Some(Tristate::Yes), _) | (_, Some(Tristate::Yes)) => Some(Tristate::Yes),
                (left, right) => Some(left?.max(right?)),
            },
            Self::Compare(left, operator, right) => {
                let holds = compare(&left.text(config), *operator, &right.text(config));
                Some(if holds { Tristate::Yes } else { Tristate::No })
            }
            Self::Unknown(_) => None,
        }
    }

    /// The parts that all have to hold.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<&Self> {
        match self {
            Self::And(left, right) => [left.conjuncts(), right.conjuncts()].concat(),
            other => vec![other],
        }
    }

    /// The symbol, if the expression is nothing but one.
    #[must_use]
    pub fn symbol(&self) -> Option<&str> {
        match self {
            Self::Term(Term::Symbol(name)) => Some(name),
            _ => None,
        }
    }
}

fn compare(left: &str, operator: Operator, right: &str) -> bool {
    let order = match (number(left), number(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(right),
    };
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::Unequal => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
    }
}

fn number(text: &str) -> Option<i128> {
    match text.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl Parser<'_> {
    fn or(&mut self) -> Option<Expr> {
        let mut left = self.and()?;
        while self.take("||") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Some(left)
    }

    fn and(&mut self) -> Option<Expr> {
        let mut left = self.unary()?;
        while self.take("&&") {
            left = Expr::And(Box::new(left), Box::new(self.unary()?));
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Expr> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let expr = if self.take("!") {
            Expr::Not(Box::new(self.unary()?))
        } else if self.take("(") {
            let inner = self.or()?;
            self.take(")").then_some(inner)?
        } else if let Some(macros) = self.take_macro() {
            Expr::Unknown(macros)
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Some(expr)
    }

    fn comparison(&mut self) -> Option<Expr> {
        let left = self.term()?;
        let operator = OPERATORS.into_iter().find(|(sign, _)| self.take(sign));
        match operator {
            None => Some(Expr::Term(left)),
            Some((sign, operator)) => match self.take_macro() {
                Some(right) => Some(Expr::Unknown(format!("{left} {sign} {right}"))),
                None => Some(Expr::Compare(left, operator, self.term()?)),
            },
        }
    }

    fn term(&mut self) -> Option<Term> {
        self.rest = self.rest.trim_start();
        if let Some(quote) = self.rest.chars().next().filter(|c| "\"'".contains(*c)) {
            let (text, rest) = self.rest[1..].split_once(quote)?;
            self.rest = rest;
            // A macro inside quotes has a value that no file tells.
            return (!text.contains("$(")).then(|| Term::Constant(text.to_owned()));
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then(|| Term::Symbol(name.to_owned()))
    }

    fn take(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        // `!=` is a comparison and no negation.
        let rest = rest.filter(|rest| sign != "!" || !rest.starts_with('='));
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// `$(…)` with whatever parentheses are inside.
    fn take_macro(&mut self) -> Option<String> {
        let text = self.rest.trim_start();
        let inside = text.strip_prefix("$(")?;
        let mut open = 1;
        let end = inside.find(|c| {
            open += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            open == 0
        })?;
        let (taken, rest) = text.split_at(end + 3);
        self.rest = rest;
        Some(taken.to_owned())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symbol(name) => f.write_str(name),
            // Kconfig knows both quotes, and no way to write one inside its own.
            Self::Constant(text) if text.contains('"') => write!(f, "'{text}'"),
            Self::Constant(text) => write!(f, "\"{text}\""),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tight = |expr: &Self| match expr {
            Self::Or(..) | Self::And(..) => format!("({expr})"),
            _ => expr.to_string(),
        };
        match self {
            Self::Term(term) => write!(f, "{term}"),
            Self::Not(inner) => write!(f, "!{}", tight(inner)),
            Self::And(left, right) => {
                let side = |side: &Self| match side {
                    Self::Or(..) => tight(side),
                    _ => side.to_string(),
                };
                write!(f, "{} && {}", side(left), side(right))
            }
            Self::Or(left, right) => write!(f, "{left} || {right}"),
            Self::Compare(left, operator, right) => {
                let sign = OPERATORS.iter().find(|(_, of)| of == operator);
                write!(f, "{left} {} {right}", sign.map_or("", |(sign, _)| sign))
            }
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<Tristate> {
        let config = Config::parse("CONFIG_Y=y\nCONFIG_M=m\nCONFIG_FIVE=5\nCONFIG_S=\"x86\"\n");
        Expr::parse(text).value(&config)
    }

    #[test]
    fn values_are_those_of_tristate_logic() {
        use Tristate::{Module, No, Yes};
        for (text, expected) in [
            ("Y", Yes),
            ("M", Module),
            ("N", No),
            ("y", Yes),
            ("!N", Yes),
            ("!M", Module),
            ("Y && M", Module),
            ("N || M", Module),
            ("Y && !(N || M)", Module),
            ("M = m", Yes),
            ("M!=y", Yes),
            ("N = n", Yes),
            ("FIVE > 4", Yes),
            ("FIVE<=4", No),
            ("FIVE = 0x5", Yes),
            ("S = \"x86\"", Yes),
            ("S = x86", Yes),
            ("FIVE", No),
            ("N && $(cc-option,-m32)", No),
            ("Y || $(success,a (b) c)", Yes),
            ("N || Y && N", No),
            ("'y'", Yes),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_files_cannot_tell_is_unknown() {
        for text in [
            "$(cc-option,-m32)",
            "Y && $(a)",
            "Y && (",
            "",
            "A B",
            "A = $(x)",
            "A && \"$(x)\" = \"\"",
            &"!".repeat(500),
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn expressions_are_printed_as_they_were_meant() {
        for text in [
            "A && (B || !C) && D != \"x\"",
            "!(A && B) || C",
            "A || B && C",
            "A = 'it says \"x\"'",
        ] {
            assert_eq!(Expr::parse(text).to_string(), text);
        }
        let expr = Expr::parse("A && (B || C) && D");
        let parts: Vec<String> = expr.conjuncts().iter().map(ToString::to_string).collect();
        assert_eq!(parts, ["A", "B || C", "D"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in r#"(A|!|\(|\)|&&|\|\||=|<|"|'| |\$\(|é){0,20}"#) {
            let expr = Expr::parse(&text);
            let again = Expr::parse(&expr.to_string());
            assert_eq!(again.value(&Config::default()), expr.value(&Config::default()), "{text}");
        }
    }
}
