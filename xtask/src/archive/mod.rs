//! Unpacks archives that others made: tar, compressed or not, and Debian packages.
//!
//! Whatever an archive holds, nothing is written outside the folder it is unpacked into, memory stays bounded, and
//! what is odd is refused by name. What to make of the files is left to others; so is keeping a half-unpacked folder from
//! being taken for a whole one (the store renames a folder into place only when it is done).

mod ahead;
mod deb;
mod decode;
#[cfg(test)]
mod hostile;
mod member;
mod meter;
#[cfg(test)]
pub(crate) mod samples;
mod unpack;
mod writer;

pub use deb::{Part, control, deb_part, read_member, unpack_deb, unpack_deb_noting};
pub use decode::{Headed, decoded, head};
pub use unpack::{Attributes, Limits, Note, Options, Unpacked, unpack_tar};

use std::io;

use crate::failure::{Failure, Kind};

/// The failure that an error is which came up while reading an archive: the archive's fault if its bytes are wrong, the host's otherwise.
pub(crate) fn unreadable(archive: &str, error: io::Error) -> Failure {
    use io::ErrorKind as E;
    match error.kind() {
        E::UnexpectedEof => Failure::new(Kind::Source, format!("{archive} is cut short"))
            .note(error.to_string())
            .hint("fetch it again"),
        E::InvalidData | E::InvalidInput | E::Other => {
            Failure::new(Kind::Source, format!("{archive} is damaged"))
                .note(error.to_string())
                .hint("fetch it again")
        }
        _ => error.into(),
    }
}
