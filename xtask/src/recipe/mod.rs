//! From TOML text to a checked recipe.

pub mod schema;
