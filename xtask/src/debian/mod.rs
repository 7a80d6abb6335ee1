//! What Debian writes down about packages: changelogs and versions. Pure; files are read by whoever has them.

pub mod changelog;
pub mod version;
