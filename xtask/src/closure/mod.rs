//! What a file needs to work: libraries and interpreters of programs, dependencies and firmware of modules. Found by
//! reading, never by running, so for any architecture. Where files come from is `source`'s, where they go `steps`'.

pub mod modules;
pub mod pattern;
pub mod strip;
