//! What a file needs to work: libraries and interpreters of programs, dependencies and firmware of modules. Found by
//! reading, never by running, so for any architecture. Where files come from is `source`'s, where they go `steps`'.
//!
//! [`closure`] is the way in for programs, libraries, scripts and files. In reading order: `root` (paths and links), `elf`
//! (what a file says), `loader` and `search` (where a library is), `process` (all that one program loads), `nss`, `script`, `names` (what a
//! recipe means), `gather` (entries with their reasons), `missing` (what is said when something is not there).

pub mod elf;
mod gather;
pub mod glob;
pub mod ldcache;
pub mod ldconf;
pub mod loader;
pub mod machine;
mod missing;
pub mod modules;
mod names;
mod note;
pub mod nss;
pub mod process;
pub mod root;
pub mod script;
pub mod search;
mod settings;
pub mod strip;
mod take;
#[cfg(test)]
pub(crate) mod tests;
mod whole;

pub use note::Note;
pub use root::{Layer, Root, Thing};
pub use settings::{Dlopen, Settings, Wanted, Watched};
pub use whole::{CLOSURE, Closure, closure};
