//! From TOML text to a checked recipe: read and merged (`parse`, `document`, `extend`), held against the types (`schema`,
//! `conform`), checked as a whole (`check`), and printed back (`show`). All mistakes are collected as diagnostics;
//! drawing them is left to `report`. What a recipe is built into is left to `plan`.

pub mod check;
pub mod conform;
pub mod document;
pub mod extend;
pub mod line;
pub mod load;
pub mod new;
pub mod parse;
pub mod path;
pub mod repository;
pub mod schema;
pub mod show;
pub mod site;
#[cfg(test)]
pub(crate) mod tests;

pub use load::{Listed, Loaded, list, load, names};
pub use new::create;
pub use schema::{Recipe, json_schema};
pub use show::{show, show_origins};
pub use site::{Site, site_schema};
