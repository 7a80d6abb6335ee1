//! What there is to say of a closure that is no mistake.

use std::fmt;

use serde::Serialize;

use crate::image::path::ImagePath;
use crate::text::quoted;

/// Something that whoever builds the image may want to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// Something would be used, and is not taken along.
    LeftOut {
        /// By what.
        by: ImagePath,
        /// What it is.
        what: String,
        /// Why it stays out.
        why: String,
    },
    /// A file has capabilities (`security.capability`), which newc cannot carry.
    Capabilities {
        /// The file.
        path: ImagePath,
    },
    /// A file is run as its owner or group.
    SetId {
        /// The file.
        path: ImagePath,
        /// Its permission bits.
        mode: u32,
        /// Its owner where it was taken from.
        uid: u32,
        /// Its group there.
        gid: u32,
    },
    /// A file is another one by a second name; in the image they are two.
    HardLink {
        /// The file.
        path: ImagePath,
        /// The other name.
        other: ImagePath,
    },
    /// A link leads to something that is not there, or was not taken along.
    Dangling {
        /// The link.
        path: ImagePath,
        /// What it points to.
        target: String,
    },
    /// An ELF file is for another machine.
    Foreign {
        /// The file.
        path: ImagePath,
        /// Its machine.
        machine: String,
    },
    /// An ELF file, or a part of it, cannot be understood.
    Damaged {
        /// The file.
        path: ImagePath,
        /// What is wrong with it.
        why: String,
    },
    /// A pattern or a name of a recipe does nothing: as likely as not a slip.
    Idle {
        /// The table, such as `copy.tools`.
        table: String,
        /// The key in it, such as `exclude`.
        key: &'static str,
        /// What it says.
        text: String,
    },
    /// A socket or a pipe: no image holds one.
    Skipped {
        /// Where it is.
        path: ImagePath,
    },
    /// A program finds libraries beside itself, and was put somewhere else.
    Moved {
        /// The program, where it is now.
        path: ImagePath,
        /// The folder that it looks at from where it was.
        folders: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftOut { by, what, why } => {
                write!(f, "{by} would use {what}, which is left out: {why}")
            }
            Self::Capabilities { path } => write!(
                f,
                "{path} has capabilities where it was taken from, and none in the image: newc cannot carry them"
            ),
            Self::SetId {
                path,
                mode,
                uid,
                gid,
            } => write!(
                f,
                "{path} has mode {mode:04o}, and belongs to user {uid} and group {gid} where it was taken from"
            ),
            Self::HardLink { path, other } => {
                write!(
                    f,
                    "{path} is a hard link of {other}, and another file in the image"
                )
            }
            Self::Dangling { path, target } => {
                write!(f, "{path} is a link to {target}, which was not taken along")
            }
            Self::Foreign { path, machine } => write!(f, "{path} is for {machine}"),
            Self::Damaged { path, why } => write!(f, "{path} is an ELF file with a flaw: {why}"),
            Self::Idle { table, key, text } => write!(
                f,
                "{} under `{key}` in [{table}] has no effect: nothing that is taken has to do with it; correct it, or leave it out",
                quoted(text)
            ),
            Self::Skipped { path } => write!(f, "{path} is a socket or a pipe, and left out"),
            Self::Moved { path, folders } => write!(
                f,
                "{path} finds libraries by its own place ({folders}), and was put somewhere else"
            ),
        }
    }
}
