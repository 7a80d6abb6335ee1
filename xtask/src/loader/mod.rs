//! Boot loaders: which of their files a bundle needs, and the configuration that they and their DHCP servers read.
//! Data in, texts out; it knows no recipes, and writing the files is left to the steps.

pub mod address;
pub mod answer;
pub mod bundle;
pub mod c32;
pub mod check;
pub mod dhcp;
pub mod firmware;
mod highbank;
mod grub;
mod ipxe;
pub mod openfirmware;
pub mod pxelinux;
pub mod program;
pub mod reader;
pub mod route;
mod uboot;

use std::path::PathBuf;

use serde::Serialize;

use crate::failure::{Doing, Kind, Result};
use crate::template;

/// A text file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFile {
    /// Its path inside the bundle.
    pub path: String,
    /// What it says.
    pub content: String,
    /// Why it is there.
    pub reason: String,
}

/// Renders one of our own templates: that it fails is nobody else's mistake.
fn render(name: &str, template: &str, data: &impl Serialize) -> Result<String> {
    let file = PathBuf::from("xtask/src/loader/templates").join(name);
    template::render(&file, template, data)
        .map_err(|failure| failure.kind(Kind::Bug))
        .doing(|| format!("cannot write what {name} is the template of"))
}
