//! Cordwainer: netboot images from recipes, proved by PXE-booting them.
//!
//! The rooms in reading order, each importing only from those above it (see `ARCHITECTURE.md`;
//! `cargo xtask tidy` holds us to it).

pub mod failure;
pub mod digest;
pub mod event;
pub mod arch;
pub mod needs;
pub mod tool;
pub mod files;
pub mod checkout;
pub mod text;
pub mod date;
pub mod template;
pub mod archive;
pub mod image;
pub mod debian;
pub mod kconfig;
pub mod closure;
pub mod inspect;
pub mod loader;
pub mod lint;
pub mod boot;
pub mod source;
pub mod repository;
pub mod recipe;
pub mod store;
pub mod plan;
pub mod steps;
pub mod engine;
pub mod out;
pub mod workshop;
pub mod tidy;
pub mod report;
pub mod cli;
