//! Whole closures: of the host's programs, held against its own loader, and of roots made for one rule each.

mod elsewhere;
mod host;
mod hostile;
mod lab;
mod needs;
pub(crate) mod oracle;
mod roots;
mod rules;
mod table;
