//! Paths inside an image.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind, Result};

/// A path inside an image: never empty, no `.`, `..`, NUL or doubled slash, kept without the leading slash that it is shown with.
/// Sorted bytewise, so that a directory comes before all that is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImagePath(String);

impl ImagePath {
    /// The path without a leading slash, as archives name it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory it is in; none at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once('/')?;
        Some(Self(parent.to_owned()))
    }

    /// The last component.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The directories above it, nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent(), Self::parent)
    }

    /// A path below this one.
    ///
    /// # Errors
    /// [`Kind::Recipe`] as in parsing.
    pub fn join(&self, below: &str) -> Result<Self> {
        format!("{}/{below}", self.0).parse()
    }
}

impl FromStr for ImagePath {
    type Err = Failure;

    /// Reads `/etc/x` or `etc/x`.
    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .collect();
        let reason = if parts.is_empty() {
            "it names nothing"
        } else if parts.contains(&"..") {
            "`..` is not allowed"
        } else if text.contains('\0') {
            "it holds a NUL"
        } else {
            return Ok(Self(parts.join("/")));
        };
        Err(Failure::new(
            Kind::Recipe,
            format!("{text:?} is no path inside an image: {reason}"),
        )
        .hint("write it from the image's root, such as `/etc/hostname`"))
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

impl Borrow<str> for ImagePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for ImagePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ImagePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        text.parse().unwrap()
    }

    #[test]
    fn one_path_has_one_form() {
        for text in ["/etc/x", "etc/x", "./etc//x/", "//etc/./x"] {
            assert_eq!(path(text).to_string(), "/etc/x");
        }
    }

    #[test]
    fn what_names_nothing_inside_is_refused() {
        for text in ["", "/", ".", "..", "/etc/../x", "a\0b"] {
            assert!(text.parse::<ImagePath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn parents_end_at_the_top() {
        let above: Vec<String> = path("/a/b/c").ancestors().map(|p| p.to_string()).collect();
        assert_eq!(above, ["/a/b", "/a"]);
        assert_eq!(path("/a/b/c").name(), "c");
    }

    #[test]
    fn a_directory_sorts_before_what_is_in_it() {
        let mut paths = ["a/b", "a.b", "a", "a-b"].map(path);
        paths.sort();
        assert!(
            paths[0] == path("a") && paths[3] == path("a/b"),
            "{paths:?}"
        );
    }
}
