//! What Debian writes down about packages: changelogs, versions, which file belongs to which. But for the last, files are read by whoever has them.
//! And packages themselves, written as `dpkg-deb` writes them.

pub mod changelog;
pub mod deb;
pub mod deb822;
pub mod installed;
pub mod relation;
pub mod version;
