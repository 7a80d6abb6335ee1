//! The only room that prints: everything that a person or a program reads is drawn here from data.

pub mod diagnostics;
