//! Kernel modules: which ones an image needs, the indexes that modprobe reads, and the firmware that they name.
//!
//! All by reading: `modules.order`, `modules.builtin` and the names of files tell what there is, and only modules that come into question are opened, of which
//! only some sections are read. What comes out is a tree ([`tree()`]); whether missing firmware is a failure, and where the kernel comes from, is decided by others.
//!
//! ```text
//! folder ─▶ Kernel ─▶ choose ─▶ Chosen ─┬▶ index ────┬▶ tree
//!                                       └▶ firmware ─┘
//! ```

mod choose;
mod class;
mod elf;
mod firmware;
mod index;
mod info;
mod kernel;
mod order;
mod pattern;
#[cfg(test)]
mod tests;
mod tree;
mod trie;

pub use choose::{Asked, Chosen, Picked, Wanted, Why, choose};
pub use class::{CLASSES, Class};
pub use firmware::{Below, Firmware, Found, Look, Missing, Named, Seen, find, microcode, named};
pub use index::index;
pub use info::Info;
pub use kernel::{Builtin, Kernel, Module, releases, scan};
pub use tree::{Place, tree};
