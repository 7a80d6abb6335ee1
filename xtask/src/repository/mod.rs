//! Apt repositories: what is in one, what has to be written to add to it, where it is kept, and who signs it. A repository is what its
//! signed Release file says; all else is found from there. Which packages go in is left to `workshop`.

pub mod clock;
pub mod names;
pub mod client;
pub mod place;
pub mod sign;
pub mod spec;
