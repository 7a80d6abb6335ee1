//! Why something is in an image, for `why`, listings and messages about conflicts.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::path::ImagePath;

/// Why a path is in the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    /// It is a file of an overlay.
    Overlay {
        /// The overlay's name.
        overlay: String,
        /// Path inside the overlay, with the suffix of a template if it is one.
        file: String,
    },
    /// It is one of the names of a program that has many.
    Applet {
        /// The program.
        of: ImagePath,
    },
    /// A table of the recipe asks for it.
    Recipe {
        /// The table, such as `image.devices`.
        table: String,
    },
    /// It was built.
    Built {
        /// What from: the name in the plan.
        from: String,
    },
    /// Cordwainer made it up.
    Generated {
        /// What it is, such as `version stamp`.
        what: String,
    },
    /// A table of the recipe names it, or a pattern that fits it.
    Copied {
        /// The table, such as `copy.tools`.
        table: String,
        /// The name or pattern there that it goes back to.
        name: String,
    },
    /// Something that is in the image does not work without it.
    Needed {
        /// What needs it.
        by: ImagePath,
        /// As what, in a few words: `library libc.so.6`, `interpreter`, `module dependency`, `firmware`.
        how: String,
    },
    /// An archive holds it, and does not say why.
    Archive {
        /// The archive's segment, counted from 1.
        segment: usize,
    },
    /// It is a directory that something else has to be in.
    Parent {
        /// The first path in it.
        of: ImagePath,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlay { overlay, file } => write!(f, "overlay {overlay} (its file {file})"),
            Self::Applet { of } => write!(f, "applet of {of}"),
            Self::Recipe { table } => write!(f, "the recipe's [{table}]"),
            Self::Built { from } => write!(f, "built from {from}"),
            Self::Generated { what } => write!(f, "generated: {what}"),
            Self::Copied { table, name } => write!(f, "the recipe's [{table}] names {name}"),
            Self::Needed { by, how } => write!(f, "needed by {by} ({how})"),
            Self::Archive { segment } => write!(f, "segment {segment} of the archive"),
            Self::Parent { of } => write!(f, "parent of {of}"),
        }
    }
}
