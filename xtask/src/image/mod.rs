//! Bytes only: the file tree and the formats it is written in.

pub mod compress;
