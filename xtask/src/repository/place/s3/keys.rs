//! The keys for an object store: from the environment, into signatures, and nowhere else.

use std::fmt;

use crate::failure::{Failure, Kind, Result};

const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";

/// What proves to an object store who we are. Shown nowhere.
#[derive(Clone)]
pub struct Keys {
    id: String,
    secret: String,
    token: Option<String>,
}

impl Keys {
    /// Those that the environment has: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and `AWS_SESSION_TOKEN` for keys that run out.
    ///
    /// # Errors
    /// When one of the first two is not set, or one is not what a key looks like.
    pub fn from_environment() -> Result<Self> {
        let had = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let wanted = |name: &str| {
            had(name).ok_or_else(|| {
                Failure::new(Kind::Host, format!("{name} is not set"))
                    .hint(format!("set {ID} and {SECRET}, and {TOKEN} where there is one: they are read from the environment alone"))
            })
        };
        Self::new(&wanted(ID)?, &wanted(SECRET)?, had(TOKEN).as_deref())
    }

    /// These.
    ///
    /// # Errors
    /// When one is not what a key looks like: a line end at its end is easily come by.
    pub fn new(id: &str, secret: &str, token: Option<&str>) -> Result<Self> {
        let named = [(ID, Some(id)), (SECRET, Some(secret)), (TOKEN, token)];
        for (name, value) in named {
            if value.is_some_and(|value| {
                value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic())
            }) {
                let what =
                    format!("{name} holds a space, a line end or something else that is in no key");
                return Err(Failure::new(Kind::Host, what)
                    .hint("it is not shown here: look at how it is set"));
            }
        }
        Ok(Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            token: token.map(str::to_owned),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A text without them: what a store says may repeat what it was sent.
    pub(super) fn scrubbed(&self, text: &str) -> String {
        let all = [Some(&self.secret), self.token.as_ref(), Some(&self.id)];
        all.into_iter()
            .flatten()
            .fold(text.to_owned(), |text, key| {
                text.replace(key.as_str(), "[key]")
            })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_never_shown() {
        let keys = Keys::new("AKID", "s3cr3t", Some("t0k3n")).unwrap();
        assert_eq!(format!("{keys:?}"), "Keys(…)");
        assert_eq!(keys.scrubbed("AKID/s3cr3t t0k3n"), "[key]/[key] [key]");
        for bad in ["s3cr3t\n", "s3 cr3t", ""] {
            let said = Keys::new("AKID", bad, None).unwrap_err();
            assert!(!format!("{said} {said:?}").contains("cr3t"));
        }
    }
}
