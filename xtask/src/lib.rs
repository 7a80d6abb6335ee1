//! Cordwainer: netboot images from recipes, proved by PXE-booting them.
//!
//! The rooms in reading order, each importing only from those above it (see `ARCHITECTURE.md`;
//! `cargo xtask tidy` holds us to it).

pub mod archive;
pub mod boot;
pub mod checkout;
pub mod date;
pub mod debian;
pub mod digest;
pub mod event;
pub mod failure;
pub mod image;
pub mod kconfig;
pub mod needs;
pub mod recipe;
pub mod report;
pub mod source;
pub mod template;
pub mod text;
pub mod tool;
