//! Images that are as they should be, and those that are not.

mod hostile;
mod sections;
mod signatures;
