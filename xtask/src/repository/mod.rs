//! Apt repositories: what is in one, what has to be written to add to it, where it is kept, and who signs it. A repository is what its
//! signed Release file says; all else is found from there. Which packages go in is left to `workshop`.

mod change;
pub mod clock;
pub mod client;
mod index;
mod journal;
mod names;
mod package;
mod packed;
pub mod place;
mod publish;
mod reader;
mod release;
mod retain;
pub mod sign;
pub mod spec;
mod state;

pub use publish::{
    Ahead, Checked, Fate, Published, Publisher, Snapshot, Status, check_snapshot_name,
};
