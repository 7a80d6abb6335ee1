//! The image: a tree of files in memory, each with the reason why it is there, and the formats that it is written in.
//!
//! Bytes only. The one thing read from disk are the contents of files (`content`) and overlays (`overlay`); what belongs into an
//! image, and where results are kept, is decided by others.

pub mod compress;
#[cfg(test)]
mod compress_tests;
pub mod content;
pub mod kernel_support;
mod lz4;
pub mod microcode;
#[cfg(test)]
mod microcode_tests;
pub mod newc;
pub mod newc_read;
#[cfg(test)]
mod newc_tests;
pub mod overlay;
#[cfg(test)]
mod overlay_tests;
pub mod openfirmware;
mod origin;
pub mod path;
pub mod pattern;
pub mod pe;
pub mod problem;
pub mod segments;
#[cfg(test)]
mod segments_tests;
pub mod stream;
mod stream_header;
pub mod tree;
#[cfg(test)]
mod tree_tests;
pub mod uki;
mod unpacked;
